"""Sentences claim only what a planted result can show."""

from itertools import product

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from workbench.results.make import make_result
from workbench.studies.findings import concepts, controls, heads, patches, sample
from workbench.studies.findings.neurons import classes, effects
from workbench.studies.findings.rank import ends, strongest
from workbench.text.display.words import chance, number, percent

GRID = ("source_layer", "target_layer")


def grid(effect, low, high, *, axes=GRID, pairs=12):
    values = [(axes, np.asarray(part, dtype=float), "effect") for part in (effect, low, high)]
    runs = {name: (("pair",), at + np.arange(pairs) / 10, name) for name, at in (("source", 2.0), ("target", -4.0))}
    return make_result(
        {
            **dict(zip(("effect", "low", "high"), values, strict=True)),
            "source_value": runs["source"],
            "target_value": runs["target"],
        },
        {},
        method="patching",
        parameters={},
        attrs={"metric": "logit_difference"},
    )


def planted(case):
    """Effects [4, 4] with intervals, and the cell that is surely largest off the diagonal; None if there is none."""
    effect, half = np.zeros((4, 4)), np.full((4, 4), 0.1)
    if case == "true":
        effect[1, 2] = 0.6
    if case == "outlier":
        effect[1, 2], effect[0, 3], half[0, 3] = 0.6, 1.59, 1.8
    if case == "ties":
        effect[1, 2] = effect[2, 1] = 0.6
    if case == "all":
        effect[:] = 0.5
        effect[1, 2] = 0.6
    if case == "nan":
        effect[:] = np.nan
    return effect, effect - half, effect + half


@pytest.mark.parametrize("case", ["true", "outlier", "ties", "all"])
def test_a_noisy_outlier_is_not_named_before_an_effect_whose_interval_excludes_zero(case):
    made = grid(*planted(case))
    assert (
        "from layer 1 of the source run into layer 2 of the target run: normalized effect 0.6 (95 % interval 0.5 to "
        in (patches.cross_layer(made).answer)
    )
    carriers = patches.heads(grid(*planted(case), axes=("layer", "head")))
    assert carriers.heads == ((1, 2),)
    edges = grid(*planted(case), axes=("sender", "receiver"))
    edges = edges.assign_attrs(agreement=1, agreement_low=1, agreement_high=1).assign(cell=("cell", [0]))
    assert "is from 1 to 2, with an estimated normalized effect of 0.6 (95 %" in patches.edges(edges).answer
    places = grid(*planted(case), axes=("source_position", "target_position"))
    assert "position 1 moves the answer furthest" in patches.cross_position(places).answer


@pytest.mark.parametrize("case", ["none", "nan"])
def test_nothing_is_named_where_there_is_nothing(case):
    for say, axes in (
        (patches.cross_layer, GRID),
        (patches.heads, ("layer", "head")),
        (patches.positions, ("layer", "position")),
        (patches.cross_position, ("source_position", "target_position")),
    ):
        text = say(grid(*planted(case), axes=axes)).text
        assert "largest, by" not in text and "most" not in text and "furthest" not in text
        assert "largest effect" not in text


def test_strongest_takes_the_value_where_there_is_no_interval():
    values = xr.DataArray([[1.0, -3.0], [2.0, np.nan]], dims=("layer", "head"), name="effect")
    best = strongest(values)
    assert best is not None and best.at == {"layer": 0, "head": 1} and best.value == -3
    assert not best.measured and not best.excludes_zero and best.interval() == ""
    assert best.ranked("x") == best.last_ranked("x") == " (by value; no interval is available)"
    assert strongest(values * np.nan) is None
    assert ends(values.to_dataset()) == (None, None)


def corrected_p(mean, n, cells):
    """Corrected p-value of a t-test of n texts with this mean, in standard deviations, beside cells without effect."""
    texts = np.arange(n) - (n - 1) / 2
    p = stats.ttest_1samp(texts / texts.std(ddof=1) + mean, 0)[1]
    return stats.false_discovery_control([p] + [1.0] * (cells - 1))[0]


@pytest.mark.parametrize(("n", "cells"), list(product([2, 4, 5, 6, 13, 14, 20], [1, 2, 216])))
def test_the_bound_is_that_of_the_t_test(n, cells):
    bound = sample.bound(n, cells)
    assert corrected_p(bound * 1.001, n, cells) < 0.05 < corrected_p(bound * 0.999, n, cells)
    least = sample.needed(cells)
    assert corrected_p(2, least, cells) <= 0.05 and (least == 2 or corrected_p(2, least - 1, cells) > 0.05)
    assert bool(sample.undecided(n, "text", cells)) == (n < least)


def test_the_smallest_effect_of_a_t_test():
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(40, 400))
    error = drawn.std(0, ddof=1) / np.sqrt(40)
    boot = error * np.sqrt(39 / 40) * 1.959964
    low, high = (xr.DataArray(end) for end in (-boot, boot))
    # Two-sided p of 0.05 with 39 degrees of freedom, from a table: 2.0227.
    assert sample.smallest(low, high, n=40, cells=1) == pytest.approx(np.median(error) * 2.0227, rel=1e-4)
    assert sample.smallest(low, high, n=40, cells=100) > sample.smallest(low, high, n=40, cells=1)
    assert np.isnan(sample.smallest(low * np.nan, high, n=40, cells=1))


def test_few_samples_are_warned_of():
    few = make_result({"x": (("sample",), np.zeros(4), "x")}, {}, method="x", parameters={})
    assert sample.warning(few).startswith("Few samples: 4 texts a language.")
    assert not sample.warning(few.isel(sample=[0] * 8))
    assert not sample.warning(few.isel(sample=0))
    counts = {"counts": {"de": 40, "ja": 3}}
    uneven = make_result(
        {"x": (("language",), np.zeros(2), "x")}, {"language": ["de", "ja"]}, method="x", parameters={}, corpus=counts
    )
    assert "3 texts" in sample.warning(uneven) and not sample.warning(uneven.isel(language=[0]))
    tokens = xr.Dataset({"tokens": ("language", [5000, 620])}, {"language": ["de", "ja"]})
    assert sample.warning(tokens) == "Few tokens: 620 of Japanese. Shares of single neurons are rough."


def test_digits():
    assert [number(x) for x in (7123.4, -7123.4, 999.6, 12345678, 0, 1.23e-5, 0.000123, np.nan)] == [
        "7,120",
        "-7,120",
        "1,000",
        "12,300,000",
        "0",
        "0.0000123",
        "0.000123",
        "nan",
    ]
    assert [chance(x) for x in (0, 1e-5, 0.001, 0.04)] == ["p < 0.001", "p < 0.001", "p 0.001", "p 0.04"]
    assert [percent(x) for x in (0, 1e-5, 0.412)] == ["0 %", "< 0.1 %", "41.2 %"]


CELLS = ("language", "layer", "head")


def cells(case, *, p, texts, name="delta"):
    """The planted 4 x 4 cells of one language, of a result of heads."""
    values = [(CELLS, part[None], "change [nats]") for part in planted(case)]
    return make_result(
        {
            **dict(zip((name, "low", "high"), values, strict=True)),
            "p_value": (CELLS, np.where(np.isnan(values[0][1]), np.nan, p), "p"),
            "baseline": (("language",), np.ones(1), "loss [nats]"),
        },
        {"language": ["de"]},
        method="heads.ablate",
        parameters={"level": 0.95},
        corpus={"counts": {"de": texts}},
    )


@pytest.mark.parametrize("case", ["true", "outlier", "ties", "all"])
def test_the_head_that_is_surely_strongest_is_named(case):
    removal = cells(case, p=0.01, texts=20)
    assert heads.ablation(removal).heads == ((1, 2),)
    assert heads.harms(removal)[["layer", "head"]].to_numpy().tolist() == [[1, 2]]
    assert heads.importance(cells(case, p=0.01, texts=20, name="importance")).heads == ((1, 2),)


@pytest.mark.parametrize("case", ["none", "nan"])
def test_no_head_is_named_where_no_interval_excludes_zero(case):
    assert not heads.ablation(cells(case, p=1, texts=20)).heads
    found = heads.importance(cells(case, p=1, texts=20, name="importance"))
    assert not found.heads and found.text == "No head has an importance whose interval lies above zero in any language."


def test_an_ablation_of_few_texts_cannot_decide():
    few = heads.ablation(cells("none", p=1, texts=4)).text
    assert "4 texts and 16 cells can hardly decide this: a t-test, corrected for all cells, shows" in few
    assert "about 7 texts would show one of 2." in few
    many = heads.ablation(cells("none", p=1, texts=20)).text
    assert "decide" not in many and "An effect below about 0.177 nats" in many


@pytest.mark.parametrize("texts", [4, 5, 6])
@pytest.mark.parametrize("times", [0.99, 1.01])
def test_a_few_texts_decide_exactly_where_their_t_test_does(texts, times):
    p = corrected_p(times * sample.bound(texts, 16), texts, 16)
    text = heads.ablation(cells("true", p=np.where(planted("true")[0] > 0, p, 1), texts=texts)).text
    assert ("1 of 16 heads are each needed" in text) == (times > 1)
    assert ("hardly decide" in text) == (times < 1)


def test_one_text_cannot_decide():
    assert sample.undecided(1, "text", 2).startswith("1 text cannot decide this: a t-test needs two or more; about")
    assert not sample.undecided(0, "text", 2)


SCORES = {
    "true": ([[0.1, 0.6], [0.2, 0.3]], [[0.2, 0.7], [0.1, 0.1]]),
    "outlier": ([[0.1, 0.6], [1.5, 0.3]], [[0.2, 0.7], [0.1, 0.1]]),
    "none": ([[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]),
    "ties": ([[0.6, 0.6], [0.2, 0.3]], [[0.2, 0.6], [0.1, 0.1]]),
    "level": ([[0.1, 0.6], [0.2, 0.3]], [[0.2, 0.3], [0.1, 0.6]]),
    "negative": ([[-3.0, -1.0], [-2.0, -4.0]], [[-3.0, -0.5], [-2.0, -4.0]]),
}
FIRST = "Head 1 of layer 0 has the highest score in 2 of 2 languages"
LOWER = ", by the lower end of its interval"
RANKED = f"{LOWER}."
HIGHEST = "The highest is that of head 1 of layer 0 for"


@pytest.mark.parametrize(
    ("case", "texts"),
    [
        ("true", [f"{FIRST}{RANKED}", f"{HIGHEST} French{LOWER}: norm 0.7 (95 % interval 0.6 to 0.8)."]),
        ("outlier", [f"{FIRST}{RANKED}", f"{HIGHEST} French{LOWER}: norm 0.7 (95 % interval 0.6 to 0.8)."]),
        ("none", ["Several heads share the first place for German and French."]),
        ("ties", [f"{HIGHEST} French{LOWER}: norm 0.6", "Several heads share the first place for German."]),
        ("level", [f"No two languages have the same head in the first place{RANKED}", f"{HIGHEST} German and French"]),
        ("negative", [f"{FIRST}{RANKED}", f"{HIGHEST} French{LOWER}: norm -0.5 (95 % interval -0.6 to -0.4)."]),
    ],
)
def test_any_score_ranks_by_the_lower_end_of_its_interval_or_says_that_it_has_none(case, texts):
    values = np.array(SCORES[case])
    half = np.where(values == 1.5, 1.8, 0.1)  # the largest number of all is the noisiest
    made = make_result(
        {
            name: (CELLS, part, "norm")
            for name, part in (("n", values), ("low", values - half), ("high", values + half))
        },
        {"language": ["de", "fr"]},
        method="mine",
        parameters={},
        score="n",
    )
    with_intervals = heads.strongest(made, made.n)
    assert all(text in with_intervals.text for text in texts)
    bare = made[["n"]]
    bare.n.attrs.pop("ancillary_variables")
    by_value = heads.strongest(bare, bare.n).text
    assert ("by value; no interval is available" in by_value) == (case != "none") and "by the lower" not in by_value
    if case == "outlier":
        assert (
            "The highest is that of head 0 of layer 1 for German (by value; no interval is available): norm 1.5."
            in by_value
        )


def test_a_language_without_an_interval_leaves_all_to_their_values():
    values = np.array(SCORES["outlier"])
    low = values - 0.1
    low[1] = np.nan
    parts = {"n": values, "low": low, "high": values + 0.1}
    variables = {name: (CELLS, part, "norm") for name, part in parts.items()}
    made = make_result(variables, {"language": ["de", "fr"]}, method="mine", parameters={}, score="n")
    text = heads.strongest(made, made.n).text
    assert "by the lower" not in text and "95 %" not in text and text.count("by value; no interval is available") == 2


def test_a_score_of_nan_names_nothing():
    values = xr.DataArray(np.full((1, 1, 2), np.nan), {"language": ["de"]}, CELLS, "n")
    assert heads.strongest(values.to_dataset(), values).text == "No head has a score."


def fired(by_layer, by_language):
    """Counts of 100 tokens at which a share of the neurons, all alike, fires."""
    share = np.add.outer(by_language, by_layer)
    made = (100 * share).round().astype(int)[..., None].repeat(3, -1)
    return xr.Dataset(
        {"fired": (("language", "layer", "neuron"), made), "tokens": ("language", [100] * len(by_language))},
        {"language": ["de", "fr", "ja"][: len(by_language)], "layer": range(len(by_layer))},
    )


def test_layers_and_languages_that_fire_alike_are_named_together():
    text = classes.firing(fired([0.2, 0.4, 0.4], [0.0, 0.1, 0.0])).text
    assert "Most do in layers 1 and 2 (43.3 %), fewest in layer 0 (23.3 %), by value; no interval is available." in text
    assert "most fire in French (43.3 %) and fewest in German and Japanese (33.3 %), by value" in text
    assert "most" not in classes.firing(fired([0.2, 0.2], [0.0, 0.0])).text.lower()


@pytest.mark.parametrize(
    ("shares", "text"),
    [
        ([0.1, 0.5, 0.2], "It fires most in French, at 50 % of the tokens, by value; no interval is available."),
        ([0.5, 0.5, 0.2], "It fires most in German and French, at 50 % of the tokens, by value;"),
        ([0.5, 0.5, 0.5], "It fires at 50 % of the tokens in German, French and Japanese."),
        ([0.0, 0.0, 0.0], "It fires at 0 % of the tokens in German, French and Japanese."),
    ],
)
def test_the_languages_in_which_a_neuron_fires(shares, text):
    made = xr.Dataset({"fires": ("language", shares)}, {"language": ["de", "fr", "ja"]})
    assert effects.look(made).text.startswith(text)


def test_counts_of_languages_stand_beside_chance():
    made = make_result(
        {
            "delta": (("language",), np.array([0.3, 0.1, 0.2]), "change [nats]"),
            "control_high": (("language",), np.array([0.1, 0.2, 0.1]), "upper end [nats]"),
        },
        {"language": ["de", "fr", "ja"]},
        method="neurons.knockout",
        parameters={"level": 0.9},
    )
    assert effects.beyond(made).text == (
        "2 of 3 languages lose more than the band of random groups reaches; chance gives about 0.15."
    )


def test_no_intervals_is_not_written_under_bands():
    made = xr.Dataset({"mean": ("x", [1.0]), "mean_low": ("x", [0.0]), "mean_high": ("x", [2.0])})
    made = made.assign_attrs(provenance="{}")
    assert "no intervals" not in controls.control(made)
    assert "no intervals" in controls.control(made[["mean"]])


def test_the_source_concept_is_named_where_it_surely_is():
    axes, value, half = ("answer", "layer"), np.array([[0.1, 0.4, 0.9], [1.0, 1.0, 1.0]]), np.full((2, 3), 0.05)
    half[0, 2] = 0.8  # the largest mean of the source concept is the noisiest
    onset = {f"onset{end}": ("aspect", [1.0]) for end in ("", "_low", "_high")}
    made = xr.Dataset(
        {
            "probability": (axes, value),
            "low": (axes, value - half),
            "high": (axes, value + half),
            "control": (axes, value / 8),
            "answer_concept": ("answer", np.array(["source", "target"], dtype=object)),
            **onset,
        },
        {"aspect": ["concept"], "answer": ["a", "b"], "layer": [0, 1, 2]},
        {"at": "last", "pairs": 4, "collided": 0},
    )
    assert concepts.concepts(made).details[0] == (
        "The source concept reaches the most, by the lower end of its interval, at layer 1: 0.4 (95 % interval 0.35 to "
        "0.45), and 0.05 there with random concepts' states."
    )


def test_large_counts_have_separators():
    fired = np.zeros((2, 1, 7120), dtype=int)
    made = xr.Dataset(
        {"fired": (("language", "layer", "neuron"), fired), "tokens": ("language", [5000, 5000])},
        {"language": ["de", "ja"], "layer": [0]},
    )
    assert classes.firing(made).text.endswith("7,120 neurons of 7,120 never fired.")
