"""Text in a result file: how long it is, counted in blocks, since many places can share one long text."""

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

_OBJECT = 64  # bytes of a Python text beside its characters
_CHARACTER = 5  # bytes that a stored byte of text takes at most: stored once, and as a wide character
_BLOCK = 2**26  # bytes of text that are read at a time
_LAYOUT = "layout"
_SEAL = "seal"  # where the layout stands in files with checksums
_LONGEST_LAYOUT = 2**20


def check_texts(datasets: Sequence[tuple[str, Any]], attributes: Sequence[tuple[str, Any]], declared: Declared) -> None:
    """Count all texts of a file before they are read together.

    Raises:
        BadResult: together they are more than the file can hold.
    """
    for _, attribute in attributes:
        kind, count = attribute.get_type(), math.prod(attribute.shape or ())
        if kind.get_class() == h5t.VLEN or (kind.get_class() == h5t.STRING and kind.is_variable_str()):
            declared.briefly(count * _OBJECT * -(-declared.longest // 8))  # an attribute is read whole
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
    """Refuse a note of dtypes that is not as `save_result` writes it: of texts, `O` or `<U` and a width.

    Raises:
        BadResult: quotes the entry.
    """
    layout = _noted(file, declared)
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


def _noted(file: h5py.File, declared: Declared) -> dict[str, Any]:
    """The dtypes that a file notes: by themselves, or sealed together with its checksums."""
    place = _SEAL if _SEAL in file.attrs else _LAYOUT
    noted = file.attrs.get(place, "{}")
    layout: Any = None
    try:
        if isinstance(noted, str) and len(noted) <= _LONGEST_LAYOUT:
            layout = json.loads(noted)
            layout = layout[_LAYOUT] if place == _SEAL else layout
    except (ValueError, RecursionError, TypeError, KeyError):
        layout = None
    if not isinstance(layout, dict):
        raise BadResult(
            f"{declared.path} was changed or damaged since it was saved: its attribute {place!r} is "
            f"not a JSON object with dtypes: {str(noted)[:80]!r}"
        )
    return layout


def _lengths(dataset: Any, declared: Declared) -> Iterator[tuple[int, int]]:
    """How many texts a dataset has and how many bytes they have, block by block."""
    if not math.prod(dataset.shape or ()):
        return
    for block in _blocks(dataset.shape, max(1, _BLOCK // declared.longest)):
        texts = np.ravel(np.asarray(h5py.Dataset(dataset)[block], dtype=object))
        yield len(texts), sum(map(len, texts))


def _blocks(shape: tuple[int, ...], most: int) -> Iterator[tuple[slice, ...]]:
    """Parts of an array with at most so many elements each."""
    steps = []
    for length in reversed(shape):
        steps.append(max(1, min(length, most)))
        most //= max(1, steps[-1])
    ranges = [range(0, length, step) for length, step in zip(shape, reversed(steps), strict=True)]
    for starts in itertools.product(*ranges):
        yield tuple(slice(at, at + one.step) for at, one in zip(starts, ranges, strict=True))
