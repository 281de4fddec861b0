"""Strength: means, spreads and quantiles of activations, in sums that do not depend on order and can be merged."""

from collections.abc import Sequence
from copy import copy

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.arguments import checked, shown
from workbench.errors import BadArgument, BadCounts
from workbench.neurons.counts.rates import read_counts, unit_of

_VALUE, _SQUARE = 2.0**16, 2.0**20  # values and squares are rounded to 1/65,536 and 1/1,048,576 before they are added
_LOW, _HIGH, _STEPS = -10, 6, 4  # bins of the sketch: powers of two from 2^-10 to 2^6, four to the octave


def edges() -> np.ndarray:
    """Edges between the sketch's bins, rising: 65 negative ones, then 65 positive; the bin between them is "near 0"."""
    positive = 2.0 ** (np.arange(_LOW * _STEPS, _HIGH * _STEPS + 1) / _STEPS)
    return np.concatenate([-positive[::-1], positive])


class Strength:
    """Streaming sums of activations: `update` with batches of values, then read `sums`, by name as in a Result.

    float64 holds multiples of 2^-16 exactly up to 2^37 and of 2^-20 up to 2^33: below those, sums do not depend on the
    order in which they are added, and merging pieces gives the same bits as one pass. `moments` adds up values and
    squares, `sketch` counts values by bin.
    """

    def __init__(
        self, languages: int, layers: int, neurons: int, *, moments: bool, sketch: bool, device: torch.device | str
    ):
        self.edges = torch.from_numpy(edges()).to(device, torch.float32)
        self.sums: dict[str, Tensor] = {}
        for name in ("total", "squares") if moments else ():
            self.sums[name] = torch.zeros(languages, layers, neurons, dtype=torch.float64, device=device)
        if sketch:
            bins = (languages, len(self.edges) + 1, layers, neurons)
            self.sums["sketch"] = torch.zeros(bins, dtype=torch.int64, device=device)

    def blank(self) -> "Strength":
        """Sums of the same kind, all zero: for a batch that may be interrupted."""
        blank = copy(self)
        blank.sums = {name: torch.zeros_like(values) for name, values in self.sums.items()}
        return blank

    def add(self, part: "Strength") -> None:
        """Add the sums of a part."""
        for name, values in part.sums.items():
            self.sums[name] += values

    def update(self, layer: int, values: Tensor, weights: Tensor) -> None:
        """Add one layer's activations [token, neuron]; weights [language, token] is 1 at a language's real tokens."""
        if "total" in self.sums:
            real = weights.double()
            exact = values.double()
            self.sums["total"][:, layer] += real @ (exact * _VALUE).round_() / _VALUE
            self.sums["squares"][:, layer] += real @ (exact.square_() * _SQUARE).round_() / _SQUARE
        if "sketch" in self.sums:
            neurons = values.shape[1]
            place = torch.bucketize(values.float(), self.edges, right=True)  # the number of edges at or below the value
            place = place * neurons + torch.arange(neurons, device=values.device)
            for sketch, row in zip(self.sums["sketch"], weights.bool(), strict=True):
                if row.any():
                    counts = torch.bincount(place[row].flatten(), minlength=len(sketch) * neurons)
                    sketch[:, layer] += counts.reshape(-1, neurons)


@checked
def means(firing: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    """Mean and standard deviation of every activation, both [language, layer, neuron].

    Args:
        firing: counts with `total`, `squares` and `tokens`, from `firing(..., moments=True)`.

    Raises:
        BadCounts: the counts were made without moments, or cannot be what they claim to be.
    """
    _needs(firing, "total", "moments=True")
    mean = firing.total / firing.tokens
    spread = np.sqrt(np.maximum(firing.squares / firing.tokens - mean**2, 0))
    mean.attrs, spread.attrs = {"long_name": "mean activation"}, {"long_name": "standard deviation of the activation"}
    return mean, spread


@checked
def quantiles(firing: xr.Dataset, q: float | Sequence[float]) -> xr.DataArray:
    """Quantiles of every activation, [quantile, language, layer, neuron], read off the sketch.

    A value from 2^-10 to 2^6 in size is right to 9.1 % (half a bin, in the logarithm); smaller ones are given as 0,
    larger ones as +-64. The q-quantile is the value of rank ceil(q * tokens), at least 1, counting from the smallest.

    Args:
        firing: counts with `sketch` and `tokens`, from `firing(..., sketch=True)`.
        q: one or several shares, from 0 to 1.

    Raises:
        BadCounts: the counts were made without a sketch, or cannot be what they claim to be.
        BadArgument: a share outside 0 to 1.
    """
    _needs(firing, "sketch", "sketch=True")
    shares = np.atleast_1d(np.asarray(q, dtype=np.float64))
    if not shares.size or shares.ndim > 1 or not ((shares >= 0) & (shares <= 1)).all():
        raise BadArgument(f"q={shown(q)}; quantiles are shares from 0 to 1")
    sums = firing.sketch.transpose("bin", "language", "layer", unit_of(firing)).values.cumsum(0)
    bounds = edges()
    middle = np.sqrt(np.abs(bounds[:-1] * bounds[1:])) * np.sign(bounds[:-1])
    middle[bounds[:-1] * bounds[1:] < 0] = 0.0
    values = np.concatenate([bounds[:1], middle, bounds[-1:]])
    ranks = np.maximum(np.ceil(shares[:, None] * firing.tokens.values), 1)
    values_at = np.stack([values[(sums >= rank[None, :, None, None]).argmax(0)] for rank in ranks])
    return xr.DataArray(
        values_at,
        {"quantile": shares, "language": firing["language"]},
        ("quantile", "language", "layer", unit_of(firing)),
        attrs={"long_name": "quantile of the activation"},
    )


def _needs(firing: xr.Dataset, name: str, option: str) -> None:
    if name not in firing:
        raise BadCounts(f"these counts have no `{name}`; count with firing(..., {option})")
    read_counts(firing, empty=True)
