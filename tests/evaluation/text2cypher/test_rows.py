"""Rows are compared as multisets, by position, within 1e-9; and in order only where the query orders."""

import itertools
import random

import pytest

from workbench.evaluation.text2cypher.engine import Answer
from workbench.evaluation.text2cypher.rows import same_rows
from workbench.evaluation.text2cypher.scan import is_ordered


def answer(*rows, columns=None):
    return Answer(columns or [f"c{i}" for i in range(len(rows[0]) if rows else 1)], [list(row) for row in rows])


def test_order_matters_only_where_it_is_asked_for():
    assert same_rows(answer([1], [2]), answer([2], [1]))
    assert not same_rows(answer([1], [2]), answer([2], [1]), ordered=True)
    assert same_rows(answer([1], [2]), answer([1], [2]), ordered=True)


def test_rows_are_a_multiset():
    assert not same_rows(answer([1], [1], [2]), answer([1], [2], [2]))
    assert not same_rows(answer([1]), answer([1], [1]))
    assert same_rows(answer(), answer())


def test_an_alias_is_ignored_unless_names_count():
    left, right = answer([1, 2], columns=["a", "b"]), answer([1, 2], columns=["x", "y"])
    assert same_rows(left, right)
    assert not same_rows(left, right, names=True)
    turned = answer([2, 1], columns=["b", "a"])
    assert same_rows(left, turned, names=True)
    assert not same_rows(left, turned)
    assert not same_rows(answer([1]), answer([1, 2]))


@pytest.mark.parametrize(
    ("value", "gold", "equal"),
    [
        (0.1 + 0.2, 0.3, True),
        (1.0, 1, True),
        (1, 1 + 1e-6, False),
        (1e20, 1e20 * (1 + 1e-10), True),
        (float("nan"), float("nan"), True),
        (float("inf"), float("inf"), True),
        (True, 1, False),
        ("1", 1, False),
        (None, None, True),
        (None, 0, False),
        ([1, 2.0], [1.0, 2], True),
        ([1, 2], [2, 1], False),
        ({"$node": ["Person", {"name": "a", "x": 1}]}, {"$node": ["Person", {"x": 1.0, "name": "a"}]}, True),
        ({"$node": ["Person", {"name": "a"}]}, {"$node": ["City", {"name": "a"}]}, False),
        ({"$map": {"a": 1}}, {"$map": {"b": 1}}, False),
        ("a", "A", False),
    ],
)
def test_values(value, gold, equal):
    assert same_rows(answer([value]), answer([gold])) is equal


def test_an_answer_without_rows_for_a_reason_equals_nothing():
    assert not same_rows(Answer([], [], "error: x"), answer())
    assert not same_rows(answer(), Answer([], [], "timeout: x"))


@pytest.mark.parametrize("seed", range(30))
def test_multisets_equal_a_loop_over_all_orders(seed):
    rng = random.Random(seed)
    left = [[rng.choice([1, 1.0, "a", 0.3]), rng.choice([0.1 + 0.2, 2])] for _ in range(4)]
    right = rng.sample(left, 4) if seed % 2 else [[rng.choice([1, "a", 0.3]), rng.choice([0.3, 2])] for _ in range(4)]

    def close(a, b):
        return a == b if isinstance(a, str) or isinstance(b, str) else abs(a - b) < 1e-9

    expected = any(
        all(close(a, b) for row, other in zip(left, order, strict=True) for a, b in zip(row, other, strict=True))
        for order in itertools.permutations(right)
    )
    assert same_rows(answer(*left), answer(*right)) is expected


@pytest.mark.parametrize(
    ("query", "ordered"),
    [
        ("MATCH (p) RETURN p ORDER BY p.x", True),
        ("MATCH (p) RETURN p order by p.x LIMIT 1", True),
        ("MATCH (p) RETURN p", False),
        ("MATCH (p) WITH p ORDER BY p.x LIMIT 2 RETURN p", False),
        ("MATCH (p) WHERE p.name = 'ORDER BY' RETURN p", False),
        ("MATCH (p:Order) RETURN p.order", False),
        ("RETURN 1 ORDER BY 1 UNION RETURN 2", False),
        ("MATCH (p) WHERE EXISTS { MATCH (q) RETURN q ORDER BY q } RETURN p", False),
        ("MATCH (p) RETURN p, COUNT { MATCH (q) RETURN q } ORDER BY p", True),
    ],
)
def test_the_last_clause_says_whether_rows_are_ordered(query, ordered):
    assert is_ordered(query) is ordered
