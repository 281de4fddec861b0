"""Length of the text in a result file, counted in blocks, since many places can share one long text."""

import itertools
import json
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5t  # pyright: ignore[reportAttributeAccessIssue] (compiled, without types)

from workbench.errors import BadResult
from workbench.results.hdf5.declared import Declared

_OBJECT = 64  # overhead in bytes of a Python string
_CHARACTER = 5  # most bytes in memory for a stored byte of text: once as stored, once as a wide character
_BLOCK = 2**26  # bytes of text read at a time
_LAYOUT = "layout"
_SEAL = "seal"  # contains the layout in files with checksums
_LONGEST_LAYOUT = 2**20


def check_texts(datasets: Sequence[tuple[str, Any]], attributes: Sequence[tuple[str, Any]], declared: Declared) -> None:
    """Count the bytes of all texts before they are read together.

    Raises:
        BadResult: together they exceed what the file can contain.
    """
    for _, attribute in attributes:
        kind, count = attribute.get_type(), math.prod(attribute.shape or ())
        if kind.get_class() == h5t.VLEN or (kind.get_class() == h5t.STRING and kind.is_variable_str()):
            declared.count_temporary(count * _OBJECT * -(-declared.longest // 8))  # an attribute is read at once
            if kind.get_class() == h5t.STRING and count:
                values: Any = np.empty(attribute.shape, dtype=attribute.dtype)
                attribute.read(values)
                declared.count(sum(_OBJECT + _CHARACTER * len(text) for text in values.ravel().tolist()))
        else:
            declared.count(count * kind.get_size())
    for _, dataset in datasets:
        kind = dataset.get_type()
        if kind.get_class() == h5t.STRING and kind.is_variable_str():
            for count, length in _lengths(dataset, declared):
                declared.count(count * _OBJECT + _CHARACTER * length)


def check_layout(file: h5py.File, declared: Declared) -> None:
    """Reject a dtype record other than `save_result` writes: for texts, `O` or `<U` and a width.

    Raises:
        BadResult: quotes the entry.
    """
    layout = _recorded_layout(file, declared)
    for name, dtype in layout.items():
        width = re.fullmatch(r"O|[<>]U(\d{1,12})", dtype) if isinstance(dtype, str) else None
        dataset = h5d.open(file.id, name.encode()) if file.id.links.exists(name.encode()) else None
        count = 0 if dataset is None else math.prod(dataset.shape or ())
        text = dataset is not None and (dataset.get_type().get_class() == h5t.STRING or not count)  # or nothing
        if width is None or not text:
            raise BadResult(
                f"{declared.path} was changed or damaged since it was saved: its 'layout' has {name[:80]!r}: "
                f"{str(dtype)[:80]!r}; it names texts of the file with the type O or <U and a width"
            )
        declared.count(4 * int(width[1] or 0) * count)


def _recorded_layout(file: h5py.File, declared: Declared) -> dict[str, Any]:
    """The recorded dtypes: an attribute of their own, or part of the seal with the checksums."""
    place = _SEAL if _SEAL in file.attrs else _LAYOUT
    stored = file.attrs.get(place, "{}")
    layout: Any = None
    try:
        if isinstance(stored, str) and len(stored) <= _LONGEST_LAYOUT:
            layout = json.loads(stored)
            layout = layout[_LAYOUT] if place == _SEAL else layout
    except (ValueError, RecursionError, TypeError, KeyError):
        layout = None
    if not isinstance(layout, dict):
        raise BadResult(
            f"{declared.path} was changed or damaged since it was saved: its attribute {place!r} is "
            f"not a JSON object with dtypes: {str(stored)[:80]!r}"
        )
    return layout


def _lengths(dataset: Any, declared: Declared) -> Iterator[tuple[int, int]]:
    """Number of texts of a dataset and their bytes, block by block."""
    if not math.prod(dataset.shape or ()):
        return
    for block in _blocks(dataset.shape, max(1, _BLOCK // declared.longest)):
        texts = np.ravel(np.asarray(h5py.Dataset(dataset)[block], dtype=object))
        yield len(texts), sum(map(len, texts))


def _blocks(shape: tuple[int, ...], most: int) -> Iterator[tuple[slice, ...]]:
    """Parts of an array with at most `most` elements each."""
    steps = []
    for length in reversed(shape):
        steps.append(max(1, min(length, most)))
        most //= max(1, steps[-1])
    ranges = [range(0, length, step) for length, step in zip(shape, reversed(steps), strict=True)]
    for starts in itertools.product(*ranges):
        yield tuple(slice(at, at + part.step) for at, part in zip(starts, ranges, strict=True))
