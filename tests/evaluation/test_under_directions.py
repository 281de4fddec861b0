"""Accuracy with each of several directions added, against a plain loop over `accuracy(directions=)`."""

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from tests.evaluation.test_accuracy import QUICK, rows
from tests.evaluation.test_under_measures import ANSWERS, PROMPTS, SEGMENT, identify
from tests.model.test_directions import steering
from workbench.errors import BadArgument, BadResult
from workbench.results.reading.directions import random_directions

CONTROLS = 3


@pytest.fixture(scope="module")
def model(wrapped):
    return wrapped("llama")


@pytest.fixture(scope="module")
def directions(model):
    """Name to a direction; the second is doubled by its strength, the last adds nothing."""
    zero = steering(model, [0]).assign(direction=(("layer", "d"), np.zeros((model.n_layers, model.d_model))))
    return {
        "early": steering(model, [0], size=2.0),
        "late": steering(model, [1, 2], seed=1, strength=2.0),
        "none": zero,
    }


@pytest.fixture(scope="module")
def effects(model, directions):
    task = wb.load_task(rows(items=10))
    return wb.evaluation.under(model, task, directions, controls=CONTROLS, **QUICK)


def test_delta_is_the_change_of_the_accuracy_in_a_loop(model, directions, effects):
    task = wb.load_task(rows(items=10))
    clean = wb.evaluation.accuracy(model, task, **QUICK)
    for name, direction in directions.items():
        steered = wb.evaluation.accuracy(model, task, directions=direction, **QUICK)
        expected = 100 * (steered.accuracy - clean.accuracy)
        np.testing.assert_allclose(effects.delta.sel(group=name), expected, atol=1e-9)
        np.testing.assert_array_equal(effects.sample_delta.sel(group=name), steered.correct - clean.correct)
        added = direction.direction.values * direction.attrs.get("strength", 1.0)
        random = []
        for control, drawn in enumerate(random_directions(name, added, CONTROLS, seed=0)):
            moved = wb.evaluation.accuracy(
                model,
                task,
                directions=direction.assign(direction=(("layer", "d"), drawn)).assign_attrs(strength=1.0),
                **QUICK,
            )
            random.append(100 * (moved.accuracy.values - clean.accuracy.values))
            np.testing.assert_allclose(effects.control_delta.sel(group=name, control=control), random[-1], atol=1e-9)
        np.testing.assert_allclose(effects.control_mean.sel(group=name), np.mean(random, 0), atol=1e-9)
        np.testing.assert_allclose(effects.excess.sel(group=name), expected - np.mean(random, 0), atol=1e-9)
    assert float(abs(effects.delta).max()) > 0, "the directions must matter, or the comparison says nothing"
    assert effects["units"].values.tolist() == [1, 2, 0] and (effects.delta.sel(group="none") == 0).all()
    assert effects.attrs["unit"] == "direction" and "layers" in effects["units"].attrs["long_name"]


def test_what_is_added_is_recorded(directions, effects):
    recorded = wb.results.provenance(effects)["parameters"]
    assert recorded["unit"] == "direction" and "groups" not in recorded and "scale" not in recorded
    late = recorded["directions"]["late"]
    lengths = 2 * np.linalg.norm(directions["late"].direction, axis=1)[1:3]
    assert late["layers"] == [1, 2] and late["norms"] == pytest.approx(lengths, abs=1e-5)


def test_random_directions_are_it_turned_as_a_whole():
    vectors = np.zeros((5, 16))
    vectors[[0, 2, 3]] = np.random.default_rng(3).normal(size=(3, 16))
    vectors[3] = 2 * vectors[2]
    drawn = random_directions("de", vectors, 4, seed=1)
    for draw in drawn:
        np.testing.assert_allclose(draw @ draw.T, vectors @ vectors.T, atol=1e-12)
        assert not draw[[1, 4]].any()
    assert len({draw.tobytes() for draw in drawn}) == 4
    np.testing.assert_array_equal(drawn[:2], random_directions("de", vectors, 2, seed=1))
    assert (drawn[:, 0] != random_directions("fr", vectors, 4, seed=1)[:, 0]).all()
    cosines = random_directions("de", np.eye(1, 16), 4000, seed=0)[:, 0]
    assert abs(cosines.mean(0)).max() < 0.02 and np.cov(cosines.T) == pytest.approx(np.eye(16) / 16, abs=0.01)


def test_languages_of_a_result_are_groups(model, directions, effects):
    task = wb.load_task(rows(items=10))
    both = xr.concat([directions["early"], directions["late"]], "language", combine_attrs="drop")
    named = both.assign_coords(language=["early", "late"]).assign_attrs(strength=2.0)
    result = wb.evaluation.under(model, task, named, controls=0, **QUICK)
    assert result.group.values.tolist() == ["early", "late"]
    np.testing.assert_array_equal(result.delta.sel(group="late"), effects.delta.sel(group="late"))
    alone = wb.evaluation.under(model, task, directions["early"], controls=0, **QUICK)
    assert alone.group.values.tolist() == ["direction"]
    np.testing.assert_array_equal(alone.delta[0], effects.delta.sel(group="early"))


def test_responses_are_written_with_the_direction(model, directions):
    how = {"identify": identify, "segment": SEGMENT}
    effects = wb.evaluation.under(
        model, PROMPTS, {"late": directions["late"]}, controls=0, respond=ANSWERS, **how, **QUICK
    )
    responses = wb.evaluation.respond(model, PROMPTS, directions=directions["late"], **ANSWERS, **QUICK)
    plain = wb.evaluation.respond(model, PROMPTS, **ANSWERS, **QUICK)
    rates = [wb.evaluation.confusion(table, **how).mean_line_pass[0] for table in (responses, plain)]
    np.testing.assert_allclose(effects.delta[0], 100 * (rates[0] - rates[1]), atol=1e-9)
    assert float(abs(effects.delta).max()) > 0


def test_what_cannot_be_added_is_refused(model, directions):
    task = wb.load_task(rows(items=2))
    for option in ({"unit": "head"}, {"scale": 0.5}, {"fill": np.zeros(3)}):
        with pytest.raises(BadArgument, match=f"{next(iter(option))} is of heads and neurons"):
            wb.evaluation.under(model, task, directions, **option, **QUICK)
    with pytest.raises(BadArgument, match="give a Dataset"):
        wb.evaluation.under(model, task, {**directions, "heads": [(0, 1)]}, **QUICK)
    with pytest.raises(BadResult, match="belongs to another model"):
        wb.evaluation.under(model, task, {"a": directions["early"].isel(d=slice(3))}, **QUICK)
    with pytest.raises(BadArgument, match="there are no directions"):
        empty = directions["early"].expand_dims(language=["de"]).isel(language=[])
        wb.evaluation.under(model, task, empty, **QUICK)
