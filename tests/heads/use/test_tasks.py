"""Questions as tokens: the answer's are those of the whole text that end behind the prompt."""

import functools

import numpy as np
import pytest
import torch

import workbench as wb
from tests.borders import before, merging
from tests.models import tiny
from workbench.errors import BadPairs
from workbench.heads.attention.kinds import kinds
from workbench.heads.use.tasks import encode_tasks
from workbench.model.forward.record import record
from workbench.model.load import load_model
from workbench.model.metrics import read_nll
from workbench.text.batches import batches
from workbench.text.corpus import Corpus
from workbench.text.tasks.questions import Question

QUESTIONS = [Question("sky: ", "blue"), Question("sky:", " blue"), Question("n", "d"), Question("日", "本")]


@functools.cache
def model(template):
    return load_model(tiny("llama"), tokenizer=merging(template))


@pytest.mark.parametrize("template", ["<bos> $A", "<eos> $A <eos>", "<eos> <bos> $A <pad>"])
def test_answers_are_divided_from_the_whole_text(template):
    tokenizer = merging(template)
    found = encode_tasks(model(template), QUESTIONS)
    for question, ids, count in zip(QUESTIONS, found.ids, found.answers, strict=True):
        text = question.prompt + question.answer
        whole = tokenizer(text)["input_ids"]
        whole = whole[: len(whole) - (not template.endswith("$A"))]
        assert ids == whole
        assert count == len(whole) - before(tokenizer, text, len(question.prompt))
    assert found.ids[0] == found.ids[1]
    assert found.answers[0] == found.answers[1]


@pytest.mark.parametrize("batch_size", [1, 3])
def test_the_loss_of_a_task_is_that_of_its_answers_tokens(batch_size):
    m, template = model("<bos> $A"), "<bos> $A"
    questions = [{"prompt": one.prompt, "answer": one.answer} for one in QUESTIONS]
    found = wb.heads.task_losses(m, questions, batch_size=batch_size)
    for question, value in zip(QUESTIONS, found, strict=True):
        text = question.prompt + question.answer
        ids = torch.tensor([merging(template)(text)["input_ids"]])
        with torch.no_grad():
            losses = -tiny("llama")(ids).logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
        own = losses[before(merging(template), text, len(question.prompt)) - 1 :]
        assert value == pytest.approx(float(own.mean()), abs=1e-5)


def test_an_answer_with_nothing_before_it_is_refused():
    with pytest.raises(BadPairs, match="question 0"):
        encode_tasks(model("$A"), [Question("n", "d")])  # "nd" is one token


def test_no_loss_is_taken_of_what_stands_in_front():
    m = model("<eos> <bos> $A <pad>")
    corpus = Corpus({"de": ("Hand", "ab", "Mund")}, False, "test")
    batch = next(batches(m.encode(corpus), batch_size=3, pad_id=0))
    found = read_nll(m, record(m, batch.to(m.device)).residual[-1][None], batch)[0]
    for row, value in zip(batch.rows, found, strict=True):
        ids = torch.tensor([merging("<eos> <bos> $A")(corpus.texts["de"][row])["input_ids"]])
        with torch.no_grad():
            losses = -tiny("llama")(ids).logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
        assert float(value) == pytest.approx(float(losses[1:].mean()), abs=1e-4)


def test_kinds_leave_out_the_positions_in_front():
    corpus = Corpus({"de": ("Hand", "ab"), "en": ("band",)}, False, "test")
    found = kinds(model("<eos> <bos> $A"), corpus, progress=False)
    for language, texts in corpus.texts.items():
        wanted = []
        for text in texts:
            ids = torch.tensor([merging("<eos> <bos> $A")(text)["input_ids"]])
            with torch.no_grad():
                pattern = torch.stack(tiny("llama")(ids, output_attentions=True).attentions)[:, 0]
            wanted.append(pattern[:, :, range(2, ids.shape[1]), range(1, ids.shape[1] - 1)].mean(-1).numpy())
        np.testing.assert_allclose(found.previous.sel(language=language), np.mean(wanted, 0), atol=1e-5)
