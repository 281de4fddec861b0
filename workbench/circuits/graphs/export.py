"""Export: an attribution graph as the JSON that circuit-tracer's page and Neuronpedia read."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from workbench.arguments import checked
from workbench.circuits.graphs.prune import read_graph
from workbench.results.files import write_whole
from workbench.results.make import origin

_TYPES = {"feature": "cross layer transcoder", "error": "mlp reconstruction error", "target": "logit"}


@checked
def export(graph: xr.Dataset, path: str | Path) -> Path:
    """Write an attribution graph as circuit-tracer's graph JSON; prune it first, or the file has millions of links.

    The format has no biases, so the bias and its edges are left out. Its `influence` is cumulative: the share of all
    influence that a node and all stronger ones carry. A target that stands for no token has a negative number.

    Args:
        graph: Result of `graph` or `prune`.
        path: the file; its name without the ending names the graph.

    Returns:
        The path. The file is written whole or not at all.

    Raises:
        BadResult: it is no attribution graph.
        CannotWrite: the folder is read-only, or the disk is full.

    Source:
        github.com/safety-research/circuit-tracer, schema version 1.

    Example:
        >>> circuits.export(circuits.prune(graph), "dog.json")                                         # doctest: +SKIP
    """
    read_graph(graph)
    nodes = _nodes(graph)
    ends = zip(graph.edge_source.values.tolist(), graph.edge_target.values.tolist(), strict=True)
    links = [
        {"source": nodes[source]["node_id"], "target": nodes[target]["node_id"], "weight": weight}
        for (source, target), weight in zip(ends, graph.weight.values.astype(float).tolist(), strict=True)
        if source in nodes
    ]
    transcoder = origin(graph).get("parameters", {}).get("transcoder", {})
    metadata = {
        "slug": Path(path).stem,
        "scan": f"workbench-{transcoder.get('hash', '')[:12]}",
        "transcoder_list": [],
        "prompt_tokens": graph.token.values.tolist(),
        "prompt": graph.attrs["prompt"],
        "node_threshold": graph.attrs.get("node_share"),
        "schema_version": 1,
    }
    page = {"pinnedIds": [], "supernodes": [], "linkType": "both", "clickedId": "", "sg_pos": ""}
    whole = {"metadata": metadata, "qParams": page, "nodes": list(nodes.values()), "links": links}
    return write_whole(path, json.dumps(whole, ensure_ascii=False, allow_nan=False))


def _nodes(graph: xr.Dataset) -> dict[int, dict[str, Any]]:
    """Every node but the bias, by its number, in circuit-tracer's fields."""
    columns = [graph[name].values.tolist() for name in ("kind", "layer", "position", "feature", "token_id", "label")]
    activation, probability = graph.activation.values.tolist(), graph.probability.values.tolist()
    cumulative, targets, nodes = _cumulative(graph), 0, {}
    for number, (kind, layer, position, feature, token, label) in enumerate(zip(*columns, strict=True)):
        if kind == "bias":
            continue
        node = {"ctx_idx": position, "feature_type": _TYPES.get(kind, kind), "token_prob": 0.0, "clerp": ""}
        node |= {"is_target_logit": False, "run_idx": 0, "reverse_ctx_idx": 0, "activation": None}
        node |= {"influence": float(cumulative[number]), "layer": str(layer)}
        if kind == "feature":
            page = (layer + feature) * (layer + feature + 1) // 2 + feature  # one number for both (Cantor)
            own = {"node_id": f"{layer}_{feature}_{position}", "jsNodeId": f"{layer}_{feature}-0", "feature": page}
            own["activation"] = activation[number]
        elif kind == "error":
            own = {"node_id": f"{layer}_-1_{position}", "jsNodeId": f"{layer}_-1-{position}", "feature": -1}
        elif kind == "embedding":
            own = {"node_id": f"E_{token}_{position}", "jsNodeId": f"E_{token}-{position}"}
            own |= {"feature": position, "layer": "E", "clerp": label}
        else:
            token = token if token >= 0 else -1 - targets
            chance = probability[number] if probability[number] == probability[number] else 0.0
            own = {"node_id": f"{layer + 1}_{token}_{position}", "jsNodeId": f"L_{token}-{position}", "feature": token}
            own |= {"layer": str(layer + 1), "influence": None, "token_prob": chance, "is_target_logit": not targets}
            own["clerp"] = f'Output "{label}" (p={chance:.3f})'
            targets += 1
        nodes[number] = node | own
    return nodes


def _cumulative(graph: xr.Dataset) -> np.ndarray:
    """The share of all influence that each node and all stronger ones carry, [node]."""
    order = np.argsort(-graph.influence.values, kind="stable")
    total = graph.attrs.get("influence") or 1.0
    cumulative = np.empty(len(order))
    cumulative[order] = graph.influence.values[order].cumsum() / total
    return cumulative.clip(max=1.0)
