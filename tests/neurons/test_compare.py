"""Before and after: plain loops over neurons, planted moves, and the null."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from tests.neurons.tables import by_hand, planted
from workbench.errors import BadArgument, BadResult, UnknownLanguage
from workbench.neurons.classes.ternary import KINDS, ternary
from workbench.neurons.compare import compare


def pair(seed=0):
    """Classes of two tables of counts that agree but for noise, and where four specific neurons move."""
    counts = planted(seed)[0]
    moved = counts.copy(deep=True)
    place = np.argwhere(planted(seed)[1] == "specific")
    for layer, neuron in place[:4]:
        values = moved.fired.values[:, layer, neuron]
        moved.fired.values[:, layer, neuron] = np.roll(values, 1)
    for layer, neuron in place[4:7]:  # specific to one language before, related to three after
        moved.fired.values[[0, 4, 8], layer, neuron] = 8000
    return tuple(ternary(one, top_rate=0.0375, bar=1 - 105 / 4000) for one in (counts, moved))


def test_every_count_is_that_of_the_plain_loop():
    before, after = pair()
    found = compare(before, after)
    old, new = before.kind.values.ravel(), after.kind.values.ravel()
    moves = Counter(zip(old.tolist(), new.tolist(), strict=True))
    assert moves["specific", "related"] == 3
    for a in KINDS:
        for b in KINDS:
            assert int(found.transition.sel(before=a, after=b)) == moves[a, b]
        assert int(found.count_change.sel({"class": a})) == (new == a).sum() - (old == a).sum()
        for layer in range(4):
            wanted = (after.kind.values[layer] == a).mean() - (before.kind.values[layer] == a).mean()
            assert float(found.layer_change.sel({"class": a}, drop=True)[layer]) == pytest.approx(wanted)
    for kind in ("specific", "related"):
        for k, language in enumerate(before.language.values):
            one = sum(before.member.values[k].ravel() & (old == kind))
            two = sum(after.member.values[k].ravel() & (new == kind))
            assert int(found.members_before.sel(kind=kind, language=language)) == one
            assert int(found.change.sel(kind=kind, language=language)) == two - one
    assert found.attrs["kept"] == np.mean(old == new)
    table = found.transition.values / 400
    chance = (table.sum(0) * table.sum(1)).sum()
    assert found.attrs["kappa"] == pytest.approx((np.trace(table) - chance) / (1 - chance))


def test_p_values_are_those_of_mcnemar():
    before, after = pair()
    found = compare(before, after)
    raw = []
    for kind in KINDS:
        was, is_now = before.kind.values == kind, after.kind.values == kind
        gained, lost = int((is_now & ~was).sum()), int((was & ~is_now).sum())
        raw.append(stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0)
    np.testing.assert_allclose(found.count_p, stats.false_discovery_control(raw), rtol=1e-12)


def test_the_expected_table_keeps_its_margins_and_is_the_mean_over_layers():
    before, after = pair()
    found = compare(before, after, permutations=4000)
    wanted = np.zeros((5, 5))
    for layer in range(4):
        a = np.array([(before.kind.values[layer] == kind).sum() for kind in KINDS])
        b = np.array([(after.kind.values[layer] == kind).sum() for kind in KINDS])
        wanted += np.outer(a, b) / 100
    np.testing.assert_allclose(found.expected, wanted, atol=0.1)
    np.testing.assert_allclose(found.expected.sum("after"), found.transition.sum("after"))
    assert float(found.transition_p.sel(before="general", after="general")) < 0.01


def test_nothing_moves_between_equal_checkpoints():
    before, _ = pair()
    found = compare(before, before, trained=["l0"])
    for name in ("change", "low", "high", "count_change", "layer_change", "count_low"):
        assert (found[name] == 0).all(), name
    assert (found.p_value == 1).all()
    assert (found.trained_p == 1).all()
    assert found.attrs["kept"] == found.attrs["kappa"] == 1


def test_trained_languages_are_tested_over_all_deals():
    before, after = pair()
    trained = ["l0", "l4", "l8"]
    found = compare(before, after, trained=trained)
    for kind in ("specific", "related"):
        change = found.change.sel(kind=kind).to_series()
        wanted = change[trained].mean() - change.drop(trained).mean()
        others = [change[list(deal)].mean() - change.drop(list(deal)).mean() for deal in combinations(change.index, 3)]
        p = np.mean([abs(one) >= abs(wanted) - 1e-9 for one in others])
        cell = found.sel(kind=kind)
        assert float(cell.trained_p) == pytest.approx(p)
        assert float(cell.trained_change - cell.untrained_change) == pytest.approx(wanted)
    assert float(found.trained_p.sel(kind="related")) == pytest.approx(1 / 120)
    assert found.trained.values.sum() == 3


def test_intervals_cover_the_change_of_other_draws():
    """Neurons drawn from a known law: the 95 % interval holds the true change in most draws."""
    generator, hits = np.random.default_rng(0), 0
    law = np.array([[0.05, 0.02, 0.03, 0.05], [0.05, 0.3, 0.1, 0.4]]).ravel()  # pairs of classes
    names = np.array([(a, b) for a in ("general", "other") for b in ("specific", "general", "related", "other")])
    truth = 200 * 2 * (law[names[:, 1] == "general"].sum() - law[names[:, 0] == "general"].sum())
    for seed in range(60):
        drawn = names[generator.choice(8, (2, 200), p=law)]
        member = np.zeros((2, 2, 200), dtype=bool)
        ends = [
            xr.Dataset(
                {"kind": (("layer", "neuron"), drawn[..., i]), "member": (("language", "layer", "neuron"), member)},
                {"language": ["a", "b"], "layer": [0, 1]},
            )
            for i in (0, 1)
        ]
        cell = compare(*ends, permutations=200, seed=seed).sel({"class": "general"})
        hits += float(cell.count_low) <= truth <= float(cell.count_high)
    assert hits >= 52


def test_what_cannot_be_compared_is_refused():
    before, after = pair()
    with pytest.raises(BadResult, match="before has no kind"):
        compare(by_hand(), after)
    with pytest.raises(BadResult, match="4 layers of 100 neurons, after 3 of 100"):
        compare(before, after.isel(layer=slice(3)))
    with pytest.raises(BadResult, match="the same corpus"):
        compare(before, after.isel(language=slice(9)))
    with pytest.raises(BadResult, match="use the same options"):
        compare(before, ternary(planted()[0], top_rate=0.05))
    with pytest.raises(UnknownLanguage, match="'xx' is not in these Results"):
        compare(before, after, trained="l0,xx")
    with pytest.raises(BadArgument, match="leaves nothing to compare with"):
        compare(before, after, trained=[f"l{i}" for i in range(10)])
    with pytest.raises(BadArgument, match="permutations=0"):
        compare(before, after, permutations=0)
