"""The figure of an attribution graph against the nodes and edges that it was given."""

import numpy as np
import pytest

import workbench as wb
from tests.figures import graph_cases as cases
from workbench.errors import BadArgument
from workbench.figures.graphs.graph import SIGNS


@pytest.fixture(scope="module")
def result():
    return cases.graph()


def markers(figure):
    return {trace.name: trace for trace in figure.data if trace.customdata is not None}


def segments(figure):
    """(sign, width, points) of every line that is drawn."""
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    return [
        (trace.legendgroup, trace.line.width, np.stack([trace.x, trace.y], 1).reshape(-1, 3, 2)[:, :2])
        for trace in lines
    ]


def test_every_node_stands_once_by_its_token_and_layer(result):
    figure = wb.figures.graph(result)
    drawn, centres = markers(figure), np.array(figure.layout.xaxis.tickvals)
    assert set(drawn) == {"target", "feature", "error", "bias", "embedding"}
    places = {}
    for kind, trace in drawn.items():
        for node, x, y in zip(trace.customdata, trace.x, trace.y, strict=True):
            assert cases.NODES[node][0] == kind
            assert abs(centres - x).argmin() - 1 == cases.NODES[node][2] and abs(y - cases.NODES[node][1]) < 0.5
            places[int(node)] = (float(x), float(y))
    assert sorted(places) == list(range(len(cases.NODES)))
    assert len(set(places.values())) == len(places)
    assert len({trace.marker.symbol for trace in drawn.values()}) == len(drawn)
    assert len({trace.marker.color for trace in drawn.values()}) == len(drawn)


def test_the_larger_a_node_the_greater_its_influence(result):
    feature = markers(wb.figures.graph(result))["feature"]
    influence = [cases.NODES[node][5] for node in feature.customdata]
    assert np.argsort(feature.marker.size).tolist() == np.argsort(influence).tolist()


def test_lines_join_their_nodes_and_widen_with_the_weight(result):
    figure = wb.figures.graph(result)
    place = {
        int(node): (float(x), float(y))
        for trace in markers(figure).values()
        for node, x, y in zip(trace.customdata, trace.x, trace.y, strict=True)
    }
    drawn = {
        (tuple(map(float, start)), tuple(map(float, end))): (sign, width)
        for sign, width, points in segments(figure)
        for start, end in points
    }
    assert len(drawn) == len(cases.EDGES)
    widths = []
    for source, target, weight in cases.EDGES:
        sign, width = drawn[place[source], place[target]]
        assert sign == ("raises" if weight > 0 else "lowers")
        widths.append((abs(weight), width))
    widths.sort()
    assert [width for _, width in widths] == sorted(width for _, width in widths)
    assert widths[0][1] < widths[-1][1]
    colours = {trace.legendgroup: trace.line.color for trace in figure.data if trace.mode == "lines"}
    assert colours == SIGNS
    middle = next(trace for trace in figure.data if trace.marker.opacity == 0 and trace.hovertext is not None)
    assert len(middle.hovertext) == len(cases.EDGES)
    assert middle.hovertext[0].endswith("weight +3")  # the strongest first


def test_tokens_are_drawn_as_they_are(result):
    figure = wb.figures.graph(result)
    assert list(figure.layout.xaxis.ticktext) == ["no token", "&lt;s&gt;", "\u2067␣القط\u2069", "犬", "&lt;/script&gt;"]
    assert list(figure.layout.yaxis.ticktext) == ["embedding", "0", "1", "2", "output"]
    assert list(figure.layout.yaxis.tickvals) == [-1, 0, 1, 2, 3]
    assert figure.layout.title.text == (
        "How does the prompt lead to \u2068“␣Katze”\u2069, \u2068“\u2067قط\u2069”\u2069?"
    )
    assert "replacement 0.80" in figure.layout.title.subtitle.text
    hover = "".join(text for trace in markers(figure).values() for text in trace.hovertext)
    assert "feature 7 of layer 1 at \u2068“&lt;/script&gt;”\u2069" in hover and "</script>" not in hover
    assert "activation 4" in hover and "probability 0.7" in hover


def test_the_most_influential_are_shown(result):
    figure = wb.figures.graph(result, nodes=2, edges=3)
    shown = {kind: sorted(map(int, trace.customdata)) for kind, trace in markers(figure).items()}
    assert shown == {"embedding": [0, 1, 2, 3], "feature": [4, 6], "target": [11, 12]}
    assert sum(len(points) for _, _, points in segments(figure)) == 3
    assert "the strongest 8 of 13 nodes and 3 of 14 edges" in figure.layout.title.subtitle.text
    assert "strongest" not in wb.figures.graph(result).layout.title.subtitle.text


def test_a_graph_without_edges_has_nodes(result):
    figure = wb.figures.graph(result.isel(edge=[]), title="")
    assert len(markers(figure)) == 5 and figure.layout.title.text is None


def test_other_results_and_counts_are_refused(result):
    with pytest.raises(BadArgument, match=r"wb\.circuits\.graph"):
        wb.figures.graph(cases.contexts())
    with pytest.raises(BadArgument, match="nodes=0"):
        wb.figures.graph(result, nodes=0)


def test_a_graph_can_be_printed(result):
    printed = wb.figures.graph(result, style="paper")
    assert printed.layout.width and not printed.layout.title.text
