"""Score written queries: as texts, and by the rows that they return."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from workbench.errors import BadTask
from workbench.evaluation.text2cypher.engine import Answer, Engine, require_ladybug
from workbench.evaluation.text2cypher.lexical import comparable, exact, gleu_counts, rouge_l
from workbench.evaluation.text2cypher.rows import same_rows
from workbench.evaluation.text2cypher.scan import is_ordered
from workbench.text.tasks.cypher.graph import Graph

_TRIES = 3  # of a query, should the machine be busy
_BUSY = ("timeout", "error: the engine stopped")


def text_scores(written: Any, golds: Sequence[str]) -> dict[str, np.ndarray]:
    """Scores of queries [..., item] as texts, against the gold of each item.

    Returns:
        `exact`, `gleu`, `rouge_l` [..., item], and `corpus_gleu` [...]; NaN where nothing was to be written.
    """
    shape = written.shape
    values = {name: np.full(shape, np.nan) for name in ("exact", "gleu", "rouge_l")}
    counts = np.zeros((*shape, 2))
    for place in np.ndindex(shape):
        if written[place] is None:
            continue
        query, gold = written[place], comparable(golds[int(place[-1])])
        matching, total = counts[place] = gleu_counts(query, gold)
        values["exact"][place] = exact(query, gold)
        values["gleu"][place] = matching / total if total else 0.0
        values["rouge_l"][place] = rouge_l(query, gold)
    matching, total = np.moveaxis(counts.sum(-2), -1, 0)
    values["corpus_gleu"] = matching / np.where(total, total, np.nan)
    return values


def executed(
    written: Any,
    golds: Mapping[str, str],
    graph: Graph,
    *,
    timeout: float,
    names: bool,
    progress: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Run queries [..., item] against the gold of each item.

    Returns:
        valid: whether the query ran, [..., item]; NaN where nothing was to be written.
        executed: whether it returned the gold's rows, in order where the gold orders.
        reason: why not: `refused: ...`, `error: ...`, `timeout: ...` or `other rows`; "" where it did.

    Raises:
        BadTask: a gold query does not run.
        MissingExtra: ladybug is not installed.
    """
    require_ladybug()
    valid, right = np.full(written.shape, np.nan), np.full(written.shape, np.nan)
    reason = np.full(written.shape, "", dtype=object)
    answers: dict[str, Answer] = {}
    with Engine(graph.statements(), timeout=timeout) as engine:
        for item, gold in golds.items():
            answers[gold] = _answer(engine, gold)
            if why := answers[gold].reason:
                raise BadTask(f"the gold query of item {item!r} does not run ({why}): {gold[:120]!r}")
        places = list(np.ndindex(written.shape))
        for place in tqdm(places, desc="run queries", unit="query", disable=not progress):
            query, gold = written[place], list(golds.values())[place[-1]]
            if query is None:
                continue
            if query not in answers:
                answers[query] = _answer(engine, query)
            same = same_rows(answers[query], answers[gold], ordered=is_ordered(gold), names=names)
            valid[place], right[place] = not answers[query].reason, same
            reason[place] = answers[query].reason or ("" if same else "other rows")
    return valid, right, reason


def _answer(engine: Engine, query: str) -> Answer:
    """A query's answer, written or gold, after as many tries as a busy machine may need."""
    answer = engine.run(query)
    for _ in range(_TRIES - 1):
        if not answer.reason.startswith(_BUSY):
            break
        answer = engine.run(query)
    return answer
