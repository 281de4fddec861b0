"""Effects of nodes on targets: along the direct edge, and along every way through the graph."""

import numpy as np
import xarray as xr
from scipy.sparse import csr_array


def effects(graph: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Direct and total effects of every node on every target, both [node, target], in the targets' units.

    A way through a feature carries the share of the feature's activation that comes from the node: with attention,
    norms and the set of active features frozen, a feature's activation changes by as much as its input does. So the
    total is `direct + sum over features (edge to it / its activation) x its total`, summed over ways that the graph
    has.
    """
    kind = graph.kind.values.astype(str)
    source, target = graph.edge_source.values, graph.edge_target.values
    weight = graph.weight.values.astype(float)
    count, ends = graph.sizes["node"], np.flatnonzero(kind == "target")
    whole = csr_array((weight, (source, target)), shape=(count, count))
    direct = whole[:, ends].toarray()
    activation = graph.activation.values.astype(float)
    inner = (kind == "feature") & np.isfinite(activation) & (activation != 0)
    share = whole * np.where(inner, 1 / np.where(inner, activation, 1.0), 0.0)[None, :]
    total, carried = direct.copy(), csr_array(share) @ direct
    for _ in range(len(np.unique(graph.layer.values))):  # no way has more steps than there are layers
        if not carried.any():
            break
        total += carried
        carried = csr_array(share) @ carried
    return direct, total
