import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests.laboratories.cases import base
from tests.models import byte_tokenizer
from workbench.errors import BadArgument, Interrupted, UnknownLanguage
from workbench.laboratories.systems import typological as system

lab = wb.laboratories
WORDS = wb.load_words("words", languages="de,en,fr").head(60)
SMALL = {"words": WORDS, "languages": "de,en,fr", "tokenizer": byte_tokenizer(), "progress": False, "items": 1, "k": 2}
FEATURES = pd.DataFrame({"x": [0.0, 1.0, 5.0]}, index=["de", "en", "fr"])


@pytest.fixture(scope="module")
def result():
    """Every pair of three languages as random choices, so that each choice is among them."""
    options = {"choices": ["diverse", "representative"], "source": FEATURES, "draws": 3, "steps": 2, "seeds": 1}
    return lab.typological(base(), **options, **SMALL)


def test_choices_are_those_of_the_features(result):
    assert dict(zip(result.choice.values.tolist(), result.trained.values.tolist(), strict=True)) == {
        "diverse": "de fr",
        "representative": "de fr",
    }
    assert sorted(result.random_trained.values.tolist()) == ["de en", "de fr", "en fr"]
    assert (result.attrs["k"], result.attrs["features"]) == (2, "frame")


def test_a_choice_changes_what_the_random_choice_of_the_same_languages_does(result):
    same = (result.random_trained == "de fr").values
    own = result.change_by_seed.sel(condition="recipe", seed=0).mean("language")
    np.testing.assert_allclose(result.random_change.values[same][0], own, rtol=1e-12)
    np.testing.assert_array_equal(
        result.change_by_seed.sel(condition="recipe"), result.change_by_seed.sel(condition="representative")
    )


def test_percentiles_equal_a_plain_loop(result):
    for measure in result.measure.values:
        drawn = result.random_change.sel(measure=measure).values * result.better.sel(measure=measure).item()
        shares = []
        for seed in result.seed.values:
            changes = result.change_by_seed.sel(condition="recipe", seed=seed, measure=measure)
            own = float(changes.mean()) * result.better.sel(measure=measure).item()
            shares.append(sum(1.0 if other < own else 0.5 if other == own else 0.0 for other in drawn) / len(drawn))
        cell = result.sel(choice="diverse", measure=measure)
        assert cell.percentile.item() == pytest.approx(np.mean(shares))
        assert 0 <= cell.percentile_low <= cell.percentile <= cell.percentile_high <= 1


def test_the_finding_is_computed(result):
    first = result.attrs["finding"].split(". ")[0]
    change = 100 * float(result.choice_change.sel(choice="diverse")[0])
    assert first.startswith(
        f"exact match, question, change in points, against 3 random choices: diverse (de fr) {change:+.3g}"
    )
    assert {"shuffled"} < set(result.control.values.tolist())


def test_languages_of_your_own():
    made = lab.typological(base(), choices={"mine": ["fr", "en"]}, draws=1, steps=1, seeds=1, **SMALL)
    assert made.choice.values.tolist() == ["mine"]
    assert made.trained.values.tolist() == ["fr en"]
    assert made.attrs["features"] == "none"


def test_a_stop_among_random_choices_ranks_among_those_that_finished(monkeypatch):
    real, calls = system.run, []

    def stopping(*arguments, **options):
        made = real(*arguments, **options)
        calls.append(1)
        if len(calls) == 2:
            made.mean_change.loc[{"condition": "random 1"}] = np.nan
            raise Interrupted("random was stopped", partial=made)
        return made

    monkeypatch.setattr(system, "run", stopping)
    with pytest.raises(Interrupted, match="random was stopped") as stop:
        lab.typological(base(), choices=["diverse"], source=FEATURES, draws=2, steps=1, seeds=1, **SMALL)
    assert "against 1 random choices" in stop.value.partial.attrs["finding"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"draws": 4}, BadArgument, "draws=4; 2 of 3 languages have 3 subsets"),
        ({"k": 1}, BadArgument, "k=1; give a whole number from 2"),
        ({"k": 4, "draws": 1}, BadArgument, "k=4; the 3 languages have 3 different rows"),
        ({"choices": []}, BadArgument, "choices is empty"),
        ({"choices": ["best"]}, BadArgument, "choices='best' does not exist"),
        ({"choices": {"mine": ["de", "de"]}}, BadArgument, "give a list of k=2 different languages"),
        ({"choices": {"mine": ["de", "tr"]}}, UnknownLanguage, "'tr' is not in these materials"),
        ({"source": FEATURES.loc[["de", "en"]]}, UnknownLanguage, r"'fr' is not in frame \(has: de, en\)"),
    ],
)
def test_what_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        lab.typological(base(), **{**SMALL, "source": FEATURES, "steps": 1, "seeds": 1, "draws": 1, **options})
