"""Memory that a result file declares; files that declare more than they can contain are rejected."""

import math
import zlib
from pathlib import Path
from typing import Any

import h5py
import psutil
from h5py import h5a, h5d, h5t, h5z  # pyright: ignore[reportAttributeAccessIssue] (compiled, without types)

from workbench.errors import BadResult
from workbench.results.hdf5.heaps import longest

_RATIO = 1032  # most bytes that one byte of gzip unpacks to
_SMALL = 2**24  # bytes that any file may declare
_SHARE = 4  # a file may declare 1/4 of the free memory: it is copied while it is read
_PIECE = 2**20
_WIDENING = (
    b"scale_factor",
    b"add_offset",
    b"_FillValue",
    b"missing_value",
    b"_Unsigned",
)  # attributes that widen numbers to float64
_ONLY_AXIS = b"This is a netCDF dimension but not a netCDF variable."  # the NAME of a dataset without values


class Declared:
    """Adds up the bytes that the parts of a file declare.

    Attributes:
        path: the file, for messages.
        size: bytes of the file on disk.
        most: bytes that it may take in memory.
        longest: upper bound for the bytes of a text or list.
    """

    def __init__(self, path: Path, size: int):
        self.path, self.size, self.longest = path, size, longest(path)
        self.most = psutil.virtual_memory().available // _SHARE
        self._memory = self._values = 0
        self._stored = _SMALL

    def add(self, name: str, dataset: Any) -> None:
        """Add a dataset.

        Raises:
            BadResult: one of its chunks unpacks to more than declared.
        """
        if _only_axis(dataset):
            return
        stored, kind = dataset.get_create_plist(), dataset.get_type()
        shape, width, ratio = dataset.shape or (), kind.get_size(), 1
        if stored.get_layout() == h5d.CHUNKED:
            chunk = stored.get_chunk()
            shape = [-(-length // part) * part for length, part in zip(shape, chunk, strict=True)]
            if h5z.FILTER_DEFLATE in [stored.get_filter(number)[0] for number in range(stored.get_nfilters())]:
                ratio = _RATIO
            self._check_chunks(name, dataset, math.prod(chunk) * width, ratio)
        count = math.prod(shape)
        widened = kind.get_class() != h5t.STRING and any(h5a.exists(dataset, attribute) for attribute in _WIDENING)
        self._values += count * width
        self._memory += count * (max(width, 8) if widened else width)
        self._stored += min(dataset.get_storage_size(), self.size) * ratio

    def check(self) -> None:
        """Reject a file that declares more values than it stores.

        Raises:
            BadResult: states the bytes.
        """
        self._refuse_above(self._values, min(self._capacity, self._stored))
        self.count(0)

    def count(self, more: int) -> None:
        """Add bytes needed besides the declared values, and reject a total above the limit.

        Raises:
            BadResult: states the bytes.
        """
        self._memory += more
        self._refuse_above(self._memory, min(self.most, 8 * self._capacity))

    def count_temporary(self, more: int) -> None:
        """Reject bytes that are needed temporarily and exceed the limit.

        Raises:
            BadResult: states the bytes.
        """
        self._refuse_above(self._memory + more, self.most)

    @property
    def _capacity(self) -> int:
        """Bytes that a file of this size can contain."""
        return max(_SMALL, _RATIO * self.size)

    def _refuse_above(self, size: int, most: int) -> None:
        if size > most:
            raise BadResult(
                f"{self.path} ({self.size} bytes) declares {size:,} bytes; by its size and the free memory it may "
                f"take {most:,}; it was not read"
            )

    def _check_chunks(self, name: str, dataset: Any, nominal: int, ratio: int) -> None:
        """Reject chunks that unpack to more than declared: HDF5 unpacks them completely before it compares."""

        def longer(chunk: Any) -> bool | None:
            most = nominal + nominal // 64 + 1024
            large = ratio > 1 and chunk.size * ratio > self.most and _unpacked(dataset, chunk, most) > most
            return True if large or chunk.size > most else None

        if dataset.get_storage_size() and dataset.chunk_iter(longer):
            raise BadResult(
                f"{self.path} has a chunk in {name[:200]!r} that is longer than the {nominal:,} bytes that it declares"
            )


def _unpacked(dataset: Any, chunk: Any, most: int) -> int:
    """Bytes that a gzip chunk unpacks to, counted in pieces until above the limit."""
    mask, data = dataset.read_direct_chunk(chunk.chunk_offset)
    reader, total = zlib.decompressobj(), 0
    while data and not mask and total <= most:
        total += len(reader.decompress(data, _PIECE))
        data = reader.unconsumed_tail
    return total


def _only_axis(dataset: Any) -> bool:
    """Whether a dataset only declares the length of an axis, and stores nothing."""
    if dataset.get_storage_size() or not h5a.exists(dataset, b"NAME"):
        return False
    name = h5a.open(dataset, b"NAME")
    if name.get_type().get_class() != h5t.STRING or name.get_storage_size() > 200:
        return False
    value: Any = h5py.Dataset(dataset).attrs["NAME"]
    return _ONLY_AXIS in (value if isinstance(value, bytes) else str(value).encode())
