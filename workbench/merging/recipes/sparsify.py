"""Differences of which only some weights remain: the largest (TIES), or random ones (DARE)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from workbench.merging.recipes.sources import Source

Pieces = Callable[[str], Iterator[tuple[int, int]]]
_HIGH, _LOW = 2**15, 2**16  # values of the upper and the lower bits of a positive float32


class Largest:
    """A source of which the largest weights remain and the others are zero, as TIES trims.

    The smallest weight that remains is the exact one, by two histograms of the weights' bits: sorting would take
    several times the memory of the weights. Of equal weights the first remain.
    """

    def __init__(self, source: Source, pieces: Pieces, density: float, names: list[str] | None = None):
        """Take the source, the pieces of its tensors, and the share that remains.

        With names, the share is of all these tensors as one vector; without, of each tensor.
        """
        self._source, self._pieces, self._density, self._names = source, pieces, density, names
        self._threshold = self._ties = -1

    def __call__(self, name: str, start: int, stop: int) -> Tensor:
        """A piece; the first of a tensor reads all of it."""
        if start == 0 and (self._names is None or self._threshold < 0):
            self._read(self._names or [name])
        values = self._source(name, start, stop)
        size = bits(values)
        remain = size > self._threshold
        equal = size == self._threshold
        if self._ties and bool(equal.any()):
            equal &= equal.cumsum(0) <= self._ties
            self._ties -= int(equal.sum())
            remain |= equal
        return values * remain

    def _read(self, names: list[str]) -> None:
        """Find the smallest size that remains, and how many weights of that size do."""
        self._threshold, self._ties = smallest(self._source, self._pieces, names, self._density)


def smallest(source: Source, pieces: Pieces, names: Sequence[str], density: float) -> tuple[int, int]:
    """The size of the smallest of the largest weights of some tensors, as `bits`, and how many of that size are taken.

    The share `density` of all their weights is taken, one at least.
    """

    def histogram(bins: int, of: Callable[[Tensor], Tensor]) -> Tensor:
        counts = torch.zeros(bins, dtype=torch.int64)
        for name in names:
            for piece in pieces(name):
                counts += torch.bincount(of(bits(source(name, *piece))), minlength=bins)
        return counts

    high = histogram(_HIGH, lambda size: size // _LOW)
    top, remaining = _place(high, max(1, int(density * int(high.sum()))))
    low = histogram(_LOW, lambda size: size[size // _LOW == top] % _LOW)
    bottom, ties = _place(low, remaining)
    return top * _LOW + bottom, ties


def random_part(source: Source, pieces: Pieces, density: float, seed: str, *, norm: bool) -> Source:
    """A source of which a random share of the weights remains, the others are zero, as DARE drops.

    Args:
        source: the differences.
        pieces: of its tensors.
        density: the probability that a weight remains.
        seed: of the draws; every tensor draws by itself.
        norm: scale what remains so that the sum of sizes of each tensor stays, as mergekit does; else by 1 / density.
    """
    state: dict[str, tuple[torch.Generator, float]] = {}

    def draw(generator: torch.Generator, name: str, start: int, stop: int) -> tuple[Tensor, Tensor]:
        values = source(name, start, stop)
        return values, values * (torch.rand(len(values), generator=generator) < density)

    def scale(name: str) -> float:
        if not norm:
            return 1 / density
        generator, before, after = _generator(seed, name), 0.0, 0.0
        for piece in pieces(name):
            values, remaining = draw(generator, name, *piece)
            before += float(values.abs().sum(dtype=torch.float64))
            after += float(remaining.abs().sum(dtype=torch.float64))
        return before / after if after > 0 else 1.0

    def part(name: str, start: int, stop: int) -> Tensor:
        if start == 0:
            state.clear()
            state[name] = _generator(seed, name), scale(name)
        generator, factor = state[name]
        return draw(generator, name, start, stop)[1] * factor

    return part


def _generator(seed: str, name: str) -> torch.Generator:
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))


def bits(values: Tensor) -> Tensor:
    """The sizes of float32 weights as whole numbers of the same order."""
    return values.abs().contiguous().view(torch.int32).long()


def _place(counts: Tensor, remaining: int) -> tuple[int, int]:
    """The highest bin from which `remaining` entries can be taken downwards, and how many of its own are."""
    above = counts.flip(0).cumsum(0)
    index = int(torch.searchsorted(above, remaining))
    before = int(above[index - 1]) if index else 0
    return len(counts) - 1 - index, remaining - before
