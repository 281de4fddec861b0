"""All parts at once."""

import importlib

import numpy as np
import pytest

import workbench as wb
from tests.chats import chat_tokenizer
from tests.merging.diffing.cases import CORPUS, QUICK, made, moved
from tests.models import tiny
from tests.patching.cases import make_pairs
from workbench.errors import BadArgument, BadPairs, TooFewLanguages
from workbench.results.make import provenance


def test_every_part_is_there_and_can_be_stored(tmp_path):
    before, after = made(), moved(["layers.1"])
    pairs = make_pairs([6, 6])
    results = wb.merging.side_by_side(before, after, CORPUS, pairs=pairs, top_rate=0.2, **QUICK)
    assert list(results) == ["outputs", "states", "heads", "neurons", "exchange"]
    for part, result in results.items():
        wb.save_result(result, tmp_path / f"{part}.nc")
        again = wb.load_result(tmp_path / f"{part}.nc")
        assert again.identical(result) or all(
            np.array_equal(again[name], result[name]) for name in result if result[name].dtype != float
        )
        assert provenance(again)["parameters"]["before"]


def test_parts_can_be_chosen():
    model = made()
    assert list(wb.merging.side_by_side(model, made(), CORPUS, parts=["states", "outputs"], **QUICK)) == [
        "outputs",
        "states",
    ]
    with pytest.raises(BadArgument, match="parts='tails' does not exist"):
        wb.merging.side_by_side(model, model, CORPUS, parts=["tails"], **QUICK)


def test_pairs_are_read_before_anything_is_computed(monkeypatch):
    module = importlib.import_module("workbench.merging.side_by_side")  # the package has a function of this name
    monkeypatch.setattr(module, "outputs", lambda *_, **__: pytest.fail("computed"))
    for pairs in ("no-such-file.tsv", 3):
        with pytest.raises(BadPairs):
            wb.merging.side_by_side(made(), made(), CORPUS, pairs=pairs, **QUICK)


def test_neurons_of_one_language_are_left_out_or_refused_before_anything_is_computed():
    one = CORPUS.select(["de"])
    assert list(wb.merging.side_by_side(made(), made(), one, **QUICK)) == ["outputs", "states", "heads"]
    with pytest.raises(TooFewLanguages, match="'neurons', whose classes need two languages"):
        wb.merging.side_by_side(made(), made(), one, parts=["outputs", "neurons"], **QUICK)


def test_a_chat_counts_the_texts_own_tokens():
    """Outputs of a chat are those of the same ids without their template's tokens."""
    before, after = (wb.load_model(tiny("llama", seed), tokenizer=chat_tokenizer("gemma")) for seed in (0, 1))
    chat = CORPUS.as_chat()
    results = wb.merging.side_by_side(before, after, chat, parts=["outputs", "states"], **QUICK)
    own = before.encode(chat)[0].counted
    assert own is not None
    assert results["outputs"].predicted.sel(language="de") == sum(
        len(text.counted) for text in before.encode(chat) if text.language == "de"
    )
    assert np.isfinite(results["states"].distance).all()
