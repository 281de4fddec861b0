import numpy as np
import pytest
import xarray as xr

from workbench.laboratories.quadrants.gains import Gains, measure_name

CONDITIONS = ["before", "recipe", "untied", "tied, shuffled", "untied, shuffled"]
MEASURES = [measure_name(scope, form) for scope in ("bilingual", "multilingual") for form in ("question", "line")]


def trained(scores, seeds=2, samples=5):
    """A Result of `run` whose scores are given by condition and measure, the same in every sample but for an offset."""
    score = np.full((len(CONDITIONS), seeds, len(MEASURES), 2, samples), np.nan)
    for (condition, measure), bits in scores.items():
        place = CONDITIONS.index(condition), MEASURES.index(measure)
        for seed in range(seeds):
            score[place[0], seed, place[1]] = bits + np.arange(samples) + 0.1 * seed
            score[place[0], seed, place[1], 1, samples - 1] = np.nan  # a language with fewer answers
    score[0] = score[0, :1]  # before training there are no seeds
    axes = ("condition", "seed", "measure", "language", "sample")
    loss = xr.DataArray(np.ones((len(CONDITIONS), seeds, 3)), {"condition": CONDITIONS}, ("condition", "seed", "step"))
    return xr.Dataset(
        {"score": xr.DataArray(score, {"condition": CONDITIONS, "measure": MEASURES}, axes), "loss": loss}
    )


def scores(**changed):
    """10 bits everywhere, and other bits of (condition, scope, form) written with double underscores."""
    every = {(condition, measure): 10.0 for condition in CONDITIONS for measure in MEASURES}
    names = {"recipe": "recipe", "untied": "untied", "shuffled": "tied, shuffled"}
    for key, bits in changed.items():
        condition, scope, form = key.split("__")
        every[names[condition], measure_name(scope, form)] = bits
    return every


def gathered(*results, languages=("de", "fr")):
    gains = Gains(("tied", "untied"), languages, range(2), level=0.95, seed=0)
    for language, result in zip(languages, results, strict=False):
        gains.add(language, result)
    return gains.result(pivot="en")


def test_gains_and_quadrants_by_hand():
    changed = scores(
        recipe__bilingual__question=4.0,
        recipe__multilingual__question=7.0,
        recipe__bilingual__line=13.0,
        recipe__multilingual__line=7.0,
        shuffled__bilingual__question=6.0,
        shuffled__multilingual__question=5.0,
        untied__bilingual__question=4.0,
        untied__multilingual__question=13.0,
    )
    made = gathered(trained(changed)).sel(language="de")
    question = made.sel(embedding="tied", form="question")
    # The second seed of each condition, but not of `before`, has 0.1 bits more.
    np.testing.assert_allclose(question.gain, [6 - 0.05, 3 - 0.05])
    np.testing.assert_allclose(question.gain_by_seed, [[6, 3], [5.9, 2.9]])
    np.testing.assert_allclose(question.excess, [2, -2])
    np.testing.assert_allclose([question.gain_low, question.gain_high], [question.gain] * 2)
    assert question.quadrant.item() == "reciprocal"
    assert question.excess_quadrant.item() == "selfish"
    assert made.quadrant.sel(embedding="tied", form="line").item() == "altruistic"
    assert made.quadrant.sel(embedding="untied", form="question").item() == "selfish"
    assert made.quadrant.sel(embedding="untied", form="line").item() == "undecided"  # one seed gains nothing at all


def test_the_mean_is_over_answers_and_not_over_languages():
    result = trained(scores())
    first = result.score.sel(condition="recipe", measure="bilingual, question")
    first[:, 0] -= 3.0  # 5 answers of one language, 4 of the other
    made = gathered(result)
    gain = made.gain.sel(embedding="tied", form="question", scope="bilingual", language="de").item()
    assert gain == pytest.approx(3 * 5 / 9 - 0.05)


def test_languages_that_were_not_trained_are_not_measured():
    made = gathered(trained(scores(recipe__bilingual__question=1.0)))
    assert (made.quadrant.sel(language="fr") == "not measured").all()
    assert np.isnan(made.gain.sel(language="fr")).all()
    assert np.isnan(made.loss.sel(language="fr")).all()
    assert made.loss.sel(language="de").notnull().all()
    assert "question, tied: 1 undecided; beyond shuffled answers 1 undecided." in made.attrs["finding"]
    empty = gathered()
    assert "question, tied: not measured; beyond shuffled answers not measured." in empty.attrs["finding"]
