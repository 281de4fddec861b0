"""The lens on one's own sentences: by a plain loop, and at the output the model itself."""

import numpy as np
import pytest
import torch

import workbench as wb
from tests.models import byte_tokenizer, tiny
from tests.oracles import lens as oracle
from workbench.errors import BadArgument, BadCorpus, BadResult, Interrupted
from workbench.lens import sentence

TEXTS = ["Guten Tag", "नमस्ते", "a cat"]
QUIET = {"progress": False}


def ids_of(text):
    return byte_tokenizer()(text)["input_ids"]


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "cohere"])
@pytest.mark.parametrize(("target", "foil"), [(None, None), (None, "q"), ("dog", "x")])
def test_agrees_with_the_loop(wrapped, kind, target, foil):
    found = wb.lens.logit_lens(wrapped(kind), TEXTS, target=target, foil=foil, batch_size=2, **QUIET)
    first = {word: [ids_of(word)[1]] for word in (target, foil) if word}
    for row, text in enumerate(TEXTS):
        ids = ids_of(text)
        truth = oracle.sentence(tiny(kind), ids, first.get(target), first.get(foil))
        for layer, cells in enumerate(truth):
            for position, cell in enumerate(cells):
                here = found.isel(prompt=row, layer=layer, position=position)
                for name in ("probability", "entropy", "target_probability", "rank", "logit_difference"):
                    if name == "logit_difference" and (foil is None or ids[position + 1 : position + 2] == first[foil]):
                        continue
                    assert float(here[name]) == pytest.approx(cell.get(name, np.nan), abs=1e-5, nan_ok=True), name
        assert np.isnan(found.entropy.values[row, :, len(ids) :]).all()
        assert (found.top_token.values[row, :, len(ids) :] == "").all()


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma3", "bloom"])
def test_the_last_layer_is_the_model(wrapped, kind):
    model = wrapped(kind)
    found = wb.lens.logit_lens(model, TEXTS, top=3, **QUIET)
    for row, text in enumerate(TEXTS):
        with torch.no_grad():
            p = tiny(kind)(torch.tensor([ids_of(text)])).logits[0].float().softmax(-1)
        n = len(p)
        np.testing.assert_allclose(found.probability.values[row, -1, :n], p.max(-1).values, atol=1e-5)
        np.testing.assert_allclose(found.candidate_probability.values[row, -1, :n], p.topk(3).values, atol=1e-5)
        follows = p[torch.arange(n - 1), ids_of(text)[1:]]
        np.testing.assert_allclose(found.target_probability.values[row, -1, : n - 1], follows, atol=1e-5)


def test_says_what_is_read_and_what_follows(wrapped):
    found = wb.lens.logit_lens(wrapped("llama"), ["a cat", "dog"], **QUIET)
    assert found.token.values.tolist() == [["<bos>", *"a cat"], ["<bos>", *"dog", "", ""]]
    assert found.target.values.tolist() == [[*"a cat", ""], [*"dog", "", "", ""]]
    assert np.isnan(found["rank"].values[:, :, [-1]]).all() and np.isnan(found["rank"].values[1, :, 3]).all()
    assert found.attrs["lens"] == "logit" and found.text.values.tolist() == ["a cat", "dog"]
    word = wb.lens.logit_lens(wrapped("llama"), "a cat", target="dog", **QUIET)
    assert set(word.target.values[0]) == {"dog"} and np.isfinite(word["rank"].values).all()
    assert (
        wb.lens.logit_lens(wrapped("llama"), "a cat", identify=lambda text: "fi", **QUIET)
        .language.isin(["fi", "unknown"])
        .all()
    )


def test_a_tuned_lens_that_was_not_trained_is_the_logit_lens(wrapped):
    model = wrapped("llama")
    corpus = wb.load_corpus({"de": ["Guten Tag", "ja ja"], "fr": ["un chat", "oui"]})
    untrained = wb.lens.tune(model, corpus, steps=0, held_out=0.5, progress=False)
    found, plain = (wb.lens.logit_lens(model, TEXTS, tuned=lens, **QUIET) for lens in (untrained, None))
    np.testing.assert_allclose(found.entropy, plain.entropy, atol=1e-6)
    assert found.attrs["lens"] == "tuned"
    trained = wb.lens.tune(model, corpus, steps=9, rows=4, rate=0.1, held_out=0.5, progress=False)
    moved = wb.lens.logit_lens(model, TEXTS, tuned=trained, **QUIET)
    assert not np.allclose(moved.entropy[:, 0], plain.entropy[:, 0], equal_nan=True)
    np.testing.assert_allclose(moved.entropy[:, -1], plain.entropy[:, -1], atol=1e-6)


def test_a_file_keeps_it(wrapped, tmp_path):
    found = wb.lens.logit_lens(wrapped("gpt2"), TEXTS, top=2, **QUIET)
    wb.save_result(found, tmp_path / "a.nc")
    assert wb.load_result(tmp_path / "a.nc").identical(found)


def test_a_stop_gives_the_finished_texts(wrapped, monkeypatch):
    def stop(*given):
        if len(calls) == 1:
            raise KeyboardInterrupt
        calls.append(plain(*given))

    plain, calls = sentence._read, []
    monkeypatch.setattr(sentence, "_read", stop)
    with pytest.raises(Interrupted, match="1 of 3 texts are finished") as stopped:
        wb.lens.logit_lens(wrapped("llama"), TEXTS, batch_size=1, **QUIET)
    assert np.isfinite(stopped.value.partial.entropy.values[:, 0, 0]).tolist() == [False, False, True]


def test_what_cannot_be_read_is_refused(wrapped):
    model = wrapped("llama")
    for options, error, message in (
        ({"target": " "}, BadArgument, "target=' ' has no token that is more than a space"),
        ({"target": "cat", "foil": "cow"}, BadArgument, "'cat' and foil='cow' both begin with the token 'c'"),
        ({"top": 301}, BadArgument, "whole number from 1 to 300: the vocabulary"),
        ({"tuned": wb.lens.logit_lens(model, "ab", **QUIET)}, BadResult, "a tuned lens is what lens.tune returns"),
    ):
        with pytest.raises(error, match=message):
            wb.lens.logit_lens(model, "a cat", **{**QUIET, **options})
    with pytest.raises(BadCorpus):
        wb.lens.logit_lens(model, [" "], **QUIET)
