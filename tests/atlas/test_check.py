"""Measuring again: what agrees, what does not, and what cannot be."""

import importlib
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

import workbench as wb
from tests.atlas.cases import atlas, changed, copied, studied
from workbench.atlas.again.pieces import Piece, piece
from workbench.errors import BadResult, BadStudy, UnknownModel

module = importlib.import_module("workbench.atlas.check")  # the name is the function's too


@pytest.fixture
def at_hand(monkeypatch):
    """The tiny model, found by its name."""
    run, _ = studied()
    model = wb.load_model(run.parent / "tiny")
    monkeypatch.setattr(module, "load_model", lambda name, **how: model)
    return model


def test_all_kinds_are_measured_again_and_agree(at_hand):
    rows = wb.atlas.check("tiny", share=0.2, folder=atlas(), progress=False)
    measured = set(rows.result)
    assert measured == set(wb.atlas.entry("tiny", folder=atlas()).results) - {"evaluate/words_consistency"}
    assert rows.set_index(["result", "variable"]).cells["evaluate/words", "score"] == 12, (
        "three questions, four options"
    )
    assert rows.agrees.all() and (rows.difference <= 1).all()
    stored = wb.atlas.load("tiny", "ablation", folder=atlas())
    (ablated,) = rows[rows.result == "heads/ablation"].cells
    assert ablated >= math.ceil(0.2 * stored.delta.size)


@pytest.mark.parametrize(
    ("result", "variable"),
    [("heads/ablation", "delta"), ("heads/importance_paper", "importance"), ("neurons/firing", "fired")],
)
def test_a_number_that_cannot_be_made_again_is_said(at_hand, tmp_path, result, variable):
    def wrong(made):
        made[variable] = made[variable] // 2 if variable == "fired" else made[variable] + 5
        for end in {"low", "high"} & set(made.data_vars):
            made[end] = made[end] + 5
        return made

    rows = wb.atlas.check("tiny", share=0.1, folder=changed(tmp_path, result, wrong), progress=False)
    assert not rows[(rows.result == result) & (rows.variable == variable)].agrees.any()


def test_a_model_that_is_not_at_hand_has_a_row_without_cells(monkeypatch):
    def absent(name, **how):
        raise UnknownModel(name)

    monkeypatch.setattr(module, "load_model", absent)
    rows = wb.atlas.check("tiny", folder=atlas(), progress=False)
    assert rows.variable.tolist() == ["not at hand"] and rows.cells.tolist() == [0]


def test_other_weights_are_refused(monkeypatch):
    monkeypatch.setattr(module, "load_model", lambda name, **how: SimpleNamespace(info={"hash": "0"}))
    with pytest.raises(BadResult, match="has other weights than the entry was made of"):
        wb.atlas.check("tiny", folder=atlas(), progress=False)


def test_other_texts_are_refused(at_hand, tmp_path):
    def elsewhere(made):
        record = json.loads(made.attrs["provenance"])
        record["corpus"]["hash"] = "0"
        return made.assign_attrs(provenance=json.dumps(record))

    with pytest.raises(BadResult, match="on other texts than 'parallel' has now"):
        wb.atlas.check("tiny", folder=changed(tmp_path, "heads/kinds", elsewhere), progress=False)


def test_files_are_those_of_the_record(tmp_path):
    folder = copied(tmp_path)
    (folder / "tiny" / "heads" / "roles.nc").unlink()
    other = folder / "tiny" / "heads" / "kinds.nc"
    other.write_bytes(other.read_bytes() + b" ")
    with pytest.raises(BadResult, match=r"heads/kinds: its file is not the one .*; heads/roles: its file is missing"):
        wb.atlas.check("tiny", folder=folder, measure=False)


def test_a_result_of_another_model_is_refused(tmp_path):
    def elsewhere(made):
        record = json.loads(made.attrs["provenance"])
        record["model"] = {"name": "other", "hash": "1"}
        return made.assign_attrs(provenance=json.dumps(record))

    with pytest.raises(BadResult, match="heads/kinds: it is of another model, other"):
        wb.atlas.check("tiny", folder=changed(tmp_path, "heads/kinds", elsewhere), measure=False)


def test_a_study_of_another_model_is_refused(tmp_path):
    folder = copied(tmp_path)
    (folder / "tiny" / "study.toml").write_text("question = 3", encoding="utf-8")
    with pytest.raises(BadStudy):
        wb.atlas.check("tiny", folder=folder, measure=False)


def test_a_difference_is_counted_in_tolerances():
    stored, again = np.array([1.0, 2.0, np.nan]), np.array([1.0, 2.5, np.nan])
    assert Piece("a/b", "x", stored, again, np.full(3, 0.25)).difference == pytest.approx(2)
    assert Piece("a/b", "x", stored, np.array([1.0, 2.0, 3.0]), np.full(3, 0.25)).difference == math.inf
    words = np.array(["specific", "none"])
    assert Piece("a/b", "x", words, words, np.ones(2)).difference == 0
    assert Piece("a/b", "x", words, words[::-1], np.ones(2)).difference == math.inf


def test_a_piece_is_taken_by_its_labels_and_the_tolerance_from_the_interval():
    stored = wb.atlas.load("tiny", "ablation", folder=atlas())
    some = stored.isel(language=[2, 0], layer=[1])
    part = piece("heads/ablation", stored, some, "delta")
    np.testing.assert_array_equal(part.stored, some.delta.values)
    half = (some.high - some.low).values / 2
    least = 1e-3 * np.abs(stored.delta.values[[2, 0]][:, [1]]).max()
    np.testing.assert_allclose(part.tolerance, np.maximum(0.05 * half, least), rtol=1e-6)
    with pytest.raises(BadResult, match="lacks what was measured again"):
        piece("heads/ablation", stored, some.assign_coords(language=["xx", "de"]), "delta")


def test_a_count_may_differ_by_two_and_a_number_may_not():
    stored = wb.atlas.load("tiny", "neurons/firing", folder=atlas())
    for off, agrees in ((2, True), (-2, True), (3, False)):
        part = piece("neurons/firing", stored, stored.assign(fired=stored.fired + off), "fired")
        assert (part.difference <= 1) is agrees
    real = stored.assign(fired=stored.fired.astype(float))
    assert piece("neurons/firing", real, real.assign(fired=real.fired + 2), "fired").difference > 1
