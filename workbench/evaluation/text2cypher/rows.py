"""Compare the rows that two queries return."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from workbench.evaluation.text2cypher.engine import Answer

TOLERANCE = 1e-9  # relative, and absolute near 0


def same_rows(answer: Answer, gold: Answer, *, ordered: bool = False, names: bool = False) -> bool:
    """Whether two answers have equal rows.

    Args:
        answer: what the query returned.
        gold: what it should return.
        ordered: the order of the rows matters; else rows are compared as multisets.
        names: columns with equal names are compared, as Neo4j does, so that an alias matters; else by position.

    Floats are equal within 1e-9; a whole number equals the float of its value. Nodes are compared by label and
    properties; relationships also by their ends.
    """
    if answer.reason or gold.reason or len(answer.rows) != len(gold.rows):
        return False
    rows: Sequence[Sequence[Any]] = answer.rows
    if names:
        if sorted(answer.columns) != sorted(gold.columns) or len(set(gold.columns)) < len(gold.columns):
            return False
        places = [answer.columns.index(column) for column in gold.columns]
        rows = [[row[place] for place in places] for row in rows]
    elif len(answer.columns) != len(gold.columns):
        return False
    if ordered:
        return all(_equal(row, gold_row) for row, gold_row in zip(rows, gold.rows, strict=True))
    return _same_multiset(rows, gold.rows)


def _same_multiset(rows: Sequence[Any], gold_rows: Sequence[Any]) -> bool:
    """Pair every row with an equal one, within groups that agree in all but their numbers."""
    groups: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        groups[repr(_without_numbers(row))].append(row)
    for gold_row in gold_rows:
        group = groups[repr(_without_numbers(gold_row))]
        match = next((place for place, row in enumerate(group) if _equal(row, gold_row)), None)
        if match is None:
            return False
        group.pop(match)
    return True


def _equal(value: Any, gold: Any) -> bool:
    if _is_number(value) and _is_number(gold):
        both_nan = value != value and gold != gold
        return both_nan or value == gold or math.isclose(value, gold, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    if type(value) is not type(gold):
        return False
    if isinstance(value, list):
        return len(value) == len(gold) and all(map(_equal, value, gold))
    if isinstance(value, dict):
        return value.keys() == gold.keys() and all(_equal(value[key], gold[key]) for key in value)
    return value == gold


def _without_numbers(value: Any) -> Any:
    """A value with all numbers replaced by 0, in an order of its keys that depends on them alone."""
    if _is_number(value):
        return 0
    if isinstance(value, list):
        return [_without_numbers(item) for item in value]
    return [(key, _without_numbers(value[key])) for key in sorted(value)] if isinstance(value, dict) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
