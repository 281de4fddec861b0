"""Questions about a graph answered by Cypher queries, asked in one language inside a prompt in another."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from workbench.arguments import checked, finite, whole_number
from workbench.errors import BadTask
from workbench.evaluation.scoring.scales import recorded, scales_of
from workbench.evaluation.text2cypher.effects import FACTORS, effects
from workbench.evaluation.text2cypher.engine import TIMEOUT, require_ladybug
from workbench.evaluation.text2cypher.execution import executed, text_scores
from workbench.evaluation.text2cypher.likelihood import Normalize, likelihood, prompted
from workbench.evaluation.text2cypher.writing import check_prompts_fit, written_queries
from workbench.model.batching import texts_per_batch
from workbench.model.edits import edited
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.results.make import Variables, make_result
from workbench.text.corpus import chosen
from workbench.text.languages import check
from workbench.text.tasks.cypher.queries import Queries
from workbench.text.tasks.task import Task

CELLS = ("prompt_language", "language", "item")


# Long: the options are those of the prompt, of writing, of execution, of the edit and of the statistics.
@checked
@alone
def cypher(
    model: Model,
    task: Task,
    *,
    prompt_languages: str | Sequence[str] | None = None,
    rank: bool = False,
    normalize: Normalize = "characters",
    write: bool = True,
    execute: bool = True,
    names: bool = False,
    tokens: int = 96,
    timeout: float = TIMEOUT,
    pivot: str = "en",
    heads: Any = None,
    neurons: Any = None,
    directions: xr.Dataset | None = None,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Score the Cypher queries of a model by the language of the question and by that of the words around it.

    A query is what the model writes, greedily, without fences, up to a blank line or the next question. It is compared
    with the right one as text, and, where the task has a graph, by the rows that both return: equal multisets, in order
    where the right query orders, columns by position, floats within 1e-9. What is generated is taken for hostile:
    queries that write, chain or leave the database are refused, all others run in a process with limits (`Engine`).

    For a model that cannot write Cypher at all, `nll` and `rank=True` are the honest measures: how likely it finds the
    right query, and whether it finds it likelier than wrong ones.

    Args:
        model: the model; inside `wb.model.edited` with its edits.
        task: `wb.load_task("cypher")`, or published rows read with `format="text2cypher"`.
        prompt_languages: languages of the instruction and its labels; those of the task when None.
        rank: also choose among the right query and the wrong ones that the task has as options; ties go to the first.
        normalize: what a query's log-probability is divided by before queries are compared: its `"characters"`, or
            nothing (`"none"`), which favours short queries.
        write: have the model write; else only `nll` and `rank`.
        execute: run what was written; else only texts are compared.
        names: compare columns by name, as Neo4j does, so that an alias matters.
        tokens: most tokens to write.
        timeout: seconds that a query may run.
        pivot: language that the gaps compare with the others; where it is missing, gaps are NaN.
        heads: scales [layer, head], or (layer, head) pairs or a mask of what is switched off.
        neurons: the same of neurons.
        directions: a Result with `direction[layer, d]`, added to the residual stream; see `wb.model.edited`.
        batch_size: prompts side by side; `"auto"` is 32. Affects results by rounding only.
        seed: of the draws behind intervals and p-values.

    Returns:
        [prompt_language, language, item]: `nll` (mean loss of the right query's tokens, nats), `exact`, `gleu`
        (Google-BLEU), `rouge_l`, `valid` (it ran), `executed` (it returned the right rows), `reason` and `written`;
        with `rank` `ranked` (the right query is the likeliest), its `chance`, and `blind` [prompt_language], its mean
        with the question left out: what the model's liking for a query earns.
        `corpus_gleu` [prompt_language, language].
        `items` and `lacking` [prompt_language, language], counts of items that the cell has and lacks.
        By metric: `compared` [metric], the items that no cell lacks, over which all that follows is taken;
        `mean` [metric, prompt_language, language] with its interval over items; `gap` [metric, language_of],
        the pivot's mean less that of the other languages; `share` [metric, language_of], the share of the variance of
        the means that the language explains, `share_control_mean` (languages shuffled) and `share_p_value`; and
        `interaction` [metric]. `language_of` is prompt or question.

    Raises:
        BadTask: a task without queries, `rank` without wrong queries, or a right query that does not run.
        MissingExtra: ladybug is not installed.
        TooLarge: a prompt leaves no room for `tokens`, or is longer than the context with its query.
        UnknownLanguage: no prompt is in this language, or `pivot` is none.

    Example:
        >>> task = wb.load_task("cypher", languages="de,en,zh", limit=12)                        # doctest: +SKIP
        >>> wb.evaluation.cypher(model, task, rank=True, write=False).gap                        # doctest: +SKIP
    """
    queries = _queries(task, rank)
    whole_number("tokens", tokens, at_least=1)
    finite("timeout", timeout, above=0)
    pivot = check(pivot)
    execute = execute and write and queries.graph is not None
    if execute:
        require_ladybug()
    codes = chosen(prompt_languages or _default(task, queries), list(queries.prompts), where="the prompts")
    size = texts_per_batch(batch_size)
    scales = scales_of(model, heads=heads, neurons=neurons, directions=directions)
    tasks = {code: prompted(task, queries, code) for code in codes}
    if write:
        check_prompts_fit(model, list(tasks.values()), tokens)
    with edited(model, **scales):
        scored = likelihood(model, tasks, queries, rank=rank, normalize=normalize, batch_size=size, progress=progress)
    scores: dict[str, np.ndarray] = {"nll": scored.nll}
    variables: Variables = {}
    if rank:
        scores["ranked"] = scored.ranked
        variables["blind"] = (CELLS[:1], scored.blind, "mean of `ranked` with the question left out")
        variables["chance"] = ((), float(np.mean([1 / len(options) for options in _options(task)])), "of `ranked`")
    if write:
        golds = {item: queries.gold[item] for item in task.ids}
        written = written_queries(
            model, tasks, queries.prompts, tokens=tokens, batch_size=size, progress=progress, scales=scales
        )
        scores |= text_scores(written, list(golds.values()))
        variables["corpus_gleu"] = (CELLS[:2], scores.pop("corpus_gleu"), "Google-BLEU over all items")
        variables["written"] = (CELLS, _texts(written), "what was written")
        if execute and queries.graph is not None:
            options = {"timeout": timeout, "names": names, "progress": progress}
            scores["valid"], scores["executed"], reason = executed(written, golds, queries.graph, **options)
            variables["reason"] = (CELLS, _texts(reason), "why a query does not count as executed")
    variables = {name: (CELLS, values, _WORDS[name]) for name, values in scores.items()} | variables
    present = (~np.isnan(scored.nll)).sum(-1)
    variables["items"] = (CELLS[:2], present, "items of the cell")
    variables["lacking"] = (CELLS[:2], len(task) - present, "items of the task that the cell lacks")
    variables |= effects(scores, codes, task.languages, pivot=pivot, level=level, seed=seed)
    flags = {"rank": rank, "normalize": normalize, "write": write, "execute": execute, "names": names}
    numbers = {"tokens": tokens, "timeout": timeout, "pivot": pivot, "level": level}
    parameters = {"prompt_languages": codes, **flags, **numbers, **recorded(scales)}
    result = make_result(
        variables,
        {
            "prompt_language": codes,
            "language": list(task.languages),
            "item": list(task.ids),
            "metric": list(scores),
            "language_of": list(FACTORS),
        },
        method="evaluation.cypher",
        parameters=parameters,
        model=model.info,
        corpus=task.info,
        seed=seed,
    )
    result["mean"].attrs["question"] = "How does the score change with the language of the prompt and of the question?"
    return result


_WORDS = {
    "nll": "mean loss of the right query's tokens [nats]",
    "ranked": "whether the right query is likelier than the wrong ones",
    "exact": "whether the query is the right one's text",
    "gleu": "Google-BLEU against the right query",
    "rouge_l": "ROUGE-L against the right query",
    "valid": "whether the query ran",
    "executed": "whether the query returned the right rows",
}


def _texts(values: np.ndarray) -> np.ndarray:
    return np.vectorize(lambda text: text or "", otypes=[str])(values)


def _queries(task: Task, rank: bool) -> Queries:
    """The task's queries.

    Raises:
        BadTask: it has none, or only right ones where wrong ones are needed.
    """
    if task.queries is None:
        raise BadTask(f"{task.name} has no Cypher queries; use wb.load_task('cypher') or format='text2cypher'")
    if rank and min(map(len, _options(task))) < 2:
        raise BadTask(f"{task.name} has right queries only; rank=True needs wrong ones beside them")
    return task.queries


def _options(task: Task) -> list[tuple[str, ...]]:
    return [options for rows in task.options.values() for options in rows if options]


def _default(task: Task, queries: Queries) -> list[str]:
    """The task's languages as far as there are prompts in them; else English."""
    return [language for language in task.languages if language in queries.prompts] or ["en"]
