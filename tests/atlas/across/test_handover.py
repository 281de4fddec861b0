"""Where words are decided: against loops, and planted."""

import numpy as np
import pytest

from tests.atlas.across import cases
from tests.oracles import across as oracle
from workbench.atlas.across.evidence import Draws
from workbench.atlas.across.handover import concept_handover, english_between, target_takes_over
from workbench.errors import BadResult

DRAWS = Draws(resamples=300)
LATE, EARLY = (0.0, 0.1, 0.1, 0.2, 0.9, 0.9, 0.9), (0.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9)
FLAT = (0.0,) * 7


def test_handover_against_a_loop():
    first, second = cases.concepts(LATE, noise=0.3), cases.concepts(EARLY, noise=0.3, seed=1)
    lead = [
        (part[0] + part[1] - part[2] - part[3]).tolist()
        for result in (first, second)
        for part in result.pair_probability.values
    ]
    evidence = concept_handover({"concepts-a/last": first, "concepts-b/last": second}, DRAWS)
    assert evidence.estimate == oracle.onset_depth(lead)


@pytest.mark.parametrize(("curve", "depth", "verdict"), [(LATE, 4 / 6, "holds"), (EARLY, 1 / 6, "does not hold")])
def test_planted_handover(curve, depth, verdict):
    evidence = concept_handover({"concepts-a-b/last": cases.concepts(curve)}, DRAWS)
    assert (evidence.estimate, evidence.low, evidence.high) == pytest.approx((depth, depth, depth))
    assert evidence.verdict(0.5, 0.95) == verdict


def test_no_handover_at_all_speaks_against_the_claim():
    evidence = concept_handover({"concepts-a-b/last": cases.concepts(FLAT)}, DRAWS)
    assert "no depth from which on" in evidence.text and (evidence.estimate, evidence.low) == (np.inf, np.inf)
    assert evidence.verdict(0.5, 0.95) == "does not hold"
    assert "no concepts" in concept_handover({}, DRAWS).reason


def test_a_handover_that_may_never_be_decides_nothing():
    unsure = cases.concepts((0.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.52), noise=0.3)
    evidence = concept_handover({"concepts-a-b/last": unsure}, DRAWS)
    assert evidence.high == np.inf
    assert evidence.verdict(0.5, 0.95) == "undecided"
    assert "never" in evidence.text


def test_planted_takeover():
    curves = {"de": (0.5, 0.5, 0.5, 0.5, 0.1, 0.1, 0.0), "en": FLAT, "fr": (0, 0.1, 0.1, 0.3, 0.3, 0.8, 0.9)}
    result = cases.lens(curves)
    evidence = target_takes_over({"lens-de-fr/lens": result}, DRAWS)
    lead = result.concept_probability.sel(language="fr") - result.concept_probability.sel(language="de")
    assert evidence.estimate == oracle.onset_depth(lead.values.tolist()) == pytest.approx(4 / 6)
    assert evidence.verdict(0.5, 0.95) == "holds"


@pytest.mark.parametrize(
    ("english", "estimate", "verdict"),
    [(0.5, 0.4, "holds"), (0.0, -0.1, "does not hold"), (0.1, 0.0, "undecided")],
)
def test_planted_english(english, estimate, verdict):
    curves = {"de": FLAT, "en": (0, 0, 0, english, 0, 0, 0), "fr": (0, 0, 0.1, 0.1, 0.1, 0.5, 0.9)}
    evidence = english_between({"lens-de-fr/lens": cases.lens(curves, noise=0.02)}, DRAWS)
    assert evidence.estimate == pytest.approx(estimate, abs=0.02)
    assert evidence.verdict(0, 0.95) == verdict


def test_english_is_the_highest_mean_of_the_middle():
    curves = {"de": FLAT, "en": np.linspace(0, 0.6, 7), "fr": np.linspace(0.4, 0.3, 7)}
    result = cases.lens(curves, noise=0.2)
    values = result.concept_probability
    means = [
        oracle.mean((values.sel(language="en") - values.sel(language="fr"))[:, layer].values.tolist())
        for layer in (2, 3, 4)
    ]
    assert english_between({"lens-de-fr/lens": result}, DRAWS).estimate == pytest.approx(max(means))


def test_routes_with_english_do_not_count():
    curves = {"de": FLAT, "en": (0.9,) * 7, "fr": FLAT}
    for ends in ({"source": "en", "target": "fr"}, {"source": "de", "target": "en"}):
        evidence = english_between({"lens-x/lens": cases.lens(curves, **ends)}, DRAWS)
        assert "other than English" in evidence.reason


def test_collisions_are_left_out():
    curves = {"de": FLAT, "en": FLAT, "fr": EARLY}
    result = cases.lens(curves)
    result["concept_probability"] = result.concept_probability.where(result.language != "en")
    assert "first tokens" in english_between({"lens-de-fr/lens": result}, DRAWS).reason
    result["concept_probability"] = result.concept_probability.where(result.language != "fr")
    assert "distinct" in target_takes_over({"lens-de-fr/lens": result}, DRAWS).reason


def test_results_that_do_not_fit_together():
    curves = {"de": FLAT, "en": FLAT, "fr": EARLY}
    other = {language: (*curve, 0.0) for language, curve in curves.items()}
    with pytest.raises(BadResult, match="differ in their layers"):
        target_takes_over({"lens-a/lens": cases.lens(curves), "lens-b/lens": cases.lens(other)}, DRAWS)
    with pytest.raises(BadResult, match="does not record its languages"):
        target_takes_over({"lens-a/lens": cases.lens(curves, source="ja")}, DRAWS)
