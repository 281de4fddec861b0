"""How likely a model finds the right query, and whether it finds it likelier than wrong ones."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from tqdm.auto import tqdm

from workbench.evaluation.scoring.encode import encode_options
from workbench.evaluation.scoring.shared import log_probabilities
from workbench.model.model import Model
from workbench.text.tasks.cypher.queries import Queries
from workbench.text.tasks.task import Task

Normalize = Literal["none", "characters"]


@dataclass(frozen=True)
class Likelihood:
    """What scored options say.

    Attributes:
        nll: mean loss of the right query's tokens, nats, [prompt_language, language, item].
        ranked: 1 where the right query is the likeliest, 0 where another is; NaN where only the right ones were scored.
        blind: the share of items in which it is the likeliest with the question left out, [prompt_language].
    """

    nll: np.ndarray
    ranked: np.ndarray
    blind: np.ndarray


def likelihood(
    model: Model,
    tasks: Mapping[str, Task],
    queries: Queries,
    *,
    rank: bool,
    normalize: Normalize,
    batch_size: int,
    progress: bool,
) -> Likelihood:
    """Score the right query of each item and, with `rank`, the wrong ones.

    Args:
        model: the model; inside `edited` with its edits.
        tasks: prompt language to the task with prompts in it.
        queries: of the task.
        rank: score the wrong queries too, also with the question left out.
        normalize: what the log-probability of a query is divided by before queries are compared.
        batch_size: contexts side by side.
        progress: show a progress bar.
    """
    first = next(iter(tasks.values()))
    nll = np.full((len(tasks), len(first.languages), len(first)), np.nan)
    ranked, blind = np.full(nll.shape, np.nan), np.full(len(tasks), np.nan)
    with tqdm(total=len(tasks), desc="score queries", unit="prompt language", disable=not progress) as bar:
        for number, (code, task) in enumerate(tasks.items()):
            nll[number], picks = _scored(model, task if rank else right_only(task), normalize, batch_size)
            if rank:
                ranked[number] = picks
                empty = without_question(task, queries, code)
                blind[number] = np.nanmean(_scored(model, empty, normalize, batch_size)[1])
            bar.update()
    return Likelihood(nll, ranked, blind)


def _scored(model: Model, task: Task, normalize: Normalize, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean loss of the right query's tokens, and whether it is the likeliest option: [language, item]."""
    nll, ranked = (np.full((len(task.languages), len(task)), np.nan) for _ in range(2))
    options = encode_options(model, task)
    compared: dict[tuple[int, int], list[float]] = {}
    for option, score in zip(options, log_probabilities(model, options, batch_size=batch_size), strict=True):
        language, item, place = option.place
        text = task.options[task.languages[language]][item][place]
        compared.setdefault((language, item), []).append(score / (len(text) if normalize == "characters" else 1))
        if place in task.gold[item]:
            nll[language, item] = -score / len(option.tail)
    for (language, item), values in compared.items():
        ranked[language, item] = int(np.argmax(values)) in task.gold[item]  # ties: the first
    return nll, ranked


def prompted(task: Task, queries: Queries, code: str) -> Task:
    """The task with the words around each question in one language."""
    context = {
        language: tuple(
            None if text is None else queries.context(code, language, item)
            for text, item in zip(rows, task.ids, strict=True)
        )
        for language, rows in task.context.items()
    }
    return replace(task, name=f"{task.name}, prompt in {code}", context=context)


def without_question(task: Task, queries: Queries, code: str) -> Task:
    """The task in its first language, whose options are those of all, with every question left out."""
    language = task.languages[0]
    context = tuple(
        None if text is None else queries.prompts[code].context(queries.schema[item], "")
        for text, item in zip(task.context[language], task.ids, strict=True)
    )
    return replace(task, context={language: context}, options={language: task.options[language]})


def right_only(task: Task) -> Task:
    """The task with the right query as the only option."""
    options = {
        language: tuple((each[min(gold)],) if each else () for each, gold in zip(rows, task.gold, strict=True))
        for language, rows in task.options.items()
    }
    return replace(task, options=options, gold=(frozenset({0}),) * len(task), kind="generate")
