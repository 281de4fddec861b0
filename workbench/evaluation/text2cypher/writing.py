"""Queries that a model writes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from workbench.evaluation.text2cypher.lexical import query_of
from workbench.model.forward.generate import check_prompt_lengths, generate
from workbench.model.model import Model
from workbench.text.corpus import Corpus
from workbench.text.tasks.cypher.queries import Prompt
from workbench.text.tasks.task import Task


def check_prompts_fit(model: Model, tasks: Sequence[Task], tokens: int) -> None:
    """Refuse prompts that leave no room for a query.

    Raises:
        TooLarge: names the longest prompt that would fit.
    """
    check_prompt_lengths(model, [text for task in tasks for text in model.encode(_corpus(task))], tokens)


def written_queries(
    model: Model,
    tasks: Mapping[str, Task],
    prompts: Mapping[str, Prompt],
    *,
    tokens: int,
    batch_size: int,
    progress: bool,
    scales: Mapping[str, Any],
) -> np.ndarray:
    """The query that the model writes for each item, greedily.

    Args:
        model: the model.
        tasks: prompt language to the task with prompts in it.
        prompts: prompt language to its words; a question in them after the query ends it.
        tokens: most tokens to write.
        batch_size: prompts side by side.
        progress: show a progress bar.
        scales: of heads or neurons, as of `edited`.

    Returns:
        [prompt_language, language, item] text; None where a language lacks the item.
    """
    first = next(iter(tasks.values()))
    written = np.full((len(tasks), len(first.languages), len(first)), None, dtype=object)
    with tqdm(total=len(tasks), desc="write queries", unit="prompt language", disable=not progress) as bar:
        for number, (code, task) in enumerate(tasks.items()):
            encoded = [text.opening() for text in model.encode(_corpus(task))]
            answers = generate(model, encoded, tokens=tokens, batch_size=batch_size, **scales)
            ending = f"\n{prompts[code].question}:"  # a base model goes on with a question of its own
            for text, answer in zip(encoded, answers, strict=True):
                item = task.present(text.language)[text.row]
                written[number, task.languages.index(text.language), item] = query_of(answer.split(ending)[0])
            bar.update()
    return written


def _corpus(task: Task) -> Corpus:
    """The prompts of a task, as texts."""
    texts = {
        language: tuple(str(rows[place]) for place in task.present(language)) for language, rows in task.context.items()
    }
    return Corpus(texts, aligned=False, source=task.name)
