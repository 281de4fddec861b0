"""Influence and scores of a graph whose numbers were worked out by hand."""

import numpy as np
import pytest

from tests.circuits.graphs.graph_cases import EDGES, INFLUENCE, KINDS
from workbench.circuits.graphs.influence import scores, shares
from workbench.errors import BadResult


def parts(edges=EDGES, count=5):
    source, target, weight = map(np.array, zip(*edges, strict=True))
    weights = np.zeros(count)
    weights[-1] = 1
    return shares(source, target, weight, weights)


def test_influence_goes_over_all_paths():
    assert parts().influence() == pytest.approx(INFLUENCE)


def test_signs_and_sizes_of_rows_do_not_matter():
    edges = [(source, target, -7 * weight if target == 1 else weight) for source, target, weight in EDGES]
    assert parts(edges).influence() == pytest.approx(INFLUENCE)


@pytest.mark.parametrize(("variant", "completeness"), [("paper", 0.88), ("released", 0.9143)])
def test_scores(variant, completeness):
    graph = parts()
    values = scores(graph, graph.influence(), np.array(KINDS, dtype=object), variant)
    assert values == pytest.approx((0.7, completeness), abs=5e-5)


def test_it_is_the_inverse_of_the_published_matrix():
    rng, count = np.random.default_rng(0), 30
    matrix = np.tril(rng.normal(size=(count, count)), -1) * (rng.random((count, count)) < 0.3)
    target, source = matrix.nonzero()
    weights = np.zeros(count)
    weights[-3:] = 0.5, 0.3, 0.1
    scaled = np.abs(matrix) / np.maximum(np.abs(matrix).sum(1, keepdims=True), 1e-10)
    expected = weights @ (np.linalg.inv(np.eye(count) - scaled) - np.eye(count))
    assert shares(source, target, matrix[target, source], weights).influence() == pytest.approx(expected)


def test_a_circle_is_refused():
    with pytest.raises(BadResult, match="circle"):
        parts([(0, 1, 1.0), (1, 0, 1.0), (1, 4, 1.0)]).influence()


def test_a_graph_without_embeddings_and_errors_has_no_replacement():
    replacement, completeness = scores(parts([(0, 4, 1.0)]), np.zeros(5), np.array(["feature"] * 5), "paper")
    assert np.isnan(replacement) and completeness == 1
