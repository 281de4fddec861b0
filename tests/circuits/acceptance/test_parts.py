"""Parts are a value: units of a caller's own, and the test that is exact for a set drawn at random."""

import numpy as np
import pytest

import workbench as wb
from tests.circuits.cases import model_of
from workbench.errors import BadArgument, Interrupted, NotFinite

UNITS, STRATA = 40, np.repeat(np.arange(4), 10)
QUIET = {"progress": False}


def additive(values):
    """A measure in which each unit adds its value to every pair's metric."""
    return lambda prompts, metric: lambda sets: np.repeat((sets @ values)[:, None] + 1.0, len(prompts), 1)


def parts_of(member, measure):
    return wb.circuits.Parts("parts", member, STRATA, measure)


@pytest.fixture(scope="module")
def family():
    rows = [{"source": text, "target": "zz", "answer": "a", "foil": "b"} for text in ("ab", "cd", "ef", "gh")]
    return {"de": wb.load_pairs(rows), "fr": wb.load_pairs(rows)}


def some(*units):
    member = np.zeros(UNITS, dtype=bool)
    member[list(units)] = True
    return member


def test_units_of_a_callers_own(family):
    values = np.full(UNITS, 0.01)
    values[[3, 14]] = 1.0
    result = wb.circuits.accept(model_of(), family, parts_of(some(3, 14), additive(values)), **QUIET)
    assert result.verdict == "accepted"
    np.testing.assert_allclose(result.sufficiency, 2 / values.sum())
    np.testing.assert_allclose(result.necessity, 2 / values.sum())
    np.testing.assert_allclose(result.whole, values.sum() + 1)


def test_a_cost_is_better_when_it_is_lower(family):
    values = np.full(UNITS, -0.01)
    values[[3, 14]] = -1.0
    cost = wb.model.Metric("cost", "nats", lambda logits, batch: logits.amax(-1), lower_is_better=True)
    parts = parts_of(some(3, 14), additive(values))
    result = wb.circuits.accept(model_of(), family, parts, metric=cost, **QUIET)
    assert result.verdict == "accepted" and result.task.values == pytest.approx(-values.sum())
    assert wb.circuits.accept(model_of(), family, parts, **QUIET).verdict == "undecided"


def test_units_that_carry_nothing_are_undecided(family):
    result = wb.circuits.accept(model_of(), family, parts_of(some(3, 14), additive(np.zeros(UNITS))), **QUIET)
    assert result.verdict == "undecided" and "does not damage the task in de, fr" in result.reason


def test_random_sets_beat_their_controls_as_often_as_the_level_says(family):
    model, generator = model_of(), np.random.default_rng(0)
    values, small = generator.exponential(size=UNITS), 0
    for draw in range(100):
        member = some(*(stratum * 10 + int(generator.integers(10)) for stratum in range(4)))
        parts = parts_of(member, additive(values))
        result = wb.circuits.accept(model, family, parts, controls=19, seed=draw, least_necessity=1e-9, **QUIET)
        small += float(result.p_value.max()) <= 0.05
    assert 1 <= small <= 11  # 5 expected; the 99 % interval of a binomial of 100


def test_an_interrupted_rule_has_the_languages_that_were_finished(family):
    def measure(prompts, metric):
        started.append(prompts)
        if len(started) == 2:
            raise KeyboardInterrupt
        return additive(some(3, 14).astype(float))(prompts, metric)

    started = []
    with pytest.raises(Interrupted, match="finished de") as stopped:
        wb.circuits.accept(model_of(), family, parts_of(some(3, 14), measure), **QUIET)
    partial = stopped.value.partial
    assert partial.verdict == "undecided" and partial.reason == "fr was not measured"
    assert np.isfinite(partial.necessity.sel(language="de")) and np.isnan(partial.necessity.sel(language="fr"))


def test_controls_are_other_sets_matched_in_every_stratum():
    parts = parts_of(some(0, 1, 2, 10), additive(np.ones(UNITS)))
    drawn = parts.random(50, 0)
    counts = np.stack([drawn[:, stratum == STRATA].sum(1) for stratum in range(4)], 1)
    assert (counts == [3, 1, 0, 0]).all() and len(np.unique(drawn, axis=0)) == 50
    assert not (drawn == parts.member).all(1).any()


def test_refusals(family):
    measure = additive(np.ones(UNITS))
    for member in (some(), ~some(), some(1).astype(int), some(1)[:, None]):
        with pytest.raises(BadArgument):
            parts_of(member, measure)
    with pytest.raises(BadArgument, match="stratum"):
        wb.circuits.Parts("parts", some(1), np.full(UNITS, -1), measure)
    with pytest.raises(NotFinite):
        broken = parts_of(some(1, 2), lambda prompts, metric: lambda sets: np.full((len(sets), len(prompts)), np.nan))
        wb.circuits.accept(model_of(), family, broken, **QUIET)
