"""Pruning by hand, against the published algorithm on dense matrices, and that nothing changes at 1."""

import numpy as np
import pytest
import xarray as xr

from tests.circuits.cases import model_of, random_transcoder
from tests.circuits.graphs.graph_cases import by_hand
from workbench.circuits import graph, prune
from workbench.errors import BadArgument, BadResult


@pytest.fixture(scope="module")
def traced():
    return graph(random_transcoder(3, 32), model_of(), "Guten Tag", progress=False)


def names(result):
    """Nodes by what they are."""
    columns = (result[name].values.tolist() for name in ("kind", "layer", "position", "feature", "token_id"))
    return list(zip(*columns, strict=True))


def edges_by_name(result):
    named = names(result)
    ends = zip(result.edge_source.values, result.edge_target.values, result.weight.values, strict=True)
    return {(named[source], named[target]): weight for source, target, weight in ends}


def dense(result, nodes, edges):
    """The released algorithm on matrices [target, source]; the bias is treated like a token."""
    count = result.sizes["node"]
    matrix = np.zeros((count, count))
    matrix[result.edge_target.values, result.edge_source.values] = result.weight.values
    kind, weights = result.kind.values, result.target_weight.values
    always = np.isin(kind, ["embedding", "bias", "target"])

    def scaled(values):
        return np.abs(values) / np.maximum(np.abs(values).sum(1, keepdims=True), 1e-30)

    def influence(values):
        return weights @ (np.linalg.inv(np.eye(count) - values) - np.eye(count))

    def threshold(values, share):
        ordered = np.sort(values.ravel())[::-1]
        return ordered[min(np.searchsorted(ordered.cumsum() / ordered.sum(), share), ordered.size - 1)]

    score = influence(scaled(matrix))
    alive = (score >= threshold(score, nodes)) | always
    matrix[~alive], matrix[:, ~alive] = 0, 0
    share = scaled(matrix)
    score = share * (influence(share) + weights)[:, None]
    present = (score >= threshold(score, edges)) & (matrix != 0)
    before = None
    while before is None or (before != alive).any():
        before = alive.copy()
        present &= alive[:, None] & alive
        alive &= always | ((kind == "error") | present.any(1)) & present.any(0)
    return alive, present


@pytest.mark.parametrize(("nodes", "edges"), [(0.8, 0.98), (0.5, 0.9), (0.95, 1), (1, 0.7)])
def test_it_is_the_published_algorithm(traced, nodes, edges):
    pruned = prune(traced, nodes=nodes, edges=edges)
    alive, present = dense(traced, nodes, edges)
    named = names(traced)
    assert names(pruned) == [named[number] for number in np.flatnonzero(alive)]
    whole = edges_by_name(traced)
    ends = {(named[source], named[target]) for target, source in zip(*present.nonzero(), strict=True)}
    assert edges_by_name(pruned) == {pair: whole[pair] for pair in ends}
    assert 0 < pruned.sizes["edge"] < traced.sizes["edge"]


def test_at_one_nothing_changes(traced):
    pruned = prune(traced, nodes=1, edges=1)
    xr.testing.assert_equal(pruned, traced)
    assert {**pruned.attrs, "node_share": 0, "edge_share": 0} == {**traced.attrs, "node_share": 0, "edge_share": 0}


def test_by_hand():
    pruned = prune(by_hand(), nodes=0.85, edges=0.999)  # of 2.5, B, the embedding and A carry 0.88
    assert pruned.kind.values.tolist() == ["feature", "feature", "embedding", "target"]
    assert sorted(zip(pruned.edge_source.values, pruned.edge_target.values, strict=True)) == [
        (0, 1),
        (1, 3),
        (2, 0),
        (2, 3),
    ]
    assert pruned.attrs["replacement"] == 0.7  # of the whole graph


def test_what_loses_its_input_goes_with_all_that_it_alone_feeds():
    kinds = ["feature"] * 3 + ["embedding"] * 5 + ["target"]
    edges = [(3, 0, 1.0), (0, 8, 10.0), (1, 2, 1.0), (2, 8, 1.0), *((token, 1, 1.0) for token in range(3, 8))]
    pruned = prune(by_hand(edges, kinds), nodes=1, edges=0.95)  # five weak edges go, then what they feed, and so on
    assert pruned.kind.values.tolist() == ["feature", *["embedding"] * 5, "target"]
    assert pruned.edge_source.values.tolist() == [1, 0] and pruned.edge_target.values.tolist() == [0, 6]


@pytest.mark.parametrize("options", [{"nodes": 1.5}, {"edges": -0.1}, {"nodes": float("nan")}])
def test_shares_are_checked(traced, options):
    with pytest.raises(BadArgument):
        prune(traced, **options)


def test_another_result_is_refused(traced):
    with pytest.raises(BadResult, match="no attribution graph"):
        prune(traced.drop_vars("weight"))
