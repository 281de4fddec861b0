"""The shipped tables: their numbers follow from their scores, and the base is measured again."""

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from workbench.laboratories.bench import Axes, Plain
from workbench.laboratories.changes import changes
from workbench.laboratories.systems.more_from_less import by_trained
from workbench.laboratories.systems.prompt_pool import sentence as of_pool
from workbench.laboratories.typology.ranked import finding as of_choices
from workbench.laboratories.verdict import verdict
from workbench.laboratories.windows.ranks import sentence as of_windows
from workbench.shipped import DATA

NAMES = sorted(path.stem for path in (DATA / "laboratories").glob("*.nc"))
OTHER_AXES = {"parallel_schedule", "vocabulary_quadrants"}  # tables of their own shape

OWN_SENTENCES = {
    "language_layers": lambda result: of_windows(result, "layer 2"),
    "prompt_pool": of_pool,
    "typological": of_choices,
}


def test_every_laboratory_has_its_table():
    from workbench.studies.laboratories.registry import LABORATORIES

    assert set(NAMES) == set(LABORATORIES)


@pytest.mark.parametrize("name", NAMES)
def test_a_table_says_how_it_was_made_and_is_small(name):
    result = wb.laboratories.stored(name)
    assert result.attrs["command"].startswith(("workbench lab ", "wb.laboratories."))
    assert result.sizes["seed"] >= (2 if name == "parallel_schedule" else 3)
    assert "/" not in result.attrs["command"].replace("runs/lab", "")
    assert result.attrs["finding"]
    assert (DATA / "laboratories" / f"{name}.nc").stat().st_size < 1_500_000


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OTHER_AXES])
def test_changes_and_verdicts_follow_from_the_scores(name):
    result = wb.laboratories.stored(name)
    assert result.sizes["control"] >= 2
    seed = int(result.seed[0])
    made = changes(result.score.values, result.better.values, result.aligned.values.astype(bool), seed=seed)
    for variable, (dims, values, _) in made.items():
        assert result[variable].dims == dims
        np.testing.assert_allclose(result[variable].values, values, atol=1e-9, err_msg=variable)
    said = OWN_SENTENCES.get(name, verdict)(result)
    assert said in result.attrs["finding"]


def test_the_table_of_a_real_model_follows_from_its_scores():
    result = wb.laboratories.stored("gemma-3-270m/more_from_less")
    assert result.attrs["command"].startswith('wb.laboratories.more_from_less("gemma-3-270m", ')
    assert result.sizes["step"] == 200 and result.sizes["control"] == 1 and result.sizes["seed"] == 1
    made = changes(result.score.values, result.better.values, result.aligned.values.astype(bool), seed=0)
    for variable, (_, values, _) in made.items():
        np.testing.assert_allclose(result[variable].values, values, atol=1e-9, err_msg=variable)
    assert verdict(result) == result.attrs["finding"]


def test_the_base_is_measured_as_it_was():
    """The scores before training come again from the shipped model, bit for bit where they are counts."""
    result = wb.laboratories.stored("more_from_less")
    base = wb.laboratories.read_base("polyglot")
    made = wb.laboratories.materials(base)
    model = Plain(base.module, base.tokenizer)
    measured = [measure(model) for measure in by_trained(made, ("de", "ja"))]
    axes = Axes(measured)
    again = xr.DataArray(axes.table(measured), {"measure": axes.names, "language": axes.languages},
                         ("measure", "language", "sample"))  # fmt: skip
    before = result.score.sel(condition="before").isel(seed=0)
    np.testing.assert_allclose(again.values, before.sel(language=axes.languages).values, atol=1e-4)
