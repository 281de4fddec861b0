"""Where two tunings of one model differ: the size of each change, and whether they change the same weights."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xarray as xr
from torch import Tensor
from tqdm.auto import tqdm

from workbench.arguments import checked, finite
from workbench.merging.checkpoint import DTYPES, Checkpoint
from workbench.merging.groups import GROUPS
from workbench.merging.pair import Pair, pair
from workbench.merging.recipes.sources import Source
from workbench.merging.recipes.sources import difference as tau_of
from workbench.merging.recipes.sparsify import bits, smallest
from workbench.results.make import Variables, make_result

_RELATIONS = {
    "cosine": "cosine between the changes of {}",
    "overlap": "share of the weights that either changes most which both do (Jaccard): {}",
    "expected_overlap": "the same, were each set drawn at random: {}",
    "z": "how far the shared weights are from those of random sets, {} [standard deviations]",
}


@checked
def difference(
    pair: Pair,
    *,
    top: float = 0.05,
    ceiling: str | Path | None = None,
    floor: str | Path | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Compare what two tunings changed, weight by weight: tau = expert - base, in float32.

    Tensors are read piece by piece: memory does not grow with the models. In each cell, the largest `top` of the
    changes of either expert are its set (equal ones together, changes of 0 never); two random sets of n1 and n2 of N
    weights share a hypergeometric number, n1 n2 / N on average.

    Args:
        pair: of two experts and their base, as `wb.merging.pair` opens it.
        top: share of a cell's weights.
        ceiling: a second expert of the task, trained with another seed: how alike two tunings for one purpose are.
        floor: an expert tuned on shuffled data: how alike a tuning is to one that learned nothing of it.

    Returns:
        In layers, by group of tensors (q, k, v, o, gate, up, down, norm): `size[expert, layer, group]`, RMS of tau over
        RMS of the base; `selected`, the size of the sets; `cosine[layer, group]` between the two taus, `overlap` of
        their sets (Jaccard), `expected_overlap` by chance and `z`, the shared weights in standard deviations from
        chance. With `ceiling` or `floor`, the same of the task expert with that one (`ceiling_cosine` ...). Tensors
        outside the layers by name: `tensor_size[expert, tensor]`, `tensor_cosine[tensor]` and so on. NaN where a cell
        has no weights, or an expert changed none of them.

    Raises:
        BadArgument: the pair has no base, or `top` is no share.
        BrokenModel: an expert of another shape, or with NaN weights.

    Source:
        Task vectors: Ilharco et al. 2023 (arXiv 2212.04089). Largest changes against chance, ceiling and floor are
        ours.

    Example:
        >>> opened = wb.merging.pair("polyglot-base", "./task", "./german")                     # doctest: +SKIP
        >>> wb.merging.difference(opened).overlap.to_pandas()                                    # doctest: +SKIP
    """
    finite("top", top, above=0, at_most=1)
    base, others = pair.need_base("difference"), {"ceiling": ceiling, "floor": floor}
    experts = pair.experts | {name: _opened(base, given) for name, given in others.items() if given is not None}
    cells: dict[tuple[int | None, str], list[str]] = {}
    floats = [name for name in base.names if base.stored[name].dtype in DTYPES]  # others, as masks, are no weights
    for name in floats:
        layer, group = base.group(name)
        cells.setdefault((layer, name if layer is None else group), []).append(name)
    taus = [tau_of(expert, base) for expert in experts.values()]
    counts = {
        place: _count(base, taus, names, top) for place, names in tqdm(cells.items(), "tensors", disable=not progress)
    }
    result = make_result(
        *_tables(counts, list(experts)),
        method="merging.difference",
        parameters={
            "top": top,
            "base": base.name,
            "experts": {role: {"name": expert.name, "hash": expert.digest} for role, expert in experts.items()},
        },
        model={"name": base.name, "hash": base.digest},
    )
    result.group.attrs["long_name"] = "group of tensors"
    return result


def _opened(base: Checkpoint, expert: str | Path) -> Checkpoint:
    return pair(base.name, expert, expert).task


@dataclass
class Counts:
    """Sums over the weights of a cell; of the experts in their order, the relations of the first with all others."""

    experts: int
    weights: int = 0
    base: float = 0.0
    squares: np.ndarray = field(init=False)
    dots: np.ndarray = field(init=False)
    selected: np.ndarray = field(init=False)
    shared: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.squares, self.dots, self.selected, self.shared = (np.zeros(self.experts) for _ in range(4))

    def add(self, base: Tensor, taus: Sequence[Tensor], thresholds: Sequence[int]) -> None:
        """Add a piece: the base's weights and each expert's changes, in float32."""
        self.weights += len(base)
        self.base += float(base.double().square().sum())
        sets = [bits(tau) >= max(1, threshold) for tau, threshold in zip(taus, thresholds, strict=True)]
        for k, (tau, taken) in enumerate(zip(taus, sets, strict=True)):
            self.squares[k] += float(tau.double().square().sum())
            self.dots[k] += float((tau.double() * taus[0]).sum())
            self.selected[k] += int(taken.sum())
            self.shared[k] += int((taken & sets[0]).sum())

    @property
    def size(self) -> np.ndarray:
        """RMS of each change over that of the base, [expert]."""
        return np.sqrt(self.squares / self.base) if self.base else np.full(self.experts, np.nan)

    def relations(self, other: int) -> dict[str, float]:
        """The first expert with another one: those of `_RELATIONS`."""
        norm = math.sqrt(self.squares[0] * self.squares[other])
        if not norm:
            return dict.fromkeys(_RELATIONS, math.nan)
        sizes = float(self.selected[0]), float(self.selected[other])
        expected, deviation = by_chance(self.weights, *sizes)
        return {
            "cosine": float(self.dots[other]) / norm,
            "overlap": _jaccard(float(self.shared[other]), *sizes),
            "expected_overlap": _jaccard(expected, *sizes),
            "z": (float(self.shared[other]) - expected) / deviation if deviation else math.nan,
        }


def by_chance(weights: int, first: float, second: float) -> tuple[float, float]:
    """Mean and standard deviation of what two random sets of so many of the weights share (hypergeometric)."""
    expected = first * second / weights
    spread = expected * (1 - first / weights) * (weights - second) / max(1, weights - 1)
    return expected, math.sqrt(max(0.0, spread))


def _jaccard(shared: float, first: float, second: float) -> float:
    return shared / (first + second - shared)


def _count(base: Checkpoint, taus: Sequence[Source], names: Sequence[str], top: float) -> Counts:
    """The sums over some tensors, read three times: twice for the smallest change that counts as large."""
    thresholds = [smallest(tau, base.pieces, names, top)[0] for tau in taus]
    counts = Counts(len(taus))
    for name in names:
        for piece in base.pieces(name):
            counts.add(base.piece(name, *piece).float(), [tau(name, *piece) for tau in taus], thresholds)
    return counts


def _tables(
    counts: Mapping[tuple[int | None, str], Counts], experts: list[str]
) -> tuple[Variables, dict[str, list[str] | list[int]]]:
    """Variables and coordinates of the Result."""
    inside = {place for place in counts if place[0] is not None}
    layers = sorted({layer for layer, _ in inside if layer is not None})
    groups = sorted({group for _, group in inside}, key=lambda name: (*GROUPS, name).index(name))
    tensors = [name for layer, name in counts if layer is None]
    grid = {(i, j): counts.get((layer, group)) for i, layer in enumerate(layers) for j, group in enumerate(groups)}
    row = {(i,): counts[None, name] for i, name in enumerate(tensors)}
    variables = _variables(grid, (len(layers), len(groups)), ("layer", "group"), experts, "")
    variables |= _variables(row, (len(tensors),), ("tensor",), experts, "tensor_")
    return variables, {"expert": experts, "layer": layers, "group": groups, "tensor": tensors}


def _variables(
    cells: Mapping[tuple[int, ...], Counts | None],
    shape: tuple[int, ...],
    axes: tuple[str, ...],
    experts: list[str],
    prefix: str,
) -> Variables:
    """Sizes and relations of cells; NaN where there are no weights."""
    size, selected = np.full((len(experts), *shape), np.nan), np.zeros((len(experts), *shape), dtype=np.int64)
    others = experts[1:]
    relations = {name: np.full((len(others), *shape), np.nan) for name in _RELATIONS}
    for at, cell in cells.items():
        if cell is not None:
            size[(slice(None), *at)], selected[(slice(None), *at)] = cell.size, cell.selected
            for k in range(len(others)):
                for name, value in cell.relations(k + 1).items():
                    relations[name][(k, *at)] = value
    variables: Variables = {
        f"{prefix}size": (("expert", *axes), size, "size of the change, relative to the weights before"),
        f"{prefix}selected": (("expert", *axes), selected, "weights that are changed most [weights]"),
    }
    for k, other in enumerate(others):
        start = "" if other == "language" else f"{other}_"
        between = f"task and {other} expert"
        for name, words in _RELATIONS.items():
            variables[f"{prefix}{start}{name}"] = (axes, relations[name][k], words.format(between))
    return variables
