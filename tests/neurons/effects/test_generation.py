"""Generation without groups: greedy by hand, shares by hand, and the identifiers."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.models import byte_tokenizer, tiny
from tests.neurons.effects.test_knockout import CORPUS, DOWN, GROUPS, TEXTS
from workbench.errors import BadArgument, TooFewLanguages, TooLarge, UnsupportedSite
from workbench.neurons import by_lingua, by_trigrams, generation_share
from workbench.text.readers import load_corpus


@torch.no_grad()
def greedy(module, text, downs, off, tokens):
    """The most likely token, one at a time, with activations at 0 by a plain hook."""

    def silence(neurons):
        def hook(m, args):
            values = args[0].clone()
            values[..., neurons] = 0
            return (values,)

        return hook

    handles = [d.register_forward_pre_hook(silence([n for i, n in off if i == layer])) for layer, d in enumerate(downs)]
    ids = byte_tokenizer()(text)["input_ids"]
    start = len(ids)
    for _ in range(tokens):
        ids.append(int(module(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
        if ids[-1] == byte_tokenizer().eos_token_id:
            break
    for handle in handles:
        handle.remove()
    return byte_tokenizer().decode(ids[start:], skip_special_tokens=True)


def test_every_text_is_that_of_the_plain_loop(wrapped):
    module = tiny("llama")
    downs = DOWN["llama"](module)
    calls = iter(range(10**6))

    def identify(text):  # any function will do: this one counts
        return ["en", "de", None][next(calls) % 3]

    groups = {"a": [(i, n) for i in range(3) for n in range(20)], "b": GROUPS["b"]}
    found = generation_share(wrapped("llama"), CORPUS, groups, identify, controls=1, tokens=6, progress=False)
    for name, off in {"none": [], **groups}.items():
        for language, rows in TEXTS.items():
            wanted = [greedy(module, text, downs, off, 6) for text in rows]
            assert found.text.sel(group=name, language=language).values.tolist() == wanted
    assert (found.text.sel(group="a") != found.text.sel(group="none")).any()
    # prompts are asked in order, six a run: en 0 1 2 -> en de None; de 3 4 5 -> en de None
    np.testing.assert_allclose(found.share, 1 / 3)
    np.testing.assert_allclose(found.answered, 1 / 3)
    assert (found.unidentified == 1).all()
    np.testing.assert_allclose(found.control_mean.isel(group=slice(1, None)), 1 / 3)
    assert bool(found.control_mean.sel(group="none").isnull().all())
    assert found.answer.values.tolist() == ["en", "de", "?"]


def test_trigrams_tell_the_shipped_languages_apart():
    corpus = load_corpus("parallel")
    identify = by_trigrams(corpus.split("train"))
    test = corpus.split("test")
    right = [identify(text) == language for language, rows in test.texts.items() for text in rows]
    assert np.mean(right) > 0.95
    assert identify("12 ... !") is None
    with pytest.raises(TooFewLanguages):
        by_trigrams(corpus.select("de"))


def test_what_does_not_fit_is_refused(wrapped):
    def run(groups=GROUPS, **options):
        generation_share(wrapped("llama"), CORPUS, groups, lambda text: None, progress=False, **options)

    with pytest.raises(BadArgument, match="'none' is the whole model"):
        run()
    with pytest.raises(BadArgument, match="tokens=0"):
        run({"b": GROUPS["b"]}, tokens=0)
    with pytest.raises(TooLarge, match="leaves no room for 120"):
        run({"b": GROUPS["b"]}, tokens=120)


def test_lingua_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "lingua", None)
    with pytest.raises(UnsupportedSite, match="install the extra `identify`"):
        by_lingua(["de", "en"])


def test_lingua_answers_with_the_codes_that_were_given(monkeypatch):
    """A stand-in with lingua's interface, so that the extra is not needed here."""

    class Code:
        def __init__(self, name):
            self.name = name

    codes = SimpleNamespace(DE=Code("DE"), ZH=Code("ZH"))

    class Builder:
        @staticmethod
        def from_iso_codes_639_1(*given):
            assert given == (codes.DE, codes.ZH)
            return Builder()

        def build(self):
            return self

        def detect_language_of(self, text):
            return {"ja": SimpleNamespace(iso_code_639_1=codes.ZH)}.get(text)

    monkeypatch.setitem(sys.modules, "lingua", SimpleNamespace(IsoCode639_1=codes, LanguageDetectorBuilder=Builder))
    identify = by_lingua(["de", "zh-Hans"])
    assert (identify("ja"), identify("?")) == ("zh-Hans", None)
    with pytest.raises(BadArgument, match="lingua does not know 'xx'"):
        by_lingua(["xx"])
