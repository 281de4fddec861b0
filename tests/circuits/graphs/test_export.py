"""The exported file: circuit-tracer's fields and types, strict JSON, written whole."""

import json

import pytest

from tests.circuits.cases import model_of, random_transcoder
from tests.circuits.graphs.graph_cases import by_hand
from workbench.circuits import export, graph, prune
from workbench.errors import BadResult, CannotWrite

METADATA = {
    "slug": str,
    "scan": str,
    "transcoder_list": list,
    "prompt_tokens": list,
    "prompt": str,
    "node_threshold": float | None,
    "schema_version": int,
}
PARAMETERS = {"pinnedIds": list, "supernodes": list, "linkType": str, "clickedId": str, "sg_pos": str}
NODE = {
    "node_id": str,
    "feature": int,
    "layer": str,
    "ctx_idx": int,
    "feature_type": str,
    "token_prob": float,
    "is_target_logit": bool,
    "run_idx": int,
    "reverse_ctx_idx": int,
    "jsNodeId": str,
    "clerp": str,
    "influence": float | None,
    "activation": float | None,
}
LINK = {"source": str, "target": str, "weight": float}


def refuse(text):
    raise AssertionError(text)


def has(value, fields):
    """Whether an object has these fields, of these types, and no others."""
    return set(value) == set(fields) and all(isinstance(value[name], kind) for name, kind in fields.items())


@pytest.fixture(scope="module")
def pruned():
    return prune(graph(random_transcoder(3, 32), model_of(), "Grüß dich", progress=False))


def test_its_fields_are_those_of_the_published_format(pruned, tmp_path):
    path = export(pruned, tmp_path / "new" / "dog.json")
    whole = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert set(whole) == {"metadata", "qParams", "nodes", "links"}
    assert has(whole["metadata"], METADATA) and has(whole["qParams"], PARAMETERS)
    assert all(has(node, NODE) for node in whole["nodes"]) and all(has(link, LINK) for link in whole["links"])
    assert whole["metadata"]["slug"] == "dog" and whole["metadata"]["node_threshold"] == 0.8
    assert "".join(whole["metadata"]["prompt_tokens"]).startswith("<bos>Gr")
    names = [node["node_id"] for node in whole["nodes"]]
    assert len(set(names)) == len(names) == pruned.sizes["node"] - 1  # the bias is left out
    assert {end for link in whole["links"] for end in (link["source"], link["target"])} <= set(names)
    bias = (pruned.kind == "bias").values
    assert len(whole["links"]) == int((~bias[pruned.edge_source.values]).sum())


def test_by_hand(tmp_path):
    whole = json.loads(export(by_hand(), tmp_path / "graph.json").read_text())
    first, second, error, embedding, target = whole["nodes"]
    assert (first["node_id"], first["feature"], first["jsNodeId"]) == ("0_10_0", 65, "0_10-0")  # 10 * 11 / 2 + 10
    assert (second["node_id"], second["layer"], second["activation"]) == ("1_11_0", "1", 1.0)
    assert (error["feature_type"], error["feature"]) == ("mlp reconstruction error", -1)
    assert (embedding["node_id"], embedding["layer"], embedding["feature"]) == ("E_5_0", "E", 0)
    assert (target["node_id"], target["is_target_logit"], target["token_prob"]) == ("0_5_0", True, 0.25)
    assert [node["influence"] for node in whole["nodes"]] == [
        pytest.approx(value) if value else value for value in (0.88, 0.36, 1.0, 0.64, None)
    ]
    assert {"source": "1_11_0", "target": "0_5_0", "weight": 9.0} in whole["links"]


def test_a_failed_write_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite):
        export(by_hand(), tmp_path / "file" / "graph.json")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_another_result_is_refused(tmp_path):
    with pytest.raises(BadResult, match="no attribution graph"):
        export(by_hand().drop_vars("kind"), tmp_path / "graph.json")
