"""Claims of papers: a row for each claim and model, and what does not fit is refused."""

import math

import numpy as np
import pytest
import xarray as xr

from tests.atlas.across import cases
from workbench.atlas.across import claims
from workbench.atlas.across.evidence import Evidence
from workbench.atlas.across.statements import STATEMENTS
from workbench.errors import BadArgument, BadResult

LATE, EARLY = (0.0, 0.1, 0.1, 0.2, 0.9, 0.9, 0.9), (0.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9)
FLAT, DOWN = (0.0,) * 7, (0.5, 0.5, 0.5, 0.5, 0.1, 0.1, 0.0)


def model(*, places, curve, by, english=FLAT, layers=6):
    """Results of a model in which all is as planted."""
    effects = cases.profiles(by)
    return {
        "neurons/lape": cases.lape(layers, places),
        "neurons/ternary": cases.ternary(layers, places),
        "neurons/firing": cases.firing(by),
        "heads/ablation": cases.ablation_by_sample(cases.samples_of(effects)),
        "concepts-de-fr/last": cases.concepts(curve),
        "lens-de-fr/lens": cases.lens({"de": DOWN, "en": english, "fr": curve}),
        "tokens/tokenization": xr.Dataset(),  # results that are not compared do not matter
    }


OUTER = model(places=(0, 5), curve=LATE, by="script", english=(0.0, 0.0, 0.6, 0.6, 0.6, 0.0, 0.0))
MIDDLE = model(places=(3, 4), curve=EARLY, by="length", layers=9)


@pytest.fixture(scope="module")
def table():
    return claims({"outer": OUTER, "middle": MIDDLE, "bare": {"neurons/lape": OUTER["neurons/lape"]}}, resamples=500)


def verdict(table, model, words):
    rows = table[(table.model == model) & table.claim.str.contains(words)]
    assert len(rows) == 1
    return rows.verdict.item()


def test_a_row_for_each_claim_and_model(table):
    assert len(table) == 3 * len(STATEMENTS)
    assert len(table.groupby(["claim", "model"])) == len(table)
    assert list(table.columns[:3]) == ["claim", "paper", "model"]
    assert table.paper.str.contains("arXiv|question of ours").all()


@pytest.mark.parametrize(
    ("words", "outer", "middle"),
    [
        ("LAPE", "holds", "does not hold"),
        ("specific", "holds", "does not hold"),
        ("handed over", "holds", "does not hold"),
        ("takes over", "holds", "does not hold"),
        ("English", "holds", "does not hold"),
        ("of its own", "holds", "holds"),
        ("script share heads", "holds", "undecided"),
        ("script share neurons", "holds", "undecided"),
        ("counts share heads", "undecided", "holds"),
        ("counts share neurons", "undecided", "holds"),
    ],
)
def test_planted_verdicts(table, words, outer, middle):
    assert (verdict(table, "outer", words), verdict(table, "middle", words)) == (outer, middle)


def test_what_is_not_there_is_not_measured(table):
    bare = table[table.model == "bare"]
    assert set(bare.verdict) == {"holds", "not measured"}
    missing = bare[bare.verdict == "not measured"]
    assert len(missing) == len(STATEMENTS) - 1
    assert missing.sentence.str.startswith("bare: not measured: there is no ").all()
    assert missing[["estimate", "low", "high", "p_value"]].isna().all(axis=None)


def test_sentences_state_the_numbers(table):
    row = table[(table.model == "outer") & table.claim.str.contains("LAPE")].iloc[0]
    assert row.sentence == (
        "outer: 100% of a language's LAPE neurons lie in the outer thirds of the layers (50% in the first, 50% in the "
        "last), where an even spread has 67%: a difference of +0.33 (+0.33 to +0.33, 8 languages with 2 neurons); "
        "the claim holds."
    )
    row = table[(table.model == "middle") & table.claim.str.contains("handed over")].iloc[0]
    assert row.sentence == (
        "middle: the source's concept outweighs the target's from depth 0.17 on (0.17 to 0.17, 1 route); "
        "the claim does not hold."
    )


@pytest.mark.parametrize(
    ("low", "high", "p_value", "verdict"),
    [
        (0.1, 0.2, math.nan, "holds"),
        (-0.2, -0.1, math.nan, "does not hold"),
        (-0.1, 0.1, math.nan, "undecided"),
        (math.nan, math.nan, math.nan, "undecided"),
        (0.1, math.inf, math.nan, "undecided"),
        (0.1, 0.2, 0.01, "holds"),
        (0.1, 0.2, 0.05, "holds"),
        (0.1, 0.2, 0.06, "undecided"),
        (-0.2, -0.1, 0.06, "undecided"),
    ],
)
def test_verdicts(low, high, p_value, verdict):
    assert Evidence(0.0, low, high, p_value).verdict(0, 0.95) == verdict
    assert Evidence(0.5, low + 0.5, high + 0.5, p_value).verdict(0.5, 0.95) == verdict
    assert Evidence(0.0, low, high, p_value, reason="there is nothing").verdict(0, 0.95) == "not measured"


def test_the_same_seed_gives_the_same_table(table):
    again = claims({"outer": OUTER}, resamples=500)
    assert again.equals(table[table.model == "outer"].reset_index(drop=True))


@pytest.mark.parametrize("results", [{}, {"empty": {}}, {"other": {"evaluate/words": xr.Dataset()}}])
def test_nothing_to_compare(results):
    with pytest.raises(BadArgument, match=r"give|comparing models needs"):
        claims(results)


@pytest.mark.parametrize("name", ["neurons/lape", "neurons/ternary", "neurons/firing", "heads/ablation"])
def test_results_of_another_kind(name):
    other = cases.concepts(LATE)
    with pytest.raises(BadResult, match=f"{name} needs"):
        claims({"a": {name: other}})
    with pytest.raises(BadResult, match="one layer"):
        claims({"a": {name: OUTER[name].isel(layer=[0])}})
    with pytest.raises(BadResult, match="lacks layers, or has them in another order"):
        claims({"a": {name: OUTER[name].isel(layer=[1, 0])}})
    with pytest.raises(BadResult, match="holds no numbers"):
        claims({"a": {name: OUTER[name].astype(str)}})


@pytest.mark.parametrize("name", ["lens-de-fr/lens", "concepts-de-fr/last"])
def test_routes_of_another_kind(name):
    with pytest.raises(BadResult, match=f"{name} needs"):
        claims({"a": {name: cases.lape(6, (0,))}})
    bare = OUTER[name].drop_vars("answer_concept", errors="ignore")
    bare.attrs.pop("provenance")
    with pytest.raises(BadResult, match=r"does not record|lacks answer_concept"):
        claims({"a": {name: bare}})


@pytest.mark.parametrize(
    "wrong", [{"level": 1.0}, {"resamples": 0}, {"seed": -1}, {"results": [1]}, {"results": {"a": xr.Dataset()}}]
)
def test_wrong_arguments(wrong):
    with pytest.raises(BadArgument):
        claims(**{"results": {"a": OUTER}, **wrong})


def test_axes_in_any_order():
    turned = {name: own.transpose(*reversed(list(own.dims))) if own.dims else own for name, own in OUTER.items()}
    straight, other = claims({"a": OUTER}, resamples=50), claims({"a": turned}, resamples=50)
    numbers = ["estimate", "low", "high"]
    np.testing.assert_allclose(straight[numbers], other[numbers])
