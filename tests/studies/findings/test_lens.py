"""Sentences on the lens, on planted probabilities of concepts: a lead, none, one outlier, few concepts, ties."""

import numpy as np
import pytest

from workbench.results.make import make_result
from workbench.studies.findings import lens

CODES = ("de", "fr", "ja")


def planted(means, *, concepts=12, noise=0.02, codes=CODES, level=None, seed=0, same=None):
    """Probabilities of every concept around means [language, layer]; noise that languages do not share."""
    means = np.asarray(means, dtype=float)
    values = means + noise * np.random.default_rng(seed).standard_normal((concepts, *means.shape))
    return of_concepts(values, codes=codes, level=level, same=same)


def of_concepts(values, *, codes=CODES, level=None, same=None):
    with np.errstate(invalid="ignore"):
        mean = np.where(np.isnan(values), 0, values).sum(0) / (~np.isnan(values)).sum(0)
    axes = ("language", "layer")
    return make_result(
        {
            "probability": (axes, mean, "probability"),
            "concept_probability": (("concept", *axes), values, "probability"),
        },
        {"language": list(codes)},
        method="lens.by_language",
        parameters={} if level is None else {"level": level},
        corpus={"same_as": {"concepts": same}} if same else None,
    )


def by_hand(values, mine, other, layer, level=0.95):
    """Percentile bootstrap of a paired mean, drawn another way."""
    gaps = values[:, mine, layer] - values[:, other, layer]
    rng = np.random.default_rng(99)
    means = [gaps[rng.integers(0, len(gaps), len(gaps))].mean() for _ in range(4000)]
    return np.quantile(means, ((1 - level) / 2, (1 + level) / 2))


def test_a_true_lead_is_said_from_the_state_where_every_paired_difference_is_above_zero():
    result = planted([[0.3, 0.3, 0.1], [0.1, 0.2, 0.6], [0.0, 0.0, 0.2]])
    text = lens.translation(result, "fr").text
    assert text.startswith("French, the target language, leads from state 2 up to the output, by 0.4")
    assert " over Japanese at the output; one state earlier, German is ahead. " in text
    assert text.endswith("Its paired difference from every other language has an interval above zero there.")
    low, high = by_hand(result.concept_probability.values, 1, 2, 2)
    said = text.split("(95 % interval ")[1].split(")")[0].split(" to ")
    np.testing.assert_allclose([float(end) for end in said], [low, high], atol=0.004)


def test_a_lead_at_every_state():
    result = planted([[0.3, 0.3], [0.1, 0.2], [0.0, 0.0]])
    assert lens.translation(result, "de").answer.startswith("German, the target language, leads at every state up to")


def test_a_mean_in_front_by_one_outlier_is_no_lead():
    values = np.full((10, 3, 2), 0.1)
    values[:, 1] = 0.09
    values[0, 1] = 0.9  # French has the largest mean, and loses in nine concepts of ten
    result = of_concepts(values)
    assert result.probability.sel(language="fr")[-1] > result.probability.sel(language="de")[-1]
    text = lens.translation(result, "fr").text
    assert text.startswith("Whether French, the target language, leads at the output cannot be decided: its difference")
    assert "in 10 concepts" in text


def test_concepts_that_vary_together_do_not_hide_a_lead():
    level = np.random.default_rng(0).uniform(0, 1, (20, 1, 1))  # easy and hard concepts
    values = level * np.array([0.5, 0.55, 0.1])[None, :, None] * np.ones((1, 1, 2))
    result = of_concepts(values)
    spread = result.concept_probability.sel(language="fr").std("concept")
    assert (spread > 2 * (result.probability.sel(language="fr") - result.probability.sel(language="de"))).all()
    assert "leads at every state" in lens.translation(result, "fr").answer


def test_without_numbers_of_each_concept_nothing_is_decided():
    result = planted([[0.3, 0.1], [0.1, 0.6], [0.0, 0.2]]).drop_vars("concept_probability")
    assert "cannot be decided without numbers of each concept" in lens.translation(result, "fr").text


def test_another_language_that_is_surely_ahead():
    text = lens.translation(planted([[0.1, 0.6], [0.5, 0.2], [0.0, 0.3]]), "fr").text
    assert text.startswith(
        "French, the target language, does not lead at the output: its difference from German is -0.4"
    )


@pytest.mark.parametrize(("concepts", "few"), [(1, True), (2, True), (4, False)])
def test_few_concepts_cannot_decide_and_how_many_would_do(concepts, few):
    values = np.array([[[0.1], [0.2], [0.0]], [[0.2], [0.1], [0.0]]] * 2)[:concepts]
    text = lens.translation(of_concepts(values), "fr").text
    assert "cannot be decided" in text
    assert f"in {concepts} concept" in text
    assert ("about 4 concepts would show one of 2" in text) == few


def test_ties_are_no_lead_and_a_state_before_is_not_said_to_be_lost():
    tie = planted([[0.3, 0.3], [0.3, 0.3], [0.3, 0.3]], noise=0)
    assert "cannot be decided" in lens.translation(tie, "de").text
    late = planted([[0.2, 0.1], [0.2, 0.6], [0.0, 0.0]], noise=0)
    assert "one state earlier, a lead over German cannot be shown" in lens.translation(late, "fr").answer


def test_collided_languages_are_compared_in_the_concepts_that_they_share():
    values = np.full((8, 3, 1), 0.1)
    values[:, 1] = 0.3
    values[:5, 0] = np.nan
    values[0, 0] = 0.0
    values[:, 2] = np.nan
    result = of_concepts(values)
    ahead = lens.lead(result, "concept_probability", "fr")
    assert ahead.rivals == ["de"]
    assert ahead.concepts.tolist() == [4]
    np.testing.assert_allclose(ahead.mean, [[(0.3 + 3 * 0.2) / 4]])
    hidden = of_concepts(np.full((4, 3, 2), [[np.nan], [0.1], [np.nan]]))
    assert lens.translation(hidden, "de").text.startswith("German cannot be read")
    assert lens.translation(hidden, "fr").text.startswith("Only French can be read")


def test_repeats_are_no_further_evidence():
    values = np.random.default_rng(3).normal(0.0, 1.0, (2, 3, 1)).repeat(40, 0)
    values[:, 1] = np.array([0.3, 0.1]).repeat(40)[:, None]
    values[:, 0], values[:, 2] = 0.0, 0.0
    free = lens.lead(of_concepts(values), "concept_probability", "fr")
    same = [[row, 40 * (row // 40)] for row in range(80) if row % 40]
    tied = lens.lead(of_concepts(values, same=same), "concept_probability", "fr")
    assert (tied.high - tied.low > 3 * (free.high - free.low)).all()


def test_the_recorded_level_is_used_and_named():
    means = [[0.3, 0.1], [0.1, 0.6], [0.0, 0.2]]
    wide, narrow = (lens.lead(planted(means, level=level), "concept_probability", "fr") for level in (0.99, 0.5))
    assert (wide.high - wide.low > 2 * (narrow.high - narrow.low)).all()
    assert "(99 % interval" in lens.translation(planted(means, level=0.99), "fr").text
    assert "(95 % interval" in lens.translation(planted(means), "fr").text


def latent(masses, shared=0.1, **how):
    values = np.asarray(masses)
    axes = ("language", "layer")
    low = {f"mass_{end}": (axes, values.mean(0) + gap, end) for end, gap in (("low", -0.01), ("high", 0.01))}
    return make_result(
        {
            "mass": (axes, values.mean(0), "mass"),
            **low,
            "concept_mass": (("concept", *axes), values, "mass"),
            "shared": (("layer",), np.full(values.shape[2], shared), "shared"),
        },
        {"language": list(CODES)},
        method="lens.latent",
        parameters={},
        attrs={"asked": "fr"},
    )


def test_words_of_a_language_lead_where_the_paired_difference_says_so():
    values = np.random.default_rng(0).normal(0, 0.01, (10, 3, 4)) + np.array(
        [[0.5, 0.12, 0.1, 0.1], [0.1, 0.1, 0.4, 0.6], [0.0, 0.0, 0.0, 0.0]]
    )
    text = lens.latent(latent(values)).text
    assert text.startswith(
        "Words of French alone lead at 2 of 4 states, where their paired difference from every other language has an "
        "interval above zero; at the output they have 0.6"
    )
    assert "Of the others, German reaches the most, by the lower end of its interval, at state 0" in text
    outlier = np.full((10, 3, 2), 0.1)
    outlier[:, 1], outlier[0, 1] = 0.09, 0.9
    assert lens.latent(latent(outlier)).text.startswith("Words of French alone can be shown to lead at no state;")
