"""Off target against greedy decoding by hand, on a planted model, and what is refused."""

import itertools
import sys

import numpy as np
import pytest
import torch
from scipy import stats

import workbench as wb
from tests.heads.cases import TEXTS, corpus, model, module
from tests.heads.planted import HEAD, KEYS, QUERY, planted
from tests.models import byte_tokenizer
from workbench.errors import BadArgument, Interrupted, TooFewLanguages, TooLarge, UnknownLanguage, UnsupportedSite
from workbench.heads.groups import random_groups, read_heads
from workbench.model.load import load_model
from workbench.text.corpus import Corpus

HEADS = [(0, 1), (2, 3)]
off_target = wb.heads.off_target


@torch.no_grad()
def greedy(module, text, scales, tokens):
    """The most likely token, one at a time, with every head's output scaled by a plain hook."""
    handles = []
    for part, scale in zip((layer.self_attn.o_proj for layer in module.model.layers), scales, strict=True):
        wide = torch.tensor(np.repeat(scale, module.config.hidden_size // len(scale)), dtype=torch.float32)
        handles.append(part.register_forward_pre_hook(lambda m, args, wide=wide: (args[0] * wide,)))
    ids = byte_tokenizer()(text)["input_ids"]
    start = len(ids)
    for _ in range(tokens):
        ids.append(int(module(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
        if ids[-1] == byte_tokenizer().eos_token_id:
            break
    for handle in handles:
        handle.remove()
    return byte_tokenizer().decode(ids[start:], skip_special_tokens=True)


def by_first(text):
    """A made-up identifier: any function of the text will do."""
    return [None, "de", "en", "ja", "fr"][sum(text.encode()) % 5]


def test_every_text_and_share_is_that_of_the_plain_loop():
    options = {"scale": 0.5, "identify": by_first, "controls": 2, "tokens": 4, "seed": 2, "progress": False}
    found = off_target(model("llama"), corpus(), HEADS, **options)
    mask = read_heads(HEADS, 3, 4)
    runs = [np.zeros_like(mask), mask, *random_groups("off-target", mask, 2, seed=2)]
    beyond = []
    for language, rows in TEXTS.items():
        written = [[greedy(module("llama"), text, np.where(one, 0.5, 1.0), 4) for text in rows] for one in runs]
        hits = np.array([[by_first(text) == language for text in texts] for texts in written], dtype=float)
        cell = found.sel(language=language)
        for condition, texts in zip(("whole", "scaled"), written, strict=False):
            assert cell.text.sel(condition=condition).values[: len(rows)].tolist() == texts
            codes = [by_first(text) or "?" for text in texts]
            said = cell.answered.sel(condition=condition)
            assert float(said.sel(answer="en")) == codes.count("en") / len(rows)
            others = sum(code not in TEXTS for code in codes)
            assert float(said.sel(answer="?")) == pytest.approx(others / len(rows))
            assert float(cell.unidentified.sel(condition=condition)) == codes.count("?")
        lost = [sum(by_first(text) is None for text in texts) for texts in written]
        assert float(cell.unidentified.sel(condition="random")) == pytest.approx(np.mean(lost[2:]))
        np.testing.assert_allclose(cell.share, [hits[0].mean(), hits[1].mean(), hits[2:].mean()])
        np.testing.assert_allclose(cell.control_share, hits[2:].mean(1))
        beyond.append(hits[1] - hits[2:].mean(0))
        np.testing.assert_allclose(cell.beyond, beyond[-1].mean(), atol=1e-12)
    assert (found.text.sel(condition="scaled") != found.text.sel(condition="whole")).any()
    together = np.concatenate(beyond)
    assert found.attrs["beyond"] == pytest.approx(together.mean())
    assert found.attrs["beyond_p"] == pytest.approx(stats.ttest_1samp(together, 0)[1])
    assert found.attrs["beyond_low"] <= found.attrs["beyond"] <= found.attrs["beyond_high"]


def test_batches_and_cut_prompts():
    options = {"identify": by_first, "controls": 2, "tokens": 3, "progress": False}
    cut = Corpus({k: tuple(t.encode()[:4].decode(errors="ignore") for t in v) for k, v in TEXTS.items() if k != "ja"},
                 aligned=False, source="cut")  # fmt: skip
    whole = off_target(model("llama"), corpus({k: TEXTS[k] for k in ("de", "en")}), HEADS, prompt=5, **options)
    for size in (1, 3):
        again = off_target(model("llama"), cut, HEADS, batch_size=size, **options)
        assert (again.text == whole.text).all()  # 5 tokens: BOS and four letters
        np.testing.assert_allclose(again.beyond, whole.beyond)


@pytest.fixture(scope="module")
def copier():
    """The planted model, prompts that ask for a key, and whose keys the answer begins with."""
    rows = {name: tuple(f"{key}{QUERY[name]}" * 3 + key + QUERY[name] for key in KEYS[name]) for name in ("en", "de")}
    prompts = Corpus(rows, aligned=False, source="planted")

    def identify(text):
        return next((name for name in ("en", "de") if text and text[0] in KEYS[name]), None)

    return load_model(planted(), tokenizer=byte_tokenizer()), prompts, identify


def test_a_planted_head_keeps_its_language_and_no_other(copier):
    model, prompts, identify = copier
    for name, other in (("en", "de"), ("de", "en")):
        found = off_target(
            model, prompts, [HEAD[name]], identify=identify, tokens=1, controls=2, seed=1, progress=False
        )
        mine, rest = found.sel(language=name), found.sel(language=other)
        assert float(mine.share.sel(condition="whole")) == 1 and float(mine.share.sel(condition="scaled")) == 0
        assert rest.share.sel(condition=["whole", "scaled"]).values.tolist() == [1, 1]
        assert float(mine.beyond_high) < 0 and found.attrs["beyond"] < 0


def test_the_wanted_language_may_be_another(copier):
    model, prompts, identify = copier
    options = {"identify": identify, "tokens": 1, "controls": 1, "progress": False}
    found = off_target(model, prompts, [HEAD["en"]], target="en", **options)
    assert found.wanted.values.tolist() == ["en", "en"]
    assert found.share.sel(condition="whole").values.tolist() == [1, 0]
    found = off_target(model, prompts, [HEAD["en"]], target={"en": "de", "de": "de"}, **options)
    assert found.share.sel(condition="whole").values.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"heads": []}, BadArgument, "names none"),
        ({"heads": [(0, 4)]}, BadArgument, "heads 0 to 3"),
        ({"scale": 1}, BadArgument, "scale=1"),
        ({"scale": float("nan")}, BadArgument, "scale=nan"),
        ({"controls": 0}, BadArgument, "controls=0"),
        ({"tokens": 0}, BadArgument, "tokens=0"),
        ({"prompt": 0}, BadArgument, "prompt=0"),
        ({"level": 1}, BadArgument, "level=1"),
        ({"tokens": 120}, TooLarge, "leaves no room for 120"),
        ({"target": {"de": "de"}}, UnknownLanguage, "no language for prompts in en, ja"),
    ],
)
def test_what_does_not_fit_is_refused(options, error, message):
    given = {"heads": HEADS, "identify": by_first, "progress": False, **options}
    with pytest.raises(error, match=message):
        off_target(model("llama"), corpus(), given.pop("heads"), **given)


def test_lingua_takes_two_languages_and_is_an_extra(monkeypatch):
    with pytest.raises(TooFewLanguages, match="only 'de'"):
        off_target(model("llama"), corpus({"de": TEXTS["de"]}), HEADS, progress=False)
    monkeypatch.setitem(sys.modules, "lingua", None)
    with pytest.raises(UnsupportedSite, match="install the extra `identify`"):
        off_target(model("llama"), corpus(), HEADS, progress=False)


def test_an_interrupt_says_that_nothing_is_kept(monkeypatch):
    calls = itertools.count()

    def stop(text):
        if next(calls) == 12:
            raise KeyboardInterrupt
        return "de"

    with pytest.raises(Interrupted, match="no partial result"):
        off_target(model("llama"), corpus(), HEADS, identify=stop, controls=1, tokens=1, progress=False)
