"""What a model writes: as transformers' generate, without heads, and by draws of its own for each prompt."""

import json
from collections import Counter

import pytest
import torch

import workbench as wb
from tests.models import byte_tokenizer, tiny
from workbench.errors import BadArgument, TooLarge, WorkbenchError

PROMPTS = ["Guten Tag", "a", "one cat"]
QUIET = {"progress": False}


def expected(module, prompt, tokens):
    tokenizer = byte_tokenizer()
    ids = torch.tensor([tokenizer(prompt)["input_ids"]])
    output = module.generate(ids, max_new_tokens=tokens, do_sample=False, pad_token_id=0)[0, ids.shape[1] :]
    return tokenizer.decode(output, skip_special_tokens=True)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma3"])
def test_greedy_is_that_of_transformers(wrapped, kind):
    table = wb.generate(wrapped(kind), PROMPTS, tokens=12, batch_size=2, **QUIET)
    assert table.text.tolist() == [expected(tiny(kind), prompt, 12) for prompt in PROMPTS]
    assert table.prompt.tolist() == PROMPTS
    record = json.loads(table.attrs["provenance"])
    assert record["method"] == "generate" and record["parameters"]["tokens"] == 12


def test_heads_that_are_off_write_nothing(wrapped):
    module = tiny("llama")
    module.model.layers[1].self_attn.o_proj.weight.data[:, 8:16] = 0
    module.model.layers[2].mlp.down_proj.weight.data[:, 5] = 0
    table = wb.generate(wrapped("llama"), PROMPTS, tokens=12, heads=[(1, 1)], neurons=[(2, 5)], **QUIET)
    assert table.text.tolist() == [expected(module, prompt, 12) for prompt in PROMPTS]
    whole = wb.generate(wrapped("llama"), PROMPTS, tokens=12, heads=[(1, 1)], scale=1.0, **QUIET)
    assert whole.text.tolist() == [expected(tiny("llama"), prompt, 12) for prompt in PROMPTS]


def test_draws_do_not_depend_on_the_batch(wrapped):
    first, alone, other = (
        wb.generate(wrapped("llama"), PROMPTS, tokens=9, temperature=1.0, **options, **QUIET).text.tolist()
        for options in ({"batch_size": 3}, {"batch_size": 1}, {"seed": 1})
    )
    assert first == alone != other
    cold = wb.generate(wrapped("llama"), PROMPTS, tokens=9, temperature=1e-6, **QUIET).text.tolist()
    assert cold == wb.generate(wrapped("llama"), PROMPTS, tokens=9, **QUIET).text.tolist()


def test_draws_come_as_often_as_they_are_likely(wrapped):
    """The drawn token of many equal prompts: chi-square against softmax(logits / temperature)."""
    drawn = Counter(wb.generate(wrapped("gpt2"), ["ab"] * 2000, tokens=1, temperature=0.5, **QUIET).text)
    with torch.no_grad():
        logits = tiny("gpt2")(torch.tensor([byte_tokenizer()("ab")["input_ids"]])).logits[0, -1]
    p = (logits / 0.5).softmax(-1)
    for token in p.topk(5).indices.tolist():
        text = byte_tokenizer().decode([token], skip_special_tokens=True)
        same = sum(float(p[other]) for other in range(len(p)) if byte_tokenizer().decode([other]) == text)
        if text and "\ufffd" not in text:
            assert drawn[text] / 2000 == pytest.approx(same, abs=4 * (same * (1 - same) / 2000) ** 0.5 + 1e-3)


def test_only_the_nucleus_is_drawn(wrapped):
    """With top_p, tokens outside the smallest set that holds so much probability never come."""
    with torch.no_grad():
        logits = tiny("gpt2")(torch.tensor([byte_tokenizer()("ab")["input_ids"]])).logits[0, -1]
    p, order = (logits / 0.3).softmax(-1).sort(descending=True)
    inside = int((p.cumsum(-1) < 0.6).sum()) + 1
    allowed = {byte_tokenizer().decode([token], skip_special_tokens=True) for token in order[:inside].tolist()}
    options = {"tokens": 1, "temperature": 0.3, **QUIET}
    drawn = set(wb.generate(wrapped("gpt2"), ["ab"] * 300, top_p=0.6, **options).text)
    assert drawn <= allowed < set(wb.generate(wrapped("gpt2"), ["ab"] * 300, **options).text)


def test_beams_are_those_of_transformers(wrapped):
    table = wb.generate(wrapped("llama"), PROMPTS, tokens=8, beams=3, batch_size=2, **QUIET)
    for prompt, text in zip(PROMPTS, table.text, strict=True):
        ids = torch.tensor([byte_tokenizer()(prompt)["input_ids"]])
        output = tiny("llama").generate(ids, max_new_tokens=8, num_beams=3, do_sample=False, pad_token_id=0)
        assert text == byte_tokenizer().decode(output[0, ids.shape[1] :], skip_special_tokens=True)


def test_a_corpus_keeps_its_languages(wrapped):
    corpus = wb.load_corpus({"de": ["Guten Tag"], "fr": ["un chat"]})
    table = wb.generate(wrapped("llama"), corpus, tokens=3, **QUIET)
    assert table.language.tolist() == ["de", "fr"]


def test_what_cannot_be_written_is_refused(wrapped):
    for options, error, message in (
        ({"tokens": 0}, BadArgument, "tokens=0"),
        ({"temperature": -1}, BadArgument, "temperature=-1"),
        ({"top_p": 0}, BadArgument, "top_p=0"),
        ({"beams": 2, "temperature": 1.0}, BadArgument, "beam search draws nothing"),
        ({"heads": [(0, 99)]}, BadArgument, "head 99 of layer 0 does not exist"),
        ({"tokens": 127}, TooLarge, "leaves no room for 127"),
    ):
        with pytest.raises(error, match=message):
            wb.generate(wrapped("llama"), "a cat", **{**QUIET, **options})
    with pytest.raises(WorkbenchError):
        wb.generate(wrapped("llama"), " ", **QUIET)


def test_logits_of_texts_are_those_of_transformers(wrapped):
    model = wrapped("llama")
    with torch.no_grad():
        single, padded = model.logits("a cat"), model.logits(["a cat", "a b c d e"])
        truth = tiny("llama")(torch.tensor([byte_tokenizer()("a cat")["input_ids"]])).logits
    assert torch.allclose(single, truth, atol=1e-5) and torch.allclose(padded[:1, : truth.shape[1]], truth, atol=1e-5)
    with pytest.raises(BadArgument, match="batch=3"):
        model.logits(3)
