"""Attention patterns with their tokens, against an unwrapped module one unpadded text at a time."""

import importlib

import numpy as np
import pytest

import workbench as wb
from tests.heads.cases import corpus, model, token_ids
from tests.models import byte_tokenizer, tiny
from tests.oracles import heads_kinds as oracle
from workbench.errors import BadArgument, Interrupted, TooLarge, UnsupportedSite
from workbench.text.corpus import Corpus
from workbench.text.tokens.pieces import pieces

module = importlib.import_module("workbench.heads.attention.patterns")  # the package's `patterns` is the function
TEXTS = {
    "ar": ("هطل المطر", "نعم"),
    "de": ("Der Hund schläft", "Es regnet heute"),
    "ja": ("犬が眠る", "雨"),
}


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "bloom"])
def test_patterns_are_those_of_the_module(kind):
    found = wb.heads.patterns(model(kind), corpus(TEXTS), sentences=(1, 0), batch_size=4, progress=False)
    assert found.pattern.dims == ("sentence", "language", "layer", "head", "query", "key")
    assert found.sentence.values.tolist() == [1, 0]
    plain = tiny(kind)
    plain.set_attn_implementation("eager")  # type: ignore[operator]
    for language, texts in token_ids(TEXTS).items():
        for sentence in (0, 1):
            mine = found.sel(language=language, sentence=sentence)
            n = len(texts[sentence])
            assert int(mine.length) == n
            expected = np.array(oracle.patterns(plain, texts[sentence]))
            np.testing.assert_allclose(mine.pattern[..., :n, :n], expected, atol=1e-5)
            assert np.isnan(mine.pattern[..., n:, :]).all() and np.isnan(mine.pattern[..., n:]).all()
            np.testing.assert_allclose(mine.pattern[..., :n, :n].sum("key"), 1, atol=1e-5)
            assert (np.triu(mine.pattern[0, 0, :n, :n], 1) == 0).all()


def test_batches_change_nothing():
    one, many = (
        wb.heads.patterns(model("llama"), corpus(TEXTS), sentences=(0, 1), batch_size=size, progress=False)
        for size in (1, 6)
    )
    np.testing.assert_allclose(one.pattern, many.pattern, atol=1e-6)
    assert (one.token == many.token).all()


def test_tokens_join_to_the_text():
    found = wb.heads.patterns(model("llama"), corpus(TEXTS), sentences=(0, 1), progress=False)
    for language, rows in TEXTS.items():
        for row, text in enumerate(rows):
            mine = found.sel(language=language, sentence=row)
            assert "".join(mine.token.values) == "<bos>" + text
    german = found.token.sel(language="de", sentence=0).values.tolist()
    assert german[:5] == ["<bos>", "D", "e", "r", " "]
    assert german[german.index("ä") - 1] == ""  # the first of its two bytes


def test_bytes_that_are_no_character_stay_visible():
    tokenizer = byte_tokenizer()
    ids = tokenizer("aé")["input_ids"]
    assert pieces(tokenizer, ids[:-1]) == ["<bos>", "a", "\ufffd"]


def test_a_decoder_that_takes_back_what_it_wrote():
    class Moody:
        def decode(self, ids, **_):
            return {1: "a", 2: "b"}[ids[0]] if len(ids) == 1 else "xyz"

    assert pieces(Moody(), [1, 2]) == ["", "xyz"]  # joined they are the text, whatever the tokens are alone


def test_it_says_whether_sentences_are_translations():
    aligned = Corpus(TEXTS, True, "test")
    assert wb.heads.patterns(model("llama"), aligned, sentences=[0], progress=False).attrs["aligned"] == 1
    assert wb.heads.patterns(model("llama"), corpus(TEXTS), sentences=[0], progress=False).attrs["aligned"] == 0


@pytest.mark.parametrize(
    ("sentences", "message"),
    [((2,), "0 to 1 in 'ar'"), ((-1,), "sentence -1"), ((), "one number or more"), ((0, 0), "once"), ((True,), "True")],
)
def test_sentences_that_are_not_there(sentences, message):
    with pytest.raises(BadArgument, match=message):
        wb.heads.patterns(model("llama"), corpus(TEXTS), sentences=sentences, progress=False)


def test_too_long_is_refused_or_cut():
    long = corpus({"de": ("ab", "c" * 300)})
    with pytest.raises(TooLarge, match="of the sentences 1"):
        wb.heads.patterns(model("llama"), long, sentences=[1], progress=False)
    assert wb.heads.patterns(model("llama"), long, sentences=[1], progress=False, truncate=True).length.item() == 128
    assert (
        wb.heads.patterns(model("llama"), long, sentences=[0], progress=False).length.item() == 3
    )  # the other is unread


def test_patterns_beyond_the_memory_are_refused(monkeypatch):
    monkeypatch.setattr(module, "budget", lambda _: 1000)
    with pytest.raises(TooLarge, match="fewer or shorter sentences"):
        wb.heads.patterns(model("llama"), corpus(TEXTS), sentences=[0], progress=False)


def test_a_model_without_patterns_is_refused(monkeypatch):
    monkeypatch.setitem(model("llama").abilities, "pattern", False)
    with pytest.raises(UnsupportedSite, match="pattern"):
        wb.heads.patterns(model("llama"), corpus(TEXTS), sentences=[0], progress=False)


def test_an_interrupt_keeps_finished_texts(monkeypatch):
    run, calls = module._read, []

    def stop(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return run(*args)

    monkeypatch.setattr(module, "_read", stop)
    with pytest.raises(Interrupted, match="1 of 3 texts") as caught:
        wb.heads.patterns(model("llama"), corpus(TEXTS), sentences=[0], batch_size=1, progress=False)
    kept = np.isfinite(caught.value.partial.pattern).any(("layer", "head", "query", "key"))
    assert int(kept.sum()) == 1
