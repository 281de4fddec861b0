"""The sentences about Cypher queries, on planted scores."""

import numpy as np
import pytest

from workbench.evaluation.text2cypher.effects import FACTORS, effects
from workbench.results.make import make_result
from workbench.studies.findings.evaluation.cypher import cypher, cypher_table

CELLS = ("prompt_language", "language", "item")
CODES = ("de", "en", "fr")


def planted(**scores):
    """A result of scores [prompt_language, language, item]."""
    items = next(iter(scores.values())).shape[-1]
    variables = {name: (CELLS, values, name) for name, values in scores.items()}
    if "ranked" in scores:
        variables |= {"blind": (CELLS[:1], np.full(3, 0.5), "blind"), "chance": ((), 0.25, "chance")}
    variables |= effects(scores, CODES, CODES, pivot="en", level=0.95, seed=0)
    coords = {"prompt_language": CODES, "language": CODES, "item": list(range(items))}
    coords |= {"metric": list(scores), "language_of": list(FACTORS)}
    return make_result(variables, coords, method="evaluation.cypher", parameters={"pivot": "en"})


def right(rates, items=200, seed=0):
    """Right answers with a probability for each language of the question."""
    return (np.random.default_rng(seed).random((3, 3, items)) < np.array(rates)[None, :, None]).astype(float)


def losses(prompt=(0, 0, 0), seed=0):
    rng = np.random.default_rng(seed)
    return 3 + np.array(prompt, float)[:, None, None] + 0.05 * rng.normal(size=(3, 3, 40)) + rng.normal(size=40)


def test_a_model_that_writes_is_judged_by_rows():
    executed = right((0.3, 0.8, 0.3))
    found = cypher(planted(valid=np.ones_like(executed), executed=executed))
    assert found.answer == f"{100 * executed.mean():.3g} % of the written queries return the right rows, 100 % run."
    prompt, question = found.details
    assert prompt.startswith("The language of the prompt cannot be shown to change how often a query returns the right")
    assert question.startswith("The language of the question changes how often a query returns the right rows")
    assert "English differs from the mean of the others by 0." in question


@pytest.mark.parametrize(("items", "most"), [(2, "65.8 %"), (40, "8.76 %"), (1000, "0.383 %")])  # z²/(n + z²)
def test_no_right_rows_bound_the_rate_by_the_number_of_items(items, most):
    nothing = np.zeros((3, 3, items))
    found = cypher(planted(valid=nothing, executed=nothing))
    assert found.answer.startswith(f"Of {9 * items:,} written queries 0 ran and none returned the right rows; ")
    assert f"with {items:,} items, at most {most} at 95 %" in found.answer
    assert "cannot write" not in found.text


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.6])
@pytest.mark.parametrize("executed", [0, 1])
def test_the_measure_depends_on_the_options_not_on_the_values(rate, executed):
    ranked, losses_ = right((rate,) * 3, items=40), losses(prompt=(0.5, 0, 0.5))
    rows = np.zeros((3, 3, 40))
    rows[:, 1, :20] = executed
    found = cypher(planted(nll=losses_, ranked=ranked, exact=rows, rouge_l=rows, valid=rows, executed=rows))
    sentences = [sentence for sentence in found.details if sentence.startswith("The language of")]
    assert len(sentences) == 2 * executed  # equal means have no variance to explain
    assert all("how often a query returns the right rows" in sentence for sentence in sentences)
    found = cypher(planted(nll=losses_, ranked=ranked, rouge_l=rows))
    assert all("how often the right query is the likeliest" in sentence for sentence in found.details)
    assert len(found.details) == 2


@pytest.mark.parametrize(
    ("rate", "verdict"),
    [
        (0.8, "more often than by chance"),
        (0.05, "less often than by chance"),
        (0.25, "not distinguishable from chance"),
    ],
)
def test_the_rank_is_compared_with_chance(rate, verdict):
    found = cypher(planted(ranked=right((rate,) * 3)))
    assert verdict in found.answer and "(25 %)" in found.answer


def test_a_planted_language_of_the_prompt_is_named_by_the_loss():
    found = cypher(planted(nll=losses(prompt=(0.5, 0, 0.5))))
    assert found.answer.startswith("The language of the prompt changes the loss of the right query")
    assert "English differs from the mean of the others by -0.5" in found.answer
    assert found.details[0].startswith("The language of the question cannot be shown to change the loss")


def test_texts_alone_are_judged_by_their_likeness():
    found = cypher(planted(nll=losses(), rouge_l=right((0.2, 0.9, 0.2), items=40)))
    assert "The language of the question changes the likeness to the right query (ROUGE-L)" in found.text


def test_counts_of_items_stand_beside_the_rates():
    scores = losses()
    scores[0, 1, :3] = np.nan
    result = planted(nll=scores)
    assert cypher_table(result).loc["nll", "items"] == 37
    lacking = (~np.isfinite(scores)).sum(-1)
    text = cypher(result.assign(lacking=(CELLS[:2], lacking))).text
    assert text.endswith(
        "Languages are compared over the 37 items that all have; of the task, a language lacks up to 3."
    )
    text = cypher(planted(nll=losses()).assign(lacking=(CELLS[:2], 0 * lacking))).text
    assert text.endswith("Languages are compared over the 40 items that all have.")
