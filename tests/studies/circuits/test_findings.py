"""Sentences on transcoders and circuits, on planted Results: where a control is beaten, and where it is not."""

import json

import numpy as np
import pytest

from workbench.results.make import make_result
from workbench.studies.findings.circuits import accept, features, graph, quality, swap

LANGUAGES = ["de", "fr"]


def measured(replaced, mean, *, width=0.1, explained=((0.8, 0.6), (0.7, 0.9)), dead=0.0):
    """A quality of two languages and layers, KL by mode and language, whose intervals are `width` to both sides."""
    kl = np.array([replaced, mean], dtype=float)
    values = np.array(explained, dtype=float)
    cells, modes = ("language", "layer"), ("mode", "language")
    numbers = {"kl": kl, "kl_low": kl - width, "kl_high": kl + width, "agreement": np.array([[0.7, 0.5], [0.1, 0.1]])}
    made = {name: (modes, value, name) for name, value in numbers.items()}
    made |= {
        "explained": (cells, values, ""),
        "explained_low": (cells, values - width, ""),
        "explained_high": (cells, values + width, ""),
        "l0": (cells, np.full((2, 2), 20.0), ""),
        "dead": (("layer",), np.full(2, dead), ""),
    }
    labels = {"language": LANGUAGES, "layer": [0, 1], "mode": ["replaced", "mean_ablated"]}
    return make_result(made, labels, method="circuits.quality", parameters={})


def test_quality_beats_mean_ablation_where_intervals_lie_apart():
    text = quality.predictions(measured([0.3, 0.6], [2, 3])).text
    assert text.startswith(
        "With all outputs replaced, predictions are 0.45 nats a token (KL) from the model's own, and 2.5 with all at "
        "their mean: the transcoder beats mean ablation in both languages."
    )
    assert "the model's own at 60 % of the tokens, with all at their mean at 10 %" in text
    assert "It costs most in French (0.6, 0.5 to 0.7) and least in German (0.3, 0.2 to 0.4)." in text


def test_quality_does_not_beat_it_where_they_meet_or_where_it_is_worse():
    text = quality.predictions(measured([0.3, 2.9], [2, 3])).text
    assert "the transcoder beats mean ablation in German alone; in 1 language the intervals meet." in text
    text = quality.predictions(measured([1.9, 2.9], [2, 3])).text
    assert "the transcoder beats mean ablation nowhere; in 2 languages the intervals meet." in text
    text = quality.predictions(measured([5, 3], [2, 3])).text
    assert "beats mean ablation nowhere; mean ablation beats it in German; in 1 language" in text
    assert "costs most" not in quality.predictions(measured([0.4, 0.5], [2, 3])).text, "their intervals meet"


@pytest.mark.parametrize(
    ("trained", "read", "may_be_seen"),
    [
        ("parallel[train]", "parallel", True),
        ("parallel[train]", "parallel[train]", True),
        ("parallel", "parallel[test]", True),
        ("parallel[train]", "parallel[test]", False),
        ("train text", "parallel", False),
    ],
)
def test_quality_on_texts_of_the_training_is_said_to_be_that(trained, read, may_be_seen):
    """What a transcoder explains of texts that it was trained on is more than it explains of others."""
    result = measured([0.3, 0.6], [2, 3])
    record = json.loads(result.attrs["provenance"])
    record |= {"corpus": {"source": read}, "parameters": {"transcoder": {"corpus": [{"source": trained}]}}}
    text = quality.predictions(result.assign_attrs(provenance=json.dumps(record))).text
    assert (f"was trained on {trained}, so it may have seen some of these texts" in text) == may_be_seen
    assert "was trained on" not in quality.predictions(result).text


def test_where_least_is_explained_and_where_nothing_is():
    text = quality.explained(measured([0, 0], [1, 1])).text
    assert text.startswith("Of what the layers write, 75 % is explained on average. Least is explained in layer 1 of ")
    assert "layer 1 of German: 60 % (50 % to 70 %)" in text
    assert "On average least is in layer 0 (75 %) and in German (70 %), by value." in text
    assert "no better than a constant" not in text and "active nowhere" not in text
    poor = measured([0, 0], [1, 1], explained=((-0.4, 0.6), (0.05, 0.9)), dead=0.25)
    text = quality.explained(poor).text
    assert "In 1 of 4 cells of language and layer it is surely no better than a constant." in text
    assert "25 % of the features are active nowhere" in text
    table = quality.quality_table(poor)
    assert table.loc["German", "worst layer"] == -0.4 and table.loc["French", "KL, mean-ablated"] == 1
    assert list(table.columns[2:4]) == ["active features a token", "KL [nats a token]"]


def shared(excess, low, high, p):
    """An overlap of two layers: the index of other rows is 0.4."""
    excess, low, high, p = (np.broadcast_to(np.asarray(value, dtype=float), 2) for value in (excess, low, high, p))
    pairs = np.full((3, 3, 2), np.nan)
    pairs[0, 1], pairs[0, 2], pairs[1, 2] = excess, excess / 2, excess / 4
    chances = np.full((3, 3, 2), np.nan)
    chances[0, 1], chances[0, 2], chances[1, 2] = p, p, 1
    made = {"jaccard": 0.4 + excess, "shuffled": np.full(2, 0.4), "excess": excess, "excess_low": low}
    made |= {"excess_high": high, "p_value": p}
    variables = {name: (("layer",), value, name) for name, value in made.items()}
    variables |= {
        name: (("language", "other", "layer"), value, name)
        for name, value in (("pair_excess", pairs), ("pair_p_value", chances))
    }
    labels = {"language": ["de", "fr", "it"], "other": ["de", "fr", "it"], "layer": [3, 4]}
    return make_result(variables, labels, method="circuits.overlap", parameters={"level": 0.9})


def test_alignment_explains_a_share_of_the_overlap():
    text = features.overlap(shared([0.1, 0.05], [0.08, -0.01], [0.12, 0.1], [0.001, 0.2])).text
    assert "in 1 of 2 layers (corrected): in layer 3" in text
    assert "alignment explains 20 % of the Jaccard index (90 % interval 16 % to 24 %); the rest is of features" in text
    assert "There the index is 0.5 of translations and 0.4 of other rows, p 0.001." in text
    assert "in 2 of its 3 pairs of languages (corrected), with most between German and French." in text
    much = features.overlap(shared(1.6, 1.4, 1.8, 0.001)).text
    assert "80 % of the Jaccard index (90 % interval 70 % to 90 %)." in much and "the rest" not in much


def test_no_share_is_claimed_without_an_excess():
    for excess, low, p in ((0.05, -0.01, 0.001), (0.05, 0.01, 0.3), (-0.1, -0.2, 1.0)):
        made = features.overlap(shared(excess, low, excess + 0.05, p))
        assert made.answer.startswith(
            "Translations cannot be shown to share more features than other texts in any of 2"
        )
        assert "alignment explains" not in made.text and "fire often whatever a text says" in made.text
    assert features.overlap_table(shared(0.1, 0.05, 0.15, 0.01)).loc["layer 3", "excess"] == 0.1


def even(values, width):
    values = np.array(values)
    made = {"mean_entropy": values, "mean_entropy_low": values - width, "mean_entropy_high": values + width}
    made |= {"share_below": np.array([0.2, 0.4]), "dead": np.array([0, 3])}
    variables = {name: (("layer",), value, name) for name, value in made.items()}
    return make_result(variables, {"layer": [0, 1]}, method="circuits.profile", parameters={"below": 0.5})


def test_evenness_is_compared_where_intervals_lie_apart():
    text = features.profile(even([0.8, 0.5], 0.1)).text
    assert "most evenly over languages in layer 0 (0.8, 0.7 to 0.9) and least in layer 1 (0.5, 0.4 to 0.6)" in text
    assert "30 % of a layer's features have an entropy below 0.5. 3 features never fire" in text
    assert features.profile(even([0.8, 0.7], 0.1)).answer.startswith("No layer surely fires more evenly")
    assert features.profile(even([np.nan, np.nan], 0.1)).text == "No feature fires in these texts."


def test_an_excess_with_a_small_p_value_and_an_interval_around_zero_is_named():
    text = features.overlap(shared([0.1, 0.05], [0.08, -0.01], [0.12, 0.1], [0.001, 0.02])).text
    assert "In 1 other layer the p-value is below 0.05 but the interval over texts includes 0." in text
    text = features.overlap(shared([0.1, 0.05], [-0.08, -0.01], [0.12, 0.1], [0.001, 0.2])).text
    assert "In 1 layer the p-value is below 0.05 but the interval over texts includes 0." in text
    assert "includes 0" not in features.overlap(shared(0.1, 0.05, 0.15, 0.01)).text


def swapped(excess, low, high, p, control=0.5):
    """Of features and neurons, the word of German and French."""
    cells = ("group", "language")
    numbers = {"excess": excess, "excess_low": low, "excess_high": high, "p_value": p, "control_mean": 0.01}
    numbers |= {"after": [[0.1, 0.6], [0.2, 0.1]]}
    made = {
        name: (cells, np.broadcast_to(np.asarray(value, dtype=float), (2, 2)), name) for name, value in numbers.items()
    }
    made |= {"before": (("language",), np.array([0.9, 0.2]), ""), "size": (("group",), np.array([30, 20]), "")}
    made |= {"concept_before": ((), 0.8, ""), "concept": (("group",), np.array([0.7, 0.4]), "")}
    made |= {f"concept_{end}": (("group",), np.array([0.3, 0.3]), "") for end in ("low", "high")}
    made |= {"concept_control": (("group",), np.full(2, control), "")}
    labels = {"group": ["features", "neurons"], "language": LANGUAGES}
    attrs = {"concepts": 40, "dropped": 1}
    return make_result(made, labels, method="circuits.swap_language", parameters={}, attrs=attrs)


def test_a_swap_is_claimed_beyond_matched_features_alone():
    text = swap.swap(
        swapped([[0, 0.3], [0, 0.02]], [[0, 0.2], [0, -0.1]], [[0, 0.4], [0, 0.1]], [[1, 0.01], [1, 0.5]])
    ).text
    assert (
        "With 30 features swapped, the probability of the word in French rises from 0.2 to 0.6, by 0.3 (95 % " in text
    )
    assert "interval 0.2 to 0.4, corrected p 0.01) more than with matched random features." in text
    assert "falls from 0.2 to 0.1; beyond matched random neurons nothing can be shown: 0.02 (" in text
    assert "Of 40 concepts 80 % are answered before; 70 % of the concepts stay with features swapped" in text
    assert "50 % with random ones" in text and "Left out: 1 concept whose" in text


def test_a_swap_that_does_less_and_one_without_controls():
    text = swap.swap(swapped(-0.3, -0.4, -0.2, 0.01)).text
    assert "by 0.3 (95 % interval -0.4 to -0.2, corrected p 0.01) less than with matched random features" in text
    text = swap.swap(swapped(np.nan, np.nan, np.nan, np.nan, control=np.nan)).text
    assert "from 0.2 to 0.6; no random features were measured." in text and "with random ones" not in text
    table = swap.swap_table(swapped(0.3, 0.2, 0.4, 0.01))
    assert table.loc["features, French", "random"] == 0.21
    assert list(table.columns[3:]) == ["excess", "excess low", "excess high", "corrected p"]


def traced(replacement, dropped=0):
    """Two features, of which 3/7 is active twice, an error, an embedding and a target."""
    variables = {
        "kind": ["feature", "feature", "feature", "error", "embedding", "target"],
        "layer": [3, 3, 1, 0, -1, 4],
        "position": [0, 1, 1, 0, 0, 1],
        "feature": [7, 7, 2, -1, -1, -1],
        "influence": [0.2, 0.4, 0.2, 0.5, 0.5, 0.0],
        "label": ["", "", "", "", "Der", "Hund"],
    }
    attrs = {"replacement": replacement, "completeness": 0.9, "dropped": dropped, "active": 5}
    made = {
        name: (("node",), np.array(value, dtype=object if isinstance(value[0], str) else None), "")
        for name, value in variables.items()
    }
    made["token"] = (("place",), np.array(["Der", " Hu"], dtype=object), "")
    return make_result(made, {}, method="circuits.graph", parameters={}, attrs=attrs)


def test_what_errors_carry_is_unexplained():
    text = graph.carried(traced(0.7)).text
    assert (
        "Tokens carry 70 % of the influence on “Hund” through features; errors carry the other 30 %, which is" in text
    )
    assert "90 % does not come from errors" in text and "left out" not in text
    assert "most is of feature 7 of layer 3 (75 %) and feature 2 of layer 1 (25 %)" in text
    text = graph.carried(traced(0.2, dropped=2)).text
    assert text.startswith("Errors carry 80 % of the influence on “Hund”: more is left unexplained than explained.")
    assert "2 features of 5 were left out" in text
    assert graph.carried(traced(np.nan)).text.startswith("Nothing carries this prediction")


def test_the_tables_name_the_strongest_features_and_their_texts():
    seen = make_result(
        {
            "activation": (("feature", "language", "context"), np.array([[[1.0], [2.0]], [[np.nan], [np.nan]]]), ""),
            "text": (
                ("feature", "language", "context", "piece"),
                np.full((2, 2, 1, 3), ["le", " chat", ""], object),
                "",
            ),
            "peak": (("feature", "language", "context"), np.ones((2, 2, 1), int), ""),
        },
        {"feature": ["3/7", "1/2"], "language": LANGUAGES},
        method="circuits.contexts",
        parameters={},
    )
    table = graph.feature_table(traced(0.7), seen)
    assert table.loc["layer 3, feature 7"].tolist() == ["75 %", "“Der” “ Hu”", "fr: le« chat»"]
    assert table.loc["layer 1, feature 2", "strongest text"] == "active in no text"
    both = graph.graphs_table([traced(0.7), traced(0.2)])
    assert both.loc["replacement"].tolist() == ["70 %", "20 %"] and both.loc["layer 3, feature 7"].tolist() == [
        "75 %",
        "75 %",
    ]


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [("accepted", "it holds"), ("rejected", "sufficiency fails: x"), ("undecided", "wide intervals")],
)
def test_the_verdict_has_its_reason_and_both_legs(verdict, reason):
    made = {}
    for leg, values in {"necessity": [0.9, 0.7], "sufficiency": [0.6, 0.8]}.items():
        ends = {"": values, "_low": [0.5, 0.5], "_high": [1.0, 1.0], "_control_mean": [0.1, 0.3]}
        ends |= {"_control_low": [0.0, 0.2], "_control_high": [0.2, 0.4]}
        made |= {f"{leg}{end}": (("language",), np.array(value), "") for end, value in ends.items()}
    made |= {"p_value": (("leg",), np.array([0.05, 0.5]), "")}
    made |= {"control": (("leg", "set", "language"), np.full((2, 19, 2), 0.2), "")}
    made |= {"holds": (("leg", "language"), np.array([["yes", "yes"], ["no", "yes"]], dtype=object), "")}
    attrs = {"verdict": verdict, "reason": reason, "units": 2}
    labels = {"language": LANGUAGES, "leg": ["necessity", "sufficiency"]}
    corpus = {code: {"source": "words", "counts": {"pairs": pairs}} for code, pairs in (("de", 8), ("fr", 6))}
    result = make_result(made, labels, method="circuits.accept", parameters={}, corpus=corpus, attrs=attrs)
    text = accept.verdict(result, [(2, 3), (4, 1)]).text
    assert text.startswith(f"The circuit of 2 heads (2.3, 4.1) is {verdict}: {reason}.")
    assert "Of the task 70 % (French) to 90 % (German) is lost without it, and 20 % on average with random sets" in text
    assert "60 % (German) to 80 % (French) is done by it alone" in text and "(p 0.5)" in text
    assert "(p 0.05, the least that 19 sets can give)" in text
    assert text.endswith("Each language has 6 to 8 pairs of prompts.")
    table = accept.accept_table(result.assign(sufficiency_control_mean=("language", [-0.0001, 0.1])))
    assert table.loc["German", "sufficiency holds"] == "no"
    assert str(table.loc["German", "sufficiency, random"]) == "0.0", "no sign before 0"
    panels = accept.legs(result)
    assert panels.share.sel(language="fr", leg="sufficiency") == 0.8 and panels.share_low.dims == ("language", "leg")
    assert panels.share_control_high.sel(language="fr", leg="necessity") == 0.4


def test_a_search_names_its_heads_or_says_that_no_set_is_enough():
    member = np.zeros((2, 3), bool)
    member[1, 2] = True
    curve = {
        "faithfulness": [0.0, 0.9],
        "faithfulness_low": [0.0, 0.8],
        "faithfulness_high": [0.0, 1.0],
        "random": [0, 0.1],
    }
    made = {name: (("size",), np.array(value, dtype=float), "") for name, value in curve.items()}
    made |= {"member": (("layer", "head"), member, "")}
    labels = {"size": [0, 1], "layer": [0, 1], "head": [0, 1, 2]}
    result = make_result(made, labels, method="patching.circuit", parameters={}, attrs={"size": 1, "keep": 0.9})
    text = accept.searched(result, "German").text
    assert text.startswith(
        "1 head of 6 keeps 90 % of the task into German (80 % to 100 %); "
        "random sets of as many, in any layers, keep 10 %"
    )
    assert text.endswith("They are 1.2.")
    assert "No set of heads keeps 90 %" in accept.searched(result.assign_attrs(size=0), "German").text
