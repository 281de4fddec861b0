"""Sentences on two tunings of one model, on planted Results."""

import numpy as np

from workbench.results.make import make_result
from workbench.studies.findings.merging import difference as findings

CELLS = ("layer", "group")


def made(size, cosine=0.0, overlap=0.1, chance=0.1, z=0.0, tensor=0.0, **more):
    """Two layers of two groups: `size[expert, layer, group]`, and the rest of one number or [layer, group]."""
    experts = ["task", "language", *dict.fromkeys(name.split("_")[0] for name in more)][: len(size)]
    filled = {
        name: (CELLS, np.broadcast_to(np.asarray(value, dtype=float), (2, 2)), name)
        for name, value in {"cosine": cosine, "overlap": overlap, "expected_overlap": chance, "z": z, **more}.items()
    }
    outside = {
        f"tensor_{name}": (("tensor",), [np.nan], name) for name in ("cosine", "overlap", "expected_overlap", "z")
    }
    outside["tensor_size"] = (("expert", "tensor"), np.broadcast_to(tensor, (len(size), 1)), "size")
    return make_result(
        {"size": (("expert", *CELLS), np.asarray(size, dtype=float), "size"), **filled, **outside},
        {"expert": experts, "layer": [0, 1], "group": ["q", "up"], "tensor": ["embed"]},
        method="merging.difference",
        parameters={"top": 0.05},
    )


TASK, LANGUAGE, ZERO = [[0.1, 0.2], [0.3, 0.2]], [[0, 0], [0, 0.04]], [[0, 0], [0, 0]]


def test_the_largest_change_of_each_expert_is_named():
    text = findings.sizes(made([TASK, LANGUAGE])).text
    assert text == (
        "Relative to the weights before, changes are largest in q of layer 1 (30 %, task expert) and up of layer 1 "
        "(4 %, language expert). On average over layers and groups, changes are 20 % in the task expert and 1 % in the "
        "language expert."
    )


def test_an_expert_that_is_the_base_and_tensors_outside():
    text = findings.sizes(made([TASK, ZERO], tensor=[[0.01], [0.5]])).text
    assert "(30 %, task expert). " in text and "The language expert changes no weight of a layer." in text
    assert text.endswith("Outside the layers, embed changed most, in the language expert (50 %).")
    assert findings.sizes(made([ZERO, ZERO])).text == "No expert changes a weight of a layer."


def test_the_cosine_has_its_mean_its_ends_and_its_bounds():
    more = {"ceiling_cosine": 0.9, "floor_cosine": [[0.2, np.nan], [0.4, 0.3]]}
    text = findings.directions(made([TASK, TASK, TASK, TASK], cosine=[[0.1, -0.5], [0.2, np.nan]], **more)).text
    assert text == (
        "Changes of the two experts have a cosine of -0.0667 on average over 3 cells of layer and group. It lies "
        "between -0.5 and 0.2, and is furthest from zero in up of layer 0: -0.5. Between the task expert and the "
        "expert of another seed it is 0.9 on average. Between the task expert and the expert of shuffled data it is "
        "0.3 on average."
    )
    assert "lies between" not in findings.directions(made([TASK, TASK], cosine=1)).text


def test_the_overlap_stands_beside_chance_and_its_bounds():
    overlap, z = [[0.1, 0.3], [0.2, 0.1]], [[0, 9], [2.9, np.nan]]
    text = findings.shared(made([TASK, TASK], overlap=overlap, chance=[[0.1, 0.2], [0.02, 0.1]], z=z)).text
    assert text == (
        "Of the weights that either expert changes most, both do so at 17.5 % on average over 4 cells of layer and "
        "group; random sets of these sizes share 10.5 %. They share more than chance by over 3 standard deviations in "
        "1 of 3; chance gives about 0.004. The excess is largest in up of layer 0: 30 % where chance gives 20 %. "
        "Weights do not change independently: without a ceiling and a floor, more than chance alone says little."
    )
    bounded = findings.shared(made([TASK] * 3, ceiling_overlap=0.4)).text
    assert bounded.endswith(
        "in 0 of 4; chance gives about 0.0054. The task expert and the expert of another seed share 40 % on average."
    )


def test_nothing_that_both_changed_is_stated():
    nothing = made([TASK, ZERO], cosine=np.nan, overlap=np.nan, chance=np.nan, z=np.nan)
    for said in (findings.directions(nothing), findings.shared(nothing)):
        assert said.text == "No weights of a layer are changed by both experts, so that there is nothing to compare."


def test_the_tables_have_cells_and_tensors():
    result = made([TASK, LANGUAGE], cosine=0.5, tensor=0.25)
    table = findings.difference_table(result)
    assert table.index.tolist() == ["layer 0 q", "layer 0 up", "layer 1 q", "layer 1 up", "embed"]
    assert table.loc["layer 1 up"].tolist() == [0.2, 0.04, 0.5, 0.1, 0.1, 0]
    assert findings.outside_table(result).index.tolist() == ["embed"]


def test_adapters_change_nothing_outside_the_layers():
    result = made([TASK, LANGUAGE]).isel(tensor=slice(0))
    assert findings.outside_table(result).empty
    assert "Outside" not in findings.sizes(result).text


def test_one_expert_given_twice_is_said_to_be_one():
    """Nothing that a model shares with itself is a finding; equal sizes in other directions are no such case."""
    said = "Both experts have the same weights, as one expert given twice: whatever they share is no finding."
    assert said in findings.sizes(made([TASK, TASK], cosine=1.0)).text
    assert said not in findings.sizes(made([TASK, TASK], cosine=0.9)).text
    assert said not in findings.sizes(made([TASK, LANGUAGE], cosine=1.0)).text
    assert said not in findings.sizes(made([ZERO, ZERO], cosine=np.nan)).text
