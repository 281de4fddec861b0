import numpy as np
import pytest
from scipy.stats import binomtest, false_discovery_control

import workbench as wb
from tests.merging import folders
from workbench.errors import BadArgument
from workbench.merging.compare import compared

QUIET = {"progress": False}


@pytest.fixture(scope="module")
def task():
    return wb.load_task("words", languages="de,fr", limit=20)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    spoiled = folders.tuned(folders.BASE, tmp_path_factory.mktemp("compare") / "spoiled", 1, size=0.3)
    return {"base": wb.load_model("polyglot"), "aligned": "polyglot-aligned", "spoiled": spoiled}


@pytest.fixture(scope="module")
def result(models, task):
    return wb.merging.compare(models, task, **QUIET)


def test_accuracies_are_those_of_each_model_alone(models, task, result):
    assert result["model"].values.tolist() == list(models)
    for name, model in models.items():
        loaded = model if name == "base" else wb.load_model(model)
        alone = wb.evaluation.accuracy(loaded, task, **QUIET)
        for variable in ("accuracy", "low", "high"):
            assert np.array_equal(result[variable].sel(model=name), alone[variable])


def test_changes_are_paired_with_the_first_model(models, task, result):
    each = {
        name: wb.evaluation.accuracy(wb.load_model(str(m)) if name != "base" else m, task, **QUIET)
        for name, m in models.items()
    }
    p = []
    for name in ("aligned", "spoiled"):
        for code in ("de", "fr"):
            before, after = (each[which].correct.sel(language=code).values for which in ("base", name))
            gained, lost = int((after > before).sum()), int((after < before).sum())
            cell = result.sel(model=name, language=code)
            assert (float(cell.gained), float(cell.lost)) == (gained, lost)
            assert float(cell.change) == pytest.approx(100 * (after.mean() - before.mean()))
            assert float(cell.change_low) <= float(cell.change) <= float(cell.change_high)
            p.append(binomtest(gained, gained + lost).pvalue if gained + lost else 1.0)
    assert result.p_value.sel(model=["aligned", "spoiled"]).values.ravel() == pytest.approx(false_discovery_control(p))
    assert result.change.sel(model="spoiled").max() < 0  # noise of that size breaks the model
    assert np.isnan(result.change.sel(model="base")).all()


def test_a_model_against_itself_changes_nothing(models, task):
    answers = wb.evaluation.accuracy(models["base"], task, **QUIET)
    result = compared({"one": answers, "same": answers})
    assert not result.change.sel(model="same").any() and (result.p_value.sel(model="same") == 1).all()


def test_one_model_is_refused(models, task):
    with pytest.raises(BadArgument, match="models has 1 entries; give two or more"):
        wb.merging.compare({"base": models["base"]}, task, **QUIET)


def test_the_result_can_be_saved_and_drawn(result, tmp_path):
    read = wb.load_result(wb.save_result(result, tmp_path / "compare.nc"))
    assert read.identical(result)
    assert wb.figures.bars(result, "accuracy", y="language").data
    assert wb.figures.bars(result, "change", y="language").data
