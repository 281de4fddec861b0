"""A piece of a stored result, chosen by a seed, beside the same piece measured again."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from workbench.errors import BadResult
from workbench.results.companions import companions
from workbench.results.make import provenance
from workbench.text.corpus import Corpus
from workbench.text.readers import load_corpus

_OF_INTERVAL = 0.05  # half an interval: what two machines may differ by
_OF_LARGEST = 1e-3  # the largest value, where there is no interval
_OF_COUNTS = 2  # whole numbers: an activation next to zero fires on one machine and not on the other


@dataclass(frozen=True)
class Piece:
    """Cells of one variable, as stored and as measured again.

    Attributes:
        result: Name of the result.
        variable: Its variable.
        stored: The values of the atlas.
        again: The same, measured again.
        tolerance: By how much each may differ: numbers of two machines are not equal to the last digit.
    """

    result: str
    variable: str
    stored: np.ndarray
    again: np.ndarray
    tolerance: np.ndarray

    @property
    def difference(self) -> float:
        """The largest difference, in tolerances; infinite where one of the two is no number and the other is."""
        if self.stored.dtype.kind not in "fiub":
            return 0.0 if bool((self.stored == self.again).all()) else math.inf
        stored, again = self.stored.astype(float), self.again.astype(float)
        if bool((np.isnan(stored) != np.isnan(again)).any()):
            return math.inf
        return float(np.nan_to_num(np.abs(stored - again) / self.tolerance).max(initial=0.0))


def piece(name: str, stored: xr.Dataset, again: xr.Dataset, variable: str) -> Piece:
    """A variable of what was measured again beside the stored cells with the same labels.

    Raises:
        BadResult: the stored result lacks some of the labels.
    """
    new = again[variable]
    try:
        labels = {axis: new[axis].values for axis in new.dims if axis in stored[variable].coords}
        old = stored[variable].sel(labels).transpose(*new.dims)
    except KeyError as error:
        raise BadResult(f"{name}: {variable!r} lacks what was measured again: {error}") from None
    if old.shape != new.shape:
        raise BadResult(f"{name}: {variable!r} has the shape {old.shape}, measured again {new.shape}")
    values = old.values
    if values.dtype.kind not in "fiub":
        return Piece(name, variable, values.astype(str), new.values.astype(str), np.ones(values.shape))
    least = _OF_LARGEST * float(np.nanmax(np.abs(values.astype(float)), initial=0.0))
    tolerance = np.full(values.shape, max(least, _OF_COUNTS if values.dtype.kind in "iu" else 1e-9))
    beside = companions(stored, variable)
    if {"low", "high"} <= beside.keys():
        ends = [beside[end].sel(labels).transpose(*new.dims).values for end in ("low", "high")]
        tolerance = np.fmax(tolerance, _OF_INTERVAL * (ends[1] - ends[0]) / 2)
    return Piece(name, variable, values, new.values, tolerance)


def parameters(result: xr.Dataset) -> Mapping[str, Any]:
    """The options that a result records."""
    return provenance(result)["parameters"] or {}


def corpus_of(name: str, result: xr.Dataset) -> Corpus:
    """The texts that a result was measured on, of the shipped ones.

    Raises:
        BadResult: they are others, or have changed since.
    """
    record = provenance(result)["corpus"] or {}
    source, _, half = str(record.get("source", "")).removesuffix("]").partition("[")
    counts = record.get("counts") or {}
    languages, most = record.get("languages"), max(counts.values(), default=1)
    try:
        corpus = load_corpus(source, languages=languages, limit=None if half else most)
    except ValueError as error:
        raise BadResult(f"{name} was measured on {source!r}, which is not at hand: {error}") from error
    if half:
        whole = load_corpus(source, languages=languages, limit=2 * most)
        corpus = next((part for part in (whole.split(half), corpus.split(half)) if part.counts == counts), corpus)
    if corpus.info["hash"] != record.get("hash"):
        raise BadResult(f"{name} was measured on other texts than {source!r} has now; run its study again")
    return corpus
