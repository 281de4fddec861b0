"""A run's short table and its explorer refuse files that are results, but not the ones that a run writes there."""

import numpy as np
import pytest

import workbench as wb
from workbench.errors import BadResult
from workbench.results.make import make_result
from workbench.studies.explore import explore
from workbench.studies.summary import effects, summary


def importance():
    values = np.arange(12.0).reshape(2, 2, 3)
    return make_result(
        {
            "importance": (("language", "layer", "head"), values, "importance [nats]"),
            "nll": (("language",), np.ones(2), "loss [nats]"),
        },
        {"language": ["de", "ja"]},
        method="heads.importance",
        parameters={},
        model={"name": "tiny", "hash": "a"},
        corpus={"source": "by hand", "hash": "b"},
    )


def test_a_file_of_another_study_under_this_name_is_named(tmp_path):
    wb.save_result(importance(), tmp_path / "importance_paper.nc")
    assert summary(tmp_path).loc["de  German", "loss [nats]"] == "1"
    wb.save_result(importance(), tmp_path / "roles.nc")
    with pytest.raises(BadResult, match=r"roles\.nc is not the result that a run writes there: .*specific_to"):
        summary(tmp_path)
    wb.save_result(importance(), tmp_path / "lens.nc")
    with pytest.raises(BadResult, match=r"lens\.nc is not the result that a run writes there"):
        effects(tmp_path)


@pytest.mark.parametrize("axis", ["language", "layer", "head"])
def test_the_explorer_names_a_file_without_values(tmp_path, axis):
    wb.save_result(importance(), tmp_path / "a.nc")
    assert explore(tmp_path).is_file()
    wb.save_result(importance().isel({axis: slice(0, 0)}), tmp_path / "b.nc")
    with pytest.raises(BadResult, match=rf"b\.nc has nothing along its axis '{axis}'; remove the file"):
        explore(tmp_path)


@pytest.mark.parametrize("tuned", [False, True])
def test_a_tuned_lens_is_not_called_a_logit_lens(tmp_path, tuned):
    result = make_result(
        {"probability": (("language", "layer"), np.array([[0.1, 0.2], [0.3, 0.6]]), "probability")},
        {"language": ["de", "fr"]},
        method="lens.by_language",
        parameters={"target": "fr", "source": "de", "tuned": tuned},
    )
    wb.save_result(result, tmp_path / "lens.nc")
    (line,) = effects(tmp_path)
    assert line.startswith("Tuned lens: " if tuned else "Logit lens: ")
