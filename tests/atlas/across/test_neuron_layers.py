"""Where a language's neurons lie: against a loop, and planted."""

import numpy as np
import pytest
from scipy import stats

from tests.atlas.across import cases
from tests.oracles import across as oracle
from workbench.atlas.across.evidence import Draws
from workbench.atlas.across.neuron_layers import layer_shares, outer_thirds

DRAWS = Draws(resamples=200)


def test_against_a_loop():
    member = np.random.default_rng(0).random((8, 7, 20)) < 0.1
    member[3] = False  # a language without neurons does not count
    result = cases.lape(7, (0,), neurons=20)
    result["member"] = (result.member.dims, member)
    values = oracle.outer_excess(member.tolist())
    assert len(values) == 7
    evidence = outer_thirds({"neurons/lape": result}, "neurons/lape", DRAWS)
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert (evidence.estimate, evidence.low, evidence.high) == pytest.approx((np.mean(values), float(low), float(high)))


@pytest.mark.parametrize(
    ("places", "estimate", "verdict"),
    [((0, 1, 5), 1 / 3, "holds"), ((2, 3), -2 / 3, "does not hold"), ((0, 1, 2), 0, "undecided")],
)
@pytest.mark.parametrize("name", ["neurons/lape", "neurons/ternary"])
def test_planted(name, places, estimate, verdict):
    make = cases.lape if name == "neurons/lape" else cases.ternary
    evidence = outer_thirds({name: make(6, places)}, name, DRAWS)
    assert evidence.estimate == pytest.approx(estimate)
    assert evidence.verdict(0, 0.95) == verdict


def test_languages_that_differ_decide_nothing():
    places = [(0,), (5,), (2,), (0,), (3,), (1,), (2,), (4,)]
    evidence = outer_thirds({"neurons/lape": cases.lape(6, places)}, "neurons/lape", DRAWS)
    assert evidence.low < 0 < evidence.high
    assert evidence.verdict(0, 0.95) == "undecided"


def test_five_languages_decide_nothing():
    few = cases.lape(6, (0, 5), languages=cases.LATIN)
    evidence = outer_thirds({"neurons/lape": few}, "neurons/lape", DRAWS)
    assert evidence.estimate == pytest.approx(1 / 3)
    assert evidence.verdict(0, 0.95) == "undecided"


def test_not_measured():
    empty = cases.lape(6, (0,))
    empty["member"] = empty.member & False
    for own, reason in (({}, "no neurons/lape"), ({"neurons/lape": empty}, "no language")):
        evidence = outer_thirds(own, "neurons/lape", DRAWS)
        assert evidence.verdict(0, 0.95) == "not measured"
        assert reason in evidence.reason
    assert "no middle" in outer_thirds({"neurons/lape": cases.lape(2, (0,))}, "neurons/lape", DRAWS).reason


def test_shares_add_up():
    shares = layer_shares(cases.lape(6, (0, 1, 1, 5)).member.values)
    assert shares.sum(1) == pytest.approx(np.ones(len(cases.LANGUAGES)))
    assert shares[0].tolist() == [0.25, 0.5, 0, 0, 0, 0.25]


def test_random_neurons_are_decided_on_no_more_often_than_the_level_allows():
    generator, decided, models = np.random.default_rng(0), 0, 400
    for _ in range(models):
        result = cases.lape(9, (0,), languages=list("abcdefghijkl"), neurons=4)
        result["member"] = (result.member.dims, generator.random(result.member.shape) < 0.1)
        decided += outer_thirds({"neurons/lape": result}, "neurons/lape", DRAWS).verdict(0, 0.95) != "undecided"
    assert stats.binomtest(decided, models, 0.05, alternative="greater").pvalue > 0.01
