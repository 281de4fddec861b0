"""Which features of a local model get their own incoming edges, and those edges, stack by stack."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.circuits.graphs.local_model import LocalModel, Readers
from workbench.errors import NotFinite, TooLarge, UnsupportedSite
from workbench.model.memory import budget, readable
from workbench.model.model import Model

RESIDUE = 1e-3
_LEAST = 0.01  # of what contributions add up to in absolute value: a sum of 0 is no unit for its rounding
_STACKS = 4  # between two rankings by influence


@dataclass(frozen=True, eq=False)
class Expanded:
    """Edges into the targets and into features.

    Attributes:
        features: the expanded ones, by their place in the local model's order, ascending, [feature].
        edges: into the targets, then into these features, [target + feature, source].
        values: what each of them reads, [target + feature].
        residue: the largest difference between the sum of a row and the value, as a share of values of its layer.
    """

    features: Tensor
    edges: Tensor
    values: Tensor
    residue: float


def expand(
    local: LocalModel, vectors: Tensor, weights: Tensor, most: int, *, size: int, step: Callable[[int], object]
) -> Expanded:
    """Edges into the targets, then into every active feature, or into `most` of them by their partial influence.

    Args:
        local: the prompt.
        vectors: directions of the final normed state, [target, d].
        weights: of these targets, [target].
        most: features.
        size: targets of a stack.
        step: is called with the number of features of each finished stack.

    Raises:
        TooLarge: the edges do not fit the model's memory.
        UnsupportedSite: contributions do not sum to what is read.
        NotFinite: an edge is NaN or infinite.
    """
    count, most = len(vectors), min(most, local.n_features)
    row = local.n_sources * vectors.element_size()
    fits = budget(local.frozen.model) // (2 * row) - count
    if fits < most:
        raise TooLarge(
            f"edges from {local.n_sources:,} sources into {most:,} features need {readable(row * (count + most))}; "
            f"max_features={max(fits, 1)} would fit, or a shorter prompt"
        )
    edges = torch.zeros(count + most, local.n_sources, dtype=vectors.dtype)
    values, order = torch.zeros(count + most, dtype=vectors.dtype), torch.zeros(most, dtype=torch.long)
    checks, done = [], 0

    def add(readers: Readers, row: int) -> None:
        rows, read = local.edges(readers), local.values(readers)
        if not bool(rows.isfinite().all()):
            raise NotFinite(f"an edge of the graph of {local.frozen.model.name!r} is NaN or infinite")
        gaps, flows = rows.sum(-1) - read, rows.abs().sum(-1)
        checks.append(torch.stack([readers.layer.to(read), gaps, read, flows]).double().cpu())
        edges[row : row + len(rows)], values[row : row + len(rows)] = rows.cpu(), read.cpu()

    for begin in range(0, count, size):
        add(local.finals(vectors[begin : begin + size]), begin)
    while done < most:
        if most == local.n_features:
            pending = torch.arange(most)
        else:
            ranking = partial_influence(edges[: count + done], weights, order[:done])[: local.n_features]
            ranking[order[:done]] = -1
            pending = ranking.argsort(descending=True, stable=True)[: min(_STACKS * size, most - done)].sort().values
        for some in pending.split(size):
            add(local.readers(some.to(local.place.device)), count + done)
            order[done : done + len(some)] = some
            done += len(some)
            step(len(some))
    residue = _residue(torch.cat(checks, 1), local.frozen.model)
    ascending = torch.cat([torch.arange(count), count + order.argsort()])
    return Expanded(order.sort().values, edges[ascending], values[ascending], residue)


def partial_influence(edges: Tensor, weights: Tensor, order: Tensor) -> Tensor:
    """Influence of each source over the edges that are known: into the targets, then into features of this order."""
    shares = edges.abs().double()
    shares /= shares.sum(1, keepdim=True).clamp(min=1e-30)
    current = weights.double() @ shares[: len(weights)]
    total = current.clone()
    while len(order) and bool(current[order].any()):
        current = current[order] @ shares[len(weights) :]
        total += current
    return total


def _residue(checks: Tensor, model: Model) -> float:
    """The largest gap, in units of the root mean square of values of its layer; of [4, reader].

    Rows are the layer, the gap, the value, and the sum of absolute contributions.
    """
    layer, gap, value, flow = checks[0].long(), checks[1], checks[2], checks[3]
    counts = layer.bincount().clamp(min=1)
    typical, flows = ((layer.bincount(each.square()) / counts).sqrt() for each in (value, flow))
    gap = gap.abs() / torch.maximum(typical, _LEAST * flows).clamp(min=1e-30)[layer]
    residue, worst = float(gap.max()), int(layer[gap.argmax()])
    if not residue <= RESIDUE:
        raise UnsupportedSite(
            f"what sources contribute in layer {worst} of {model.name!r} does not sum to what is read: off by "
            f"{residue:.2g} of a typical value, and {RESIDUE:g} is allowed"
            + ("" if model.dtype == torch.float32 else f"; its weights are {model.precision}: load it in float32")
        )
    return residue
