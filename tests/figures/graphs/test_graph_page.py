"""The page of graphs: what it holds, and that it is written whole or not at all."""

import base64
import gzip
import json
import re

import pytest

import workbench as wb
from tests.figures import graph_cases as cases
from workbench.errors import BadArgument, CannotWrite
from workbench.figures.graphs.payload import LISTED

GRAPHS = {"de": cases.graph(), "zh": cases.graph(scale=2.0)}


def inside(path):
    """What the page's script reads."""
    packed = re.search(r'id="data">([^<]+)<', path.read_text(encoding="utf-8"))
    assert packed
    return json.loads(gzip.decompress(base64.b64decode(packed[1])))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    where = tmp_path_factory.mktemp("graphs") / "new" / "graphs.html"
    effects = {"de": {(1, 7): -1.25}}
    assert wb.figures.graph_page(GRAPHS, where, contexts=cases.contexts(), effects=effects) == where
    return where


def test_it_is_one_file_without_network(path):
    html = path.read_text(encoding="utf-8")
    assert "default-src 'none'" in html and "<b>model</b> tiny" in html and "Missing:" not in html
    assert re.findall(r"<(?:script|link|img)[^>]* (?:src|href)=.{6}", html) == ['<link rel="icon" href="data:']


def test_it_holds_every_node_edge_and_effect(path):
    data = inside(path)
    assert [graph["name"] for graph in data["graphs"]] == ["German · Deutsch", "Chinese · 中文"]
    nodes, edges = data["graphs"][0]["nodes"], data["graphs"][0]["edges"]
    assert nodes["kind"] == [node[0] for node in cases.NODES] and nodes["number"] == list(range(len(cases.NODES)))
    assert nodes["name"][6] == "feature 7 of layer 1 at \u2068“</script>”\u2069"
    assert sorted(zip(edges["source"], edges["target"], edges["weight"], strict=True)) == sorted(cases.EDGES)
    assert nodes["incoming"][6] == 4 and nodes["outgoing"][6] == 2
    assert nodes["direct"][6] == [3.0, 0.0] and nodes["total"][6] == [2.75, 0.5]
    assert nodes["measured"] == [None] * 6 + [-1.25] + [None] * 6
    assert not any(value for value in data["graphs"][1]["nodes"]["measured"])


def test_it_holds_the_contexts_of_its_features(path):
    contexts = inside(path)["contexts"]
    assert set(contexts) == {"0/7", "1/7"}
    arabic, chinese = contexts["0/7"]
    assert (arabic["direction"], arabic["tag"], chinese["direction"]) == ("rtl", "ar", "auto")
    assert arabic["texts"][0]["pieces"] == ["نام", " القط", "."] and arabic["texts"][0]["peak"] == 1
    assert [text["activation"] for text in chinese["texts"]] == [1.5, 1.0]
    assert contexts["1/7"][1]["texts"] == [] and contexts["1/7"][1]["rate"] == 0


def test_only_the_strongest_edges_of_a_node_are_listed(tmp_path):
    graph = cases.graph()
    many = graph.isel(edge=[7] * 30).assign(weight=("edge", [float(k + 1) for k in range(30)]))
    data = inside(wb.figures.graph_page(many, tmp_path / "a.html"))
    assert data["graphs"][0]["edges"]["weight"] == [30.0 - k for k in range(LISTED)]
    assert data["graphs"][0]["nodes"]["outgoing"][6] == 30


def test_graphs_without_names_are_numbered(tmp_path):
    data = inside(wb.figures.graph_page([cases.graph(), cases.graph()], tmp_path / "a.html"))
    assert [graph["name"] for graph in data["graphs"]] == [
        f"{n}: \u2068“␣Katze”\u2069, \u2068“\u2067قط\u2069”\u2069" for n in (1, 2)
    ]
    assert "wb.circuits.contexts" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_texts_cannot_leave_their_place(tmp_path):
    evil = "</script><script>alert(1)</script>"
    graph = cases.graph(tokens=[evil, evil, evil, evil])
    graph.label[11] = evil
    wb.figures.graph_page({evil: graph}, tmp_path / "a.html", contexts=cases.contexts(), title=f"</title>{evil}")
    assert "<script>alert" not in (tmp_path / "a.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"graphs": {}}, "empty"),
        ({"graphs": []}, "empty"),
        ({"graphs": cases.contexts()}, r"wb\.circuits\.graph"),
        ({"graphs": ["a"]}, "give a Dataset"),
        ({"contexts": cases.graph()}, r"wb\.circuits\.contexts"),
        ({"effects": {"fr": {}}}, "none of the graphs"),
        ({"nodes": 0}, "nodes=0"),
    ],
)
def test_it_is_written_whole_or_not_at_all(tmp_path, options, message):
    (tmp_path / "a.html").write_text("older", encoding="utf-8")
    with pytest.raises(BadArgument, match=message):
        wb.figures.graph_page(**{"graphs": GRAPHS, "path": tmp_path / "a.html", **options})
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(CannotWrite):
        wb.figures.graph_page(GRAPHS, tmp_path / "file" / "a.html")
