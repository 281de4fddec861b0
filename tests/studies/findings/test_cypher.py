"""The sentences about Cypher queries, on planted scores."""

import numpy as np
import pytest

from workbench.evaluation.text2cypher.effects import FACTORS, effects
from workbench.results.make import make_result
from workbench.studies.findings.evaluation.cypher import cypher

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


@pytest.mark.parametrize(
    ("rate", "judged"), [(0.1, "the loss of the right query"), (0.6, "how often the right query is")]
)
def test_a_model_that_cannot_write_is_judged_by_rank_or_else_by_loss(rate, judged):
    nothing, ranked = np.zeros((3, 3, 40)), right((rate,) * 3, items=40)
    found = cypher(planted(nll=losses(), ranked=ranked, exact=nothing, valid=nothing, executed=nothing))
    assert found.answer.startswith("Of 360 written queries 0 ran and none returned the right rows: the model cannot")
    assert "with the question left out in 50 %" in found.details[0]
    assert all(f"cannot be shown to change {judged}" in sentence for sentence in found.details[1:])


@pytest.mark.parametrize(
    ("rate", "verdict"),
    [(0.8, "more often than by chance"), (0.05, "less often than by chance"), (0.25, "as often as")],
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
