"""Directions in every call that runs a model: the same as inside `wb.model.edited`, and recorded."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests.evaluation.mixing.test_barriers import task as quiz
from tests.evaluation.test_accuracy import QUICK, rows
from tests.model.test_directions import steering
from workbench.errors import BadResult

PROMPTS = pd.DataFrame({"task": "t", "source": "s", "language": ["de", "fr"], "prompt": ["Was ist das?", "Qui?"]})


@pytest.fixture(scope="module")
def model(wrapped):
    return wrapped("llama")


@pytest.fixture(scope="module")
def directions(model):
    return steering(model, [0, 1], size=1.5, strength=2.0)


def recorded(result):
    return wb.results.provenance(result)["parameters"]["directions"]


def test_accuracy_with_a_direction(model, directions):
    task = wb.load_task(rows(items=6))
    result = wb.evaluation.accuracy(model, task, directions=directions, **QUICK)
    with wb.model.edited(model, directions=directions):
        inside = wb.evaluation.accuracy(model, task, **QUICK)
    np.testing.assert_array_equal(result.score, inside.score)
    assert (result.score != wb.evaluation.accuracy(model, task, **QUICK).score).all()
    lengths = 2 * np.linalg.norm(directions.direction, axis=1)
    assert recorded(result)["layers"] == [0, 1] and recorded(result)["norms"] == pytest.approx(lengths[:2], abs=1e-4)
    nothing = wb.evaluation.accuracy(model, task, directions=directions.assign_attrs(strength=0), **QUICK)
    np.testing.assert_array_equal(nothing.score, wb.evaluation.accuracy(model, task, **QUICK).score)
    with pytest.raises(BadResult, match="belongs to another model"):
        wb.evaluation.accuracy(model, task, directions=directions.isel(d=slice(3)), **QUICK)


def test_written_answers_with_a_direction(model, directions):
    task = wb.load_task(
        [{"id": "a", "language": "de", "context": "Eins und eins ist ", "gold": "zwei"}], format="answers"
    )
    result = wb.evaluation.accuracy(model, task, directions=directions, tokens=4, **QUICK)
    with wb.model.edited(model, directions=directions):
        edited = wb.evaluation.accuracy(model, task, tokens=4, **QUICK)
    assert result.answer.equals(edited.answer)
    assert recorded(result)["layers"] == [0, 1]


def test_barriers_with_a_direction(model, directions):
    task = quiz(4, codes=("en", "de"))
    options = {"variants": ["gt"], "progress": False}
    result = wb.evaluation.barriers(model, task, directions=directions, **options)
    with wb.model.edited(model, directions=directions):
        inside = wb.evaluation.barriers(model, task, **options)
    np.testing.assert_array_equal(result.accuracy, inside.accuracy)
    np.testing.assert_array_equal(result.odd_bias, inside.odd_bias)
    assert recorded(result)["layers"] == [0, 1]


def test_responses_with_a_direction(model, directions):
    table = wb.evaluation.respond(model, PROMPTS, tokens=6, directions=directions, progress=False)
    with wb.model.edited(model, directions=directions):
        inside = wb.evaluation.respond(model, PROMPTS, tokens=6, progress=False)
    assert table.completion.tolist() == inside.completion.tolist()
    assert (
        table.completion.tolist() != wb.evaluation.respond(model, PROMPTS, tokens=6, progress=False).completion.tolist()
    )
    settings = {"plain": {"tokens": 2}, "steered": {"tokens": 2, "directions": directions}}
    result = wb.evaluation.mitigation(model, PROMPTS, settings, identify=lambda text: "de", progress=False)
    assert wb.results.provenance(result)["parameters"]["settings"]["steered"]["directions"]["layers"] == [0, 1]


def test_cypher_with_a_direction():
    model = wb.load_model("polyglot")
    task = wb.load_task("cypher", languages="en", limit=2)
    directions = steering(model, [2], size=0.3)
    options = {"prompt_languages": "en", "execute": False, "tokens": 8, "progress": False}
    result = wb.evaluation.cypher(model, task, directions=directions, **options)
    with wb.model.edited(model, directions=directions):
        inside = wb.evaluation.cypher(model, task, **options)
    np.testing.assert_array_equal(result.nll, inside.nll)
    np.testing.assert_array_equal(result.written, inside.written)
    assert (result.nll != wb.evaluation.cypher(model, task, **options).nll).all()
    assert recorded(result)["layers"] == [2]
