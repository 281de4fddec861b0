"""Heads and neurons by script, by token count, and by language: against loops, and planted."""

import numpy as np
import pytest
from scipy import stats

from tests.atlas.across import cases
from tests.oracles import across as oracle
from workbench.atlas.across.evidence import Draws
from workbench.atlas.across.likeness import own_heads, rank_correlations, shared_by
from workbench.text.languages import script

DRAWS = Draws(resamples=500)
NAMES = {"heads/ablation": cases.ablation, "neurons/firing": cases.firing}


def results(name, by):
    return {"neurons/firing": cases.firing(None), name: NAMES[name](by)}


def test_rank_correlations_are_spearmans():
    profiles = np.round(np.random.default_rng(0).normal(size=(4, 30)), 1)  # with ties
    expected = stats.spearmanr(profiles, axis=1).statistic
    assert rank_correlations(profiles) == pytest.approx(expected)
    assert rank_correlations(profiles)[0, 1] == pytest.approx(oracle.spearman(*profiles[:2].tolist()))


def test_the_whole_measure_against_loops():
    result = cases.ablation("script", noise=2.0)
    evidence = shared_by(
        {"heads/ablation": result, "neurons/firing": cases.firing(None)}, "heads/ablation", "script", DRAWS
    )
    rows = result.delta.values.reshape(len(cases.LANGUAGES), -1).tolist()
    likeness = [[oracle.spearman(a, b) for b in rows] for a in rows]
    same = [[float(script(a) == script(b)) for b in cases.LANGUAGES] for a in cases.LANGUAGES]
    length = [[-abs(np.log(cases.TOKENS[a] / cases.TOKENS[b])) for b in cases.LANGUAGES] for a in cases.LANGUAGES]
    assert evidence.estimate == pytest.approx(oracle.mantel(likeness, same, length))
    expected = oracle.jackknife(likeness, same, length, stats.t.ppf(0.975, len(rows) - 1))
    assert (evidence.low, evidence.high) == pytest.approx(expected)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("by", ["script", "length"])
def test_planted_reason_is_the_only_reason(name, by):
    other = "length" if by == "script" else "script"
    assert shared_by(results(name, by), name, by, DRAWS).verdict(0, 0.95) == "holds"
    assert shared_by(results(name, by), name, other, DRAWS).verdict(0, 0.95) != "holds"


def test_what_is_undecided_is_said_to_be_neither():
    evidence = shared_by(results("heads/ablation", "script"), "heads/ablation", "length", DRAWS)
    assert evidence.verdict(0, 0.95) == "undecided"
    assert "correlate neither clearly more nor clearly less between languages of like token counts" in evidence.text


def test_what_differs_within_a_script_does_not_hold():
    """Latin languages have nothing in common, and the others a part of each of them."""
    apart = cases.ablation(None, noise=1.0)
    latin = apart.delta.sel(language=list(cases.LATIN))
    apart["delta"] = apart.delta.where(apart.language.isin(cases.LATIN), latin.sum("language"))
    own = {**results("heads/ablation", None), "heads/ablation": apart}
    evidence = shared_by(own, "heads/ablation", "script", DRAWS)
    assert evidence.verdict(0, 0.95) == "does not hold"
    assert "correlate less" in evidence.text


def test_not_measured():
    assert "no heads/ablation" in shared_by({}, "heads/ablation", "script", DRAWS).reason
    assert (
        "token counts" in shared_by({"heads/ablation": cases.ablation(None)}, "heads/ablation", "script", DRAWS).reason
    )
    latin = {name: own.sel(language=list(cases.LATIN)) for name, own in results("heads/ablation", None).items()}
    assert "too few" in shared_by(latin, "heads/ablation", "script", DRAWS).reason
    assert "no heads/ablation" in own_heads({}, DRAWS).reason
    assert "by sentence" in own_heads({"heads/ablation": cases.ablation(None)}, DRAWS).reason


def test_own_heads_against_a_loop():
    samples = cases.samples_of(cases.profiles("script", units=4), samples=5, noise=1.0)
    values = oracle.own_heads(samples.reshape(*samples.shape[:2], -1).tolist())
    evidence = own_heads({"heads/ablation": cases.ablation_by_sample(samples)}, DRAWS)
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert (evidence.estimate, evidence.low, evidence.high) == pytest.approx((np.mean(values), float(low), float(high)))


def test_own_heads_planted():
    own = cases.samples_of(cases.profiles(None))
    assert own_heads({"heads/ablation": cases.ablation_by_sample(own)}, DRAWS).verdict(0, 0.95) == "holds"
    shared = np.broadcast_to(own[:1].mean(1, keepdims=True), own.shape)
    noise = np.random.default_rng(2).normal(size=own.shape)
    evidence = own_heads({"heads/ablation": cases.ablation_by_sample(shared + 0.3 * noise)}, DRAWS)
    assert abs(evidence.estimate) < 0.1
    assert evidence.verdict(0, 0.95) != "holds"
