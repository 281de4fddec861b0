"""Measures against those of the shipped models' cards, and against plain loops."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

import workbench as wb
from tests.laboratories.cases import CORPUS, base, materials
from tests.models import byte_tokenizer
from workbench.laboratories.parts import measures
from workbench.laboratories.parts.measures import bits, matches
from workbench.text.corpus import Corpus
from workbench.training.data import prompts
from workbench.training.held_out import held_out_directions
from workbench.training.measure import bits_of_each, draw_items, exact_matches

LAB = wb.laboratories


@pytest.fixture(scope="module")
def polyglot():
    return LAB.read_base("polyglot")


def test_exact_matches_and_bits_are_those_of_the_model_card(polyglot):
    words = dict(list(prompts.read_words("data/words.tsv").items())[:40])
    items = draw_items(words, held_out_directions(), untrained=False, count=24)
    asked = [prompts.few_shot(words, *item, [x for x in words if x != item[0]][:2]) for item in items]
    pairs = [(prompt, words[concept][target]) for prompt, (concept, _, target) in zip(asked, items, strict=True)]
    made = matches(polyglot.module, polyglot.tokenizer, pairs)

    def same(table, concept, source, target, shots):
        return prompts.few_shot(table, concept, source, target, [x for x in words if x != concept][:2])

    wanted = exact_matches(polyglot.module, polyglot.tokenizer, words, items, prompt_of=same, progress=False)
    assert made == wanted and sum(made) > 0
    texts = wb.load_corpus("parallel", languages="de,ja").texts["ja"][:9]
    own = bits(polyglot.module, polyglot.tokenizer, texts)
    assert own == pytest.approx(bits_of_each(polyglot.module, polyglot.tokenizer, texts).tolist(), abs=1e-5)


def test_bits_per_byte_equal_a_plain_loop():
    module, tokenizer = base(), byte_tokenizer()
    model = SimpleNamespace(module=module, tokenizer=tokenizer)
    measured = LAB.bits_per_byte(CORPUS)(model)
    for language, texts in CORPUS.texts.items():
        for row, text in enumerate(texts):
            ids = torch.tensor(tokenizer(text)["input_ids"])
            with torch.no_grad():
                nats = cross_entropy(module(input_ids=ids[None]).logits[0, :-1], ids[1:], reduction="sum")
            assert float(measured.sel(language=language)[row]) == pytest.approx(
                float(nats) / math.log(2) / len(text.encode()), abs=1e-5
            )
    assert measured.attrs["better"] == "lower" and measured.attrs["aligned"]


def test_few_rows_are_read_together_where_the_vocabulary_is_large(monkeypatch):
    module, tokenizer, sizes = base(), byte_tokenizer(), []
    texts = [text for texts in CORPUS.texts.values() for text in texts]
    whole = bits(module, tokenizer, texts)
    logits_from = measures.logits_from
    monkeypatch.setattr(measures, "_LOGITS", 20_000)  # three rows of 20 tokens of 300
    monkeypatch.setattr(
        measures, "logits_from", lambda *given: sizes.append(logits_from(*given).numel()) or logits_from(*given)
    )
    assert bits(module, tokenizer, texts) == pytest.approx(whole, abs=1e-6)
    assert len(sizes) > 1 and max(sizes) <= 20_000


def test_a_text_longer_than_the_context_counts_as_far_as_it_fits():
    module, tokenizer = base(), byte_tokenizer()
    long = "abcdefgh" * 40  # the context has 128 tokens
    (value,) = bits(module, tokenizer, [long])
    (short,) = bits(module, tokenizer, [long[: 128 - len(tokenizer("")["input_ids"])]])
    assert value == pytest.approx(short, abs=1e-6)


def test_exact_match_measures_held_out_words_of_its_directions():
    made = materials()
    measured = LAB.exact_match(made, directions=[("de", "en"), ("fr", "en"), ("en", "de")])(made_model())
    assert measured.dims == ("language", "sample") and measured.name == "exact match, question"
    counts = (~np.isnan(measured)).sum("sample")
    assert counts.to_series().to_dict() == {"en": 4, "de": 2}  # two held-out concepts in each direction
    object.__setattr__(made, "held_out", lambda *_: False)
    with pytest.raises(wb.errors.BadArgument, match="no held-out direction"):
        LAB.exact_match(made, directions=[("de", "en")])


def test_choice_is_accuracy():
    model, task = made_model(), wb.load_task("words", languages="de,fr", limit=3)
    wanted = wb.evaluation.accuracy(model, task, answer_only=False, truncate=True, progress=False).correct
    made = LAB.choice(task, truncate=True)(model)
    assert (made.values == wanted.transpose("language", "item").values).all()


def test_own_language_reads_the_continuations():
    long = Corpus({"de": ("Der Hund schläft heute im Garten",) * 2}, aligned=False, source="test")
    seen = []
    measured = LAB.own_language(long, lambda text: seen.append(text) or ("de" if len(seen) == 1 else None))(
        made_model()
    )
    assert measured.values.tolist() == [[1.0, 0.0]] and len(seen) == 2


def made_model():
    return wb.load_model(base(), tokenizer=byte_tokenizer())
