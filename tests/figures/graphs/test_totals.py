"""Effects along a graph against a walk over all its ways, and against hand arithmetic."""

import numpy as np
import pytest

from tests.figures import graph_cases as cases
from workbench.figures.graphs.totals import effects


def walk(node, end):
    """The sum over all ways from a node to a target, one way at a time."""
    total = 0.0
    for source, target, weight in cases.EDGES:
        if source == node and target == end:
            total += weight
        elif source == node and cases.NODES[target][0] == "feature":
            total += weight / cases.NODES[target][4] * walk(target, end)
    return total


def test_totals_are_the_sum_over_all_ways():
    direct, total = effects(cases.graph())
    edges = {(source, target): weight for source, target, weight in cases.EDGES}
    for node in range(len(cases.NODES)):
        for column, end in enumerate((11, 12)):
            assert direct[node, column] == edges.get((node, end), 0.0)
            assert total[node, column] == pytest.approx(walk(node, end))
    # 1/2 of feature 4 comes from node 1, 2/4 of feature 6 from 4; feature 6 has 3 directly and 0.5/1 of -0.5
    assert total[1, 0] == pytest.approx(0.5 * 0.5 * 2.75 - 0.5 * 0.25 * 2.75)


def test_a_graph_without_edges_has_no_effects():
    direct, total = effects(cases.graph().isel(edge=[]))
    assert direct.shape == total.shape == (len(cases.NODES), 2)
    assert not np.any(direct) and not np.any(total)
