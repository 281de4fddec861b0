"""Findings say what the numbers say, and nothing where there is nothing."""

import json
from itertools import combinations

import numpy as np
import pytest
import xarray as xr

from workbench.heads import roles
from workbench.neurons import lape, ternary
from workbench.results.make import make_result
from workbench.studies.findings import controls, heads, patches, removal
from workbench.studies.findings.neurons import classes
from workbench.studies.findings.neurons import effects as neuron_effects
from workbench.text.display.words import count, language, listed, several

CELLS = ("language", "layer", "head")


def scores(values, codes=("de", "fr"), **more):
    variables = {"importance": (CELLS, np.asarray(values, dtype=float), "LAHIS [nats]"), **more}
    return make_result(variables, {"language": list(codes)}, method="heads.importance", parameters={})


def ablated(delta, p, low=None, high=None):
    delta = np.asarray(delta, dtype=float)
    return make_result(
        {
            "delta": (CELLS, delta, "change [nats]"),
            "low": (CELLS, delta - 0.1 if low is None else low, "low"),
            "high": (CELLS, delta + 0.1 if high is None else high, "high"),
            "p_value": (CELLS, np.broadcast_to(np.asarray(p, dtype=float), delta.shape), "p"),
            "baseline": (("language",), np.ones(len(delta)), "loss [nats]"),
        },
        {"language": ["de", "fr"]},
        method="heads.ablate",
        parameters={"level": 0.9},
    )


def test_words():
    assert listed([]) == "none" and listed("ab") == "a and b" and listed("abc") == "a, b and c"
    assert count(1, "head") == "1 head" and count(0, "head") == "0 heads"
    assert language("ja") == "Japanese" and language("planted") == "planted"


def test_importance():
    text = heads.importance(scores([[[0, 0.5], [0.1, 0.2]], [[0, 0.25], [0.1, 0.2]]])).text
    assert text == (
        "Head 1 of layer 0 is the most important one for 2 of 2 languages (by value; no interval is available). "
        "The largest importance (by value; no interval is available) is that of head 1 of layer 0 for German: 0.5 nats."
    )
    text = heads.importance(scores([[[0, 0.5], [0.1, 0.2]], [[0.3, 0.25], [0.1, 0.2]]])).text
    assert text.startswith("No two languages have the same most important head. ")
    around = {name: (CELLS, np.full((2, 2, 2), end), name) for name, end in (("low", 0.4), ("high", 0.6))}
    text = heads.importance(scores([[[0, 0.5], [0, 0]], [[0, 0.2], [0, 0]]], **around)).text
    assert text.endswith("for German: 0.5 nats (95 % interval 0.4 to 0.6).")
    assert "The largest importance, by the lower end of its interval, is that of head 1 of layer 0" in text
    text = heads.importance(scores([[[0, 0.5], [0, 0]], [[0, 0], [0, 0]]])).text
    assert text.endswith("No head has an importance above zero for French.")
    assert heads.importance(scores(np.zeros((2, 1, 2)))).text == "No head has an importance above zero in any language."
    assert "No head" in heads.importance(scores(np.full((2, 1, 2), np.nan))).text


def test_a_finding_has_an_answer_details_and_the_heads_that_it_names():
    named = heads.importance(scores([[[0, 0.5], [0.1, 0.2]], [[0.3, 0.25], [0.1, 0.2]]]))
    assert (named.answer, named.heads) == ("No two languages have the same most important head.", ((0, 1),))
    assert named.details == (
        "The largest importance (by value; no interval is available) is that of head 1 of layer 0 for German: 0.5 "
        "nats.",
    )
    harm = heads.ablation(ablated([[[0.5, 0], [0, 0]], [[0.1, 0.9], [0, 0]]], 0.01))
    assert harm.heads == ((0, 1),) and "head 1 of layer 0" in harm.text
    both = named.then(harm)
    assert both.answer == named.answer and both.details == (*named.details, harm.answer, *harm.details)
    assert both.heads == ((0, 1),) and both.text == f"{named.text} {harm.text}"
    assert patches.heads(patched([[0.05, -0.6], [0.3, 0.02]], ("layer", "head"))).heads == ((0, 1),)


def test_agreement():
    one = scores([[[1, 2], [3, 4]], [[1, 2], [3, 4]]])
    other = ablated([[[1, 2], [3, 4]], [[4, 3], [2, 1]]], 0.5)
    text = heads.agreement(one, other).text
    assert text == (
        "LAHIS orders the heads like exact ablation with a median rank correlation of 0.00 over languages, from -1.00 "
        "(French) to 1.00 (German)."
    )
    assert "cannot be compared" in heads.variants(one, scores(np.zeros((2, 2, 2)))).text


def test_roles():
    values = np.zeros((2, 2, 2))
    values[0, 0, 1] = values[1, 1, 0] = 1
    text = heads.roles(roles(scores(values), quantile=0.7)).text
    assert text == (
        "Of 4 heads, 2 stand out for one language (chance gives about 1.5), 0 for 2 or more, 2 for none. "
        "Heads of one language: German 1 and French 1."
    )
    assert heads.roles(roles(scores(np.zeros((2, 2, 2))))).text.endswith("No head stands out for one language alone.")


@pytest.mark.parametrize(
    ("limit", "text"), [(2, ""), (3, "5 for two, "), (4, "5 for two or three, "), (6, "5 for 2 to 5, ")]
)
def test_several_languages_are_counted_by_name(limit, text):
    assert several("5", limit) == text


def test_ablation():
    delta = [[[0.5, -0.2], [0, 0]], [[0.1, 0.9], [0, 0]]]
    p = [[[0.01, 0.01], [1, 1]], [[0.01, 0.5], [1, 1]]]
    text = heads.ablation(ablated(delta, p)).text
    assert text == (
        "1 of 4 heads are each needed by some language, 1 by every one; chance gives at most about 0.1: removing "
        "the head alone raises the loss by 0.01 nats or more (corrected p < 0.05). The largest harm, by the lower end "
        "of its interval: removing head 0 of layer 0 raises the loss of German by 0.5 nats (90 % interval 0.4 to 0.6). "
        "In 1 of 8 pairs of head and language, removal lowers the loss."
    )
    nothing = heads.ablation(ablated(delta, 0.2))
    assert nothing.answer == (
        "No removal of a head changes a language's loss by an amount that is distinguishable from none (smallest "
        "corrected p-value 0.2)."
    )
    tiny = heads.ablation(ablated(np.full((2, 2, 2), 0.009), 0.01))
    assert tiny.answer.startswith("0 of 4 heads are each needed") and "harm" not in tiny.text
    assert heads.ablation(ablated(delta, np.nan)).text.startswith("There are too few texts")
    better = heads.ablation(ablated(-np.abs(delta), 0.01)).text
    assert better.startswith("0 of 4 heads are each needed by some language, 0 by every one")
    assert "harm" not in better
    assert heads.harms(ablated(delta, p)).loc["French", "rise without it [nats]"] == 0.9


def counts(fired, tokens=(100, 100)):
    return xr.Dataset(
        {"fired": (("language", "layer", "neuron"), np.asarray(fired)), "tokens": ("language", np.asarray(tokens))},
        {"language": ["de", "fr"], "layer": range(np.shape(fired)[1])},
    )


def test_knockout_leads_with_the_test_of_the_diagonal():
    contrast = np.array([0.2, -0.3, 0.1, 0.05])
    found = make_result(
        {
            "contrast": (("group",), contrast, "own less others [nats]"),
            "contrast_low": (("group",), contrast - 0.15, "low [nats]"),
            "contrast_high": (("group",), contrast + 0.15, "high [nats]"),
            "heads": (("group",), np.array([3, 3, 2, 1]), "heads"),
        },
        {"group": ["de", "fr", "ja", "tr"], "language": ["de", "fr", "ja", "tr"]},
        method="heads.knockout",
        parameters={},
        attrs={"diagonal": 0.05, "diagonal_low": -0.01, "diagonal_high": 0.11, "diagonal_p": 0.04},
    )
    assert removal.diagonal(found).text == (
        "A language's own heads cost it more than they cost the others: beyond random heads, by 0.05 nats on average "
        "(-0.01 to 0.11 over texts; p 0.04 by permuting the groups' languages)."
    )
    assert removal.diagonal(found.assign_attrs(diagonal_p=0.2)).text.startswith(
        "What a language's own heads cost it is not distinguishable from what they cost the others"
    )
    assert "too few groups" in removal.diagonal(found.assign_attrs(diagonal_p=np.nan)).text
    assert "with 3 groups no permutation test" in removal.diagonal(found.isel(group=slice(3))).text
    assert removal.hits(found).text == (
        "1 of 4 languages are hit more by their own group (interval above zero; chance gives about 0.1): German. Hit "
        "less (interval below zero): French."
    )
    table = removal.contrasts(found)
    assert table.index.tolist() == ["German", "French", "Japanese", "Turkish"]
    assert table.loc["Japanese"].tolist() == pytest.approx([2, 0.1, -0.05, 0.25])


def test_firing():
    text = classes.firing(counts([[[50, 0], [100, 50]], [[10, 0], [20, 20]]])).text
    assert text == (
        "On average 31.2 % of the neurons fire at a token. Most do in layer 1 (47.5 %), fewest in layer 0 (15 %), "
        "by value; no interval is available. Of the languages, most fire in German (50 %) and fewest in French "
        "(12.5 %), by value; no interval is available. 1 neuron of 4 never fired."
    )
    text = classes.firing(counts(np.zeros((2, 1, 3), dtype=int))).text
    assert text == "On average 0 % of the neurons fire at a token. 3 neurons of 3 never fired."


def test_neuron_classes():
    fired = np.full((2, 2, 10), 50)
    fired[0, 0, 0], fired[1, 0, 0] = 100, 0  # a German neuron
    made = counts(fired)
    kinds, members = ternary(made, top_rate=0.05), lape(made, top_rate=0.05)
    assert "1 are specific to one language" in classes.ternary(kinds).text
    assert (
        "Specific ones: German 1. Layer 0 has most (1), by value; no interval is available."
        in classes.ternary(kinds).text
    )
    assert classes.lape(members, kinds).text == (
        "LAPE selects 1 of 20 neurons; most belong to German (1), fewest to French (0), by value; no interval "
        "is available. "
        "1 of them are among the 1 that the ternary score selects."
    )
    dead = counts(np.zeros((2, 2, 10), dtype=int))
    assert classes.ternary(ternary(dead, top_rate=0.05)).text.endswith("No neuron is specific to one language.")
    assert classes.lape(lape(dead, top_rate=0.05), ternary(dead, top_rate=0.05)).text.startswith(
        "LAPE selects no neuron"
    )


def patched(effect, axes, *, source=(2.0, 2.2, 2.1), target=(-2.0, -2.1, -2.2), width=0.1):
    effect = np.asarray(effect, dtype=float)
    return make_result(
        {
            "effect": (axes, effect, "effect"),
            "low": (axes, effect - width, "low"),
            "high": (axes, effect + width, "high"),
            "source_value": (("pair",), np.asarray(source), "source"),
            "target_value": (("pair",), np.asarray(target), "target"),
        },
        {},
        method="patching",
        parameters={},
        attrs={"metric": "logit_difference"},
    )


def test_cross_layer():
    axes = ("source_layer", "target_layer")
    text = patches.cross_layer(patched([[0.1, 0.9], [0.2, 0.8]], axes)).text
    assert text == (
        "Between different layers, the effect is largest, by the lower end of its interval, from layer 0 of the source "
        "run into layer 1 of the target run: normalized effect 0.9 (95 % interval 0.8 to 1). 1 of 2 such cells have an "
        "effect above 0.5. Within one layer, that is first so at layer 1. "
        "In 3 of 3 pairs the model prefers the right word in both runs."
    )


def test_positions():
    text = patches.positions(patched([[0.7, 0.1], [0.2, 0.8]], ("layer", "position"))).text
    assert (
        "Before layer 0 the largest effect, by the lower end of its interval, is at position 0: normalized effect 0.7"
        in (text)
    )
    assert text.startswith("The state of the last position has an effect above 0.5 from layer 1 on")
    again = patches.positions(patched([[0.7, 0.6], [0.2, 0.3]], ("layer", "position"))).text
    assert again.startswith("The state of the last position first has an effect above 0.5 before")
    text = patches.positions(patched([[0.7, 0.1], [0.2, 0.3]], ("layer", "position"))).text
    assert "At the last position no state before a layer has an effect above 0.5." in text


def test_heads():
    axes = ("layer", "head")
    text = patches.heads(patched([[0.05, -0.6], [0.3, 0.02]], axes)).text
    assert text.startswith(
        "Of the heads, head 1 of layer 0 moves the answer most, by the end of its interval nearer to zero: normalized "
        "effect -0.6"
    )
    assert "The intervals of 2 of 4 heads exclude zero; chance gives about 0.2." in text
    assert patches.heads(patched([[0.05, -0.6]], axes, width=1)).text == (
        "No head can be shown to move the answer: every interval includes zero. An effect below about 1 "
        "(normalized) could not have been shown. In 3 of 3 pairs the model prefers "
        "the right word in both runs."
    )


@pytest.mark.parametrize("say", [patches.cross_layer, patches.positions, patches.heads])
def test_patching_without_a_difference_between_the_runs(say):
    axes = {
        patches.cross_layer: ("source_layer", "target_layer"),
        patches.positions: ("layer", "position"),
        patches.heads: ("layer", "head"),
    }[say]
    same = patched([[40.0, -3.0]], axes, source=(0.1, -0.2, 0.1), target=(0.1, 0.0, -0.1))
    assert say(same).text.startswith("The source and the target runs are not distinguishable")
    # 4.303 of a table of t, two-sided 0.05 with 2 degrees of freedom, over the root of 3; with 3 it is 3.182 over 2.
    few = "a t-test shows a single effect only from 2.48 standard deviations over pairs on; about 4 pairs would show"
    assert "3 pairs can hardly decide this" in say(same).text and few in say(same).text
    many = patched([[40.0, -3.0]], axes, source=(0.1, -0.2, 0.1) * 4, target=(0.1, 0.0, -0.1) * 4)
    assert "not distinguishable" in say(many).text and "decide" not in say(many).text
    assert "it does not do this task" in say(same).text
    gone = patched([[np.nan, np.nan]], axes, source=(np.nan,) * 3, target=(np.nan,) * 3)
    assert say(gone).text.endswith("No pair was finished.")


def test_controls_are_named_and_their_absence_too():
    values = np.zeros((2, 1, 2))
    assert "No random or shuffled control" in controls.control(scores(values))
    assert "p-values" in controls.control(ablated(values, 0.5))
    assert "intervals over pairs" in controls.control(patched([[0.1]], ("layer", "head")))
    ours = scores(values, low=(CELLS, values, "low"), high=(CELLS, values, "high"))
    assert "intervals over texts" in controls.control(ours)
    ends = {f"control_{end}": (CELLS, values, end) for end in ("mean", "low", "high")}
    assert controls.control(scores(values, **ends)).startswith("Random groups of the same size")
    assert "states of other concepts" in controls.control(scores(values, control=(CELLS, values, "control")))


def test_what_chance_would_give():
    sizes, total = [1, 2, 2], 4
    found = np.zeros(4)
    for first in combinations(range(total), 1):
        for second in combinations(range(total), 2):
            for third in combinations(range(total), 2):
                found[sum(0 in chosen for chosen in (first, second, third))] += 1
    np.testing.assert_allclose(controls.by_chance(np.array(sizes), total), found / found.sum())
    values = np.zeros((2, 2, 2))
    values[0, 0, 1] = values[1, 1, 0] = 1
    assert controls.roles(roles(scores(values), quantile=0.7)) == (
        "Were as many heads drawn at random for each language, 1.5 would stand out for one language, 0.25 for 2 or "
        "more and 2.25 for none (expected numbers)."
    )
    chosen = xr.DataArray(np.arange(20) < 4)
    assert "would share 0.8" in controls.overlap(chosen, chosen)


def test_positions_are_named_with_the_tokens_of_the_example_pair():
    result = patched([[0.9, 0.1], [0.8, 0.7]], ("layer", "position"), width=0.05)
    named = {"source_token": ("position", [" Hund", "\n"]), "target_token": ("position", ["كلب", "\n"])}
    result = result.assign_coords(named).assign_attrs(example_pair=2)
    assert (
        "is at position 0 (“␣Hund” / “\u2068كلب\u2069” in pair 2): normalized effect 0.9"
        in patches.positions(result).text
    )
    assert patches.position_of(result, 1) == "1 (“↵” in pair 2)"
    assert patches.position_of(result.drop_vars(list(named)), 1) == "1"


def test_the_recorded_level_of_patching_is_named():
    result = patched([[0.9, 0.1], [0.8, 0.7]], ("layer", "head"), width=0.05)
    record = json.loads(result.attrs["provenance"])
    record["parameters"]["level"] = 0.9
    text = patches.heads(result.assign_attrs(provenance=json.dumps(record))).text
    assert "(90 % interval " in text
    assert "4 of 4 heads exclude zero; chance gives about 0.4." in text


def test_neurons_that_changed_class_are_named_as_in_the_figure():
    axes = ("kind", "language")
    before, after = np.array([[20, 5], [11, 3]]), np.array([[5, 5], [9, 3]])
    values = {"members_before": before, "members_after": after, "change": after - before}
    values |= {"low": after - before - 4, "high": after - before + 4, "p_value": np.array([[0.01, 1], [0.6, 1]])}
    found = xr.Dataset(
        {name: (axes, each) for name, each in values.items()},
        {"kind": ["specific", "related"], "language": ["de", "fr"]},
        {"kept": 0.9, "kappa": 0.5},
    )
    text = neuron_effects.compare(found).text
    assert "German specific -15 (-19 to -11)." in text
    assert "Neurons, specific and related together, as the figure has them: German 31 to 14." in text
    none = neuron_effects.compare(found.assign(p_value=(axes, np.ones((2, 2)))))
    assert none.text.endswith("Changes with a corrected p below 0.05: none.")
