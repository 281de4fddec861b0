"""Stages against trying every boundary, on planted models, and their intervals."""

import numpy as np
import pytest
import xarray as xr

from tests.neurons.tables import by_hand, planted
from tests.oracles import segments as oracle
from workbench.errors import BadArgument, BadResult
from workbench.neurons.classes.ternary import ternary
from workbench.neurons.segments import fit
from workbench.neurons.stages import NAMES, stages

# shares of specific, related, general in 12 layers, as the paper describes them
PARTS = {(0, 3): (0.2, 0.2, 0.2), (3, 7): (0.02, 0.04, 0.5), (7, 10): (0.15, 0.1, 0.05), (10, 12): (0.02, 0.02, 0.8)}


def classes(shares, neurons=400, seed=0) -> xr.Dataset:
    """`kind[layer, neuron]` drawn with shares [layer, curve] of specific, related and general."""
    generator = np.random.default_rng(seed)
    kinds = np.array(["specific", "related", "general", "other"])
    rows = [generator.choice(kinds, neurons, p=[*share, 1 - sum(share)]) for share in shares]
    return xr.Dataset({"kind": (("layer", "neuron"), np.stack(rows))}, {"layer": np.arange(len(rows))})


def four(neurons=400, seed=0):
    return classes([share for (start, end), share in PARTS.items() for _ in range(start, end)], neurons, seed)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("ties", [False, True])
def test_the_fit_is_the_best_of_all(seed, ties):
    generator = np.random.default_rng(seed)
    curves = generator.integers(0, 3, (3, 8)).astype(float) if ties else generator.standard_normal((3, 8)) + 1e3
    error, starts = fit(curves, 6)
    for parts in range(1, 7):
        wanted, boundaries = oracle.best(curves.tolist(), parts)
        assert error[parts - 1] == pytest.approx(wanted, abs=1e-8)
        assert tuple(starts[parts - 1, :parts]) == boundaries
        assert (starts[parts - 1, parts:] == -1).all()


def test_many_curves_at_once_are_each_alone():
    curves = np.random.default_rng(1).standard_normal((7, 3, 9))
    error, starts = fit(curves, 4)
    for i, one in enumerate(curves):
        np.testing.assert_allclose(error[i], fit(one, 4)[0], atol=1e-12)
        np.testing.assert_array_equal(starts[i], fit(one, 4)[1])


def test_planted_stages_are_found():
    found = stages(four())
    assert found.stage.values.tolist() == list(NAMES)
    assert found.boundary.values.tolist() == [0, 3, 7, 10]
    assert found.low.values.tolist() == found.high.values.tolist() == [0, 3, 7, 10]  # far apart: no draw moves them
    assert found.stage_of.values.tolist() == [
        name for (i, j), name in zip(PARTS, NAMES, strict=True) for _ in range(i, j)
    ]
    assert found.agrees.values.all()
    assert (found.attrs["best_parts"], found.attrs["supported"]) == (4, 1)
    assert (found.p_value.sel(parts=[1, 2, 3]) <= 0.05).all()
    kind = four().kind.values
    np.testing.assert_array_equal(found.share.sel(kind="general"), (kind == "general").mean(1))
    np.testing.assert_allclose(found.fitted.sel(kind="related")[3:7], (kind[3:7] == "related").mean())
    assert (np.diff(found.unexplained) <= 1e-12).all()


def test_few_neurons_widen_the_intervals():
    found = stages(classes([(0.2, 0.2, 0.2)] * 3 + [(0.14, 0.2, 0.26)] * 3, neurons=60), parts=2)
    assert int(found.low[1]) < int(found.high[1])
    assert found.stage.values.tolist() == ["part 1", "part 2"]
    assert not found.agrees.any()


def test_layers_that_do_not_differ_are_no_stages():
    flags = [stages(classes([(0.1, 0.1, 0.3)] * 16, seed=seed), resamples=200).attrs["supported"] for seed in range(20)]
    assert sum(flags) <= 3  # one in twenty is expected at 0.05
    same = xr.Dataset({"kind": (("layer", "neuron"), np.full((6, 5), "general"))})
    found = stages(same, resamples=10)
    assert found.attrs["supported"] == 0
    assert bool(found.p_value.isnull().all())
    assert found.unexplained.values.tolist() == [0] * 6


def test_two_parts_are_not_called_four():
    found = stages(classes([(0.3, 0.1, 0.1)] * 6 + [(0.05, 0.1, 0.6)] * 6))
    assert found.attrs["best_parts"] == 2
    assert found.attrs["supported"] == 0


def test_seeds_repeat():
    one, same, other = (stages(four(neurons=20), resamples=50, seed=seed) for seed in (1, 1, 2))
    xr.testing.assert_equal(one, same)
    assert not one.p_value.equals(other.p_value)


def test_what_cannot_be_is_refused():
    with pytest.raises(BadResult, match=r"kind\[layer, neuron\]"):
        stages(by_hand())
    with pytest.raises(BadArgument, match="5 parts need at least 5 layers, this model has 4"):
        stages(ternary(planted()[0], top_rate=0.0375), parts=5)
    with pytest.raises(BadArgument, match="parts=0"):
        stages(four(), parts=0)
    with pytest.raises(BadArgument, match="level=2"):
        stages(four(), level=2)
