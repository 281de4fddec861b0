"""Sentences on two models side by side, on planted Results."""

import numpy as np
import pytest

from workbench.results.make import make_result
from workbench.studies.findings.merging import side_by_side as findings

CODES = ["de", "fr"]


def made(variables, **how):
    how = {"parameters": {"level": 0.95}, "method": "merging.side_by_side", **how}
    return make_result({name: (axes, np.asarray(values), name) for name, (axes, values) in variables.items()}, **how)


def outputs(kl=(0.2, 0.1), change=(0.1, -0.2), p=(0.01, 0.02)):
    axes, low = ("language",), np.asarray(kl) * 0.9
    values = {"kl": kl, "kl_low": low, "kl_high": np.asarray(kl) * 1.1, "reverse_kl": kl, "other_choice": [0.25, 0.5]}
    values |= {"nll_before": [3, 3], "nll_after": [3, 3], "nll_change": change, "nll_change_p_value": p}
    texts = ("language", "rank")
    more = {name: (texts, [["a b", "x"], ["\n", "y"]]) for name in ("context", "next", "choice_before", "choice_after")}
    more["choice_after"] = (texts, [["c", "x"], ["d", "y"]])
    more["token_kl"] = (texts, np.asarray(kl)[:, None] * [10, 1])
    return made({name: (axes, each) for name, each in values.items()} | more, coords={"language": CODES})


def test_outputs_name_the_furthest_language_and_whose_loss_changed():
    text = findings.outputs(outputs()).text
    assert text.startswith(
        "Outputs are furthest apart, by the lower end of the divergence's interval, in German: 0.2 nats a token"
    )
    assert "nearest in French (0.1 (0.09 to 0.11))" in text
    assert "The loss rises in German +0.1 nats (corrected p < 0.05). The loss falls in French -0.2 nats" in text
    assert "another one at 25 % to 50 % of the tokens" in text
    assert "In no language can a change" in findings.outputs(outputs(p=(0.3, 0.2))).text
    assert "too few texts" in findings.outputs(outputs(p=(np.nan, np.nan))).text
    assert findings.outputs(outputs(kl=(0.0, 0.0))).text == "Both models give the same distributions at every token."


def test_the_largest_token_is_quoted():
    text = findings.tokens(outputs()).text
    assert (
        "is 2 nats, in German after “a␣b”, where the text has “a␣b”: the likeliest token is “a␣b” before and “c”"
        in text
    )
    assert findings.tokens(outputs(kl=(0.0, 0.0))).text == "Both models give the same distributions at every token."
    table = findings.tokens_table(outputs())
    assert table.loc["French", "context"] == "“↵”"
    assert findings.outputs_table(outputs()).index.tolist() == ["German", "French"]


def states(distance, score=None, halves=0.9):
    axes, distance = ("language", "layer"), np.asarray(distance, dtype=float)
    score = np.where(distance > 0, 5.0, np.nan) if score is None else np.asarray(score, dtype=float)
    common = np.where(distance > 0, 0.5, np.nan)
    values = {
        "distance": (axes, distance),
        "distance_low": (axes, distance * 0.9),
        "distance_high": (axes, distance * 1.1),
        "common": (axes, common),
        "halves": (axes, np.where(distance > 0, halves, np.nan)),
        "promoted": ((*axes, "rank"), np.full((*distance.shape, 1), "a")),
        "suppressed": ((*axes, "rank"), np.full((*distance.shape, 1), "b")),
        "promoted_score": ((*axes, "rank"), score[..., None]),
        "random_score": ((), 4.0),
    }
    return made(values, coords={"language": CODES})


def test_states_name_the_layer_from_which_they_differ():
    text = findings.states(states([[0, 0, 0.3, 0.4], [0, 0, 0.1, 0.2]])).text
    assert text.startswith("States differ from layer 2 on. The difference grows most in layer 1, from 0 to 0.2 of")
    assert "for German at layer 3: 0.4 (95 % interval 0.36 to 0.44)" in text
    assert "50 % of the squared difference" in text
    assert "cosine between even and odd texts is 0.9 or more" in text
    assert findings.states(states([[0, 0], [0, 0]])).text == "The states of both models are equal at every layer."
    assert findings.states(states([[0.1, 0.2], [0, 0.2]])).text.startswith("States differ from the embedding on.")


def test_the_lens_counts_what_is_beyond_random_directions():
    text = findings.lens(states([[1, 1], [1, 1]], score=[[3, 5], [2, 3]])).text
    assert text.startswith("In 1 of 4 cells of language and layer the mean difference raises a token beyond")
    assert "chance gives about 0.2" in text
    assert "the highest is “a” for German at layer 1, by 5 standard deviations" in text
    assert findings.lens(states([[1, 1], [1, 1]], score=[[3, 3], [2, 3]])).text.startswith("No mean difference raises")
    assert findings.lens(states([[0, 0], [0, 0]])).text.startswith("The states do not differ")
    assert findings.lens_table(states([[1, 1], [0, 0]], score=[[3, 5], [np.nan] * 2])).to_dict("index") == {
        "German": {"layer": 1, "raises": "“a”", "score": 5.0, "lowers": "“b”"}
    }


def heads(p):
    axes, change = ("language", "layer", "head"), np.array([[[0.0, 0.02]], [[-0.05, 0.0]]])
    values = {"change": change, "low": change - 0.01, "high": change + 0.01, "p_value": np.asarray(p)}
    ranks = {"rank_correlation": (("language",), [0.7, 0.9])}
    return made({name: (axes, each) for name, each in values.items()} | ranks, coords={"language": CODES})


def test_heads_name_the_largest_sure_change():
    one = findings.heads(heads([[[0.5, 0.04]], [[0.001, 0.5]]]))
    assert one.answer.startswith("2 of 4 cells of language and head changed (corrected p < 0.05; at most about 0.1 of")
    assert "is that of head 0 of layer 0 for French: -0.05 nats" in one.text
    assert "rank correlation of 0.7 to 0.9" in one.text
    assert one.heads == ((0, 0),)
    none = findings.heads(heads(np.full((2, 1, 2), 0.5)))
    assert none.answer == "No change of a head's importance can be shown in 2 languages (corrected p)."


def exchange(whole, gap=1.0):
    axes, whole = ("layer", "position"), np.asarray(whole, dtype=float)
    effect = np.array([[0.0, 0.4], [0.0, 0.9], [0.0, 1.0]])
    values = {
        "effect": (axes, effect),
        "low": (axes, effect - 0.1),
        "high": (axes, effect + 0.1),
        "value_before": (("pair",), np.zeros(9)),
        "value_after": (("pair",), gap * np.linspace(0.9, 1.1, 9)),
        "whole": (("layer",), whole),
        "whole_low": (("layer",), whole - 0.1),
        "whole_high": (("layer",), whole + 0.1),
    }
    return made(values, coords={"layer": range(3), "position": [-2, -1]}, attrs={"metric": "logit_difference"})


def test_the_exchange_names_the_layer_that_gives_half():
    text = findings.exchange_of_all(exchange([0.2, 0.7, 1.0])).text
    assert text.startswith("With all states after layer 1 from the model after, the model before gives more than half")
    assert "interval lies above zero from layer 0 on" in text
    assert "After the last layer it is 1" in text
    assert "The intervals of 2 of 3 layers lie above zero" in findings.exchange_of_all(exchange([0.7, 0.0, 1.0])).text
    assert "At no layer" in findings.exchange_of_all(exchange([0.0, 0.1, 0.2])).text
    one = findings.exchange(exchange([0.2, 0.7, 1.0])).text
    assert "the state after layer 1 at position -1 carries most" in one


@pytest.mark.parametrize("say", [findings.exchange, findings.exchange_of_all])
def test_models_alike_on_the_prompts_have_no_effect(say):
    assert say(exchange([0.2, 0.7, 1.0], gap=0.0)).text.startswith("The two models are not distinguishable on these")
    one = say(exchange([0.2, 0.7, 1.0], gap=0.0))
    assert "the logit difference changes by 0 logits on average over 9 prompts" in one.text
    assert "(95 % interval 0 to 0); p 1." in one.text


def test_the_table_of_an_exchange_has_both_models_and_their_difference():
    table = findings.exchange_table(exchange([0.2, 0.7, 1.0]))
    assert table.columns.tolist() == ["logit difference [logits]", "low", "high"]
    assert table["logit difference [logits]"].to_dict() == {
        "model before": 0.0,
        "model after": 1.0,
        "after minus before": 1.0,
    }
    assert 0.9 < table.loc["model after", "low"] < 1 < table.loc["model after", "high"] < 1.1
