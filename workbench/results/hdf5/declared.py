"""How much memory a result file would take, by what it declares; what it cannot hold is refused."""

import math
import zlib
from pathlib import Path
from typing import Any

import h5py
import psutil
from h5py import h5a, h5d, h5t, h5z  # pyright: ignore[reportAttributeAccessIssue] (compiled, without types)

from workbench.errors import BadResult
from workbench.results.hdf5.heaps import longest

_RATIO = 1032  # a byte of gzip stands for at most so many
_SMALL = 2**24  # bytes that any file may declare
_SHARE = 4  # of the free memory, the part that a file may declare: it is copied while it is read
_PIECE = 2**20
_WIDENING = (b"scale_factor", b"add_offset", b"_FillValue", b"missing_value", b"_Unsigned")  # make float64 of numbers
_ONLY_AXIS = b"This is a netCDF dimension but not a netCDF variable."  # the NAME of a dataset that is never read


class Declared:
    """Adds up what the parts of a file declare.

    Attributes:
        path: the file, for messages.
        size: bytes of the file.
        most: bytes that it may take in memory.
        longest: bytes of the longest text or list that it can store.
    """

    def __init__(self, path: Path, size: int):
        self.path, self.size, self.longest = path, size, longest(path)
        self.most = psutil.virtual_memory().available // _SHARE
        self._memory = self._values = 0
        self._stored = _SMALL

    def add(self, name: str, dataset: Any) -> None:
        """Add a dataset.

        Raises:
            BadResult: a chunk of it unpacks to more than it declares.
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
        """Refuse a file that declares more values than it stores.

        Raises:
            BadResult: says how many bytes.
        """
        self._refuse_above(self._values, min(self._holds, self._stored))
        self.count(0)

    def count(self, more: int) -> None:
        """Add bytes that are taken beside the declared values, and refuse what is too much.

        Raises:
            BadResult: says how many bytes.
        """
        self._memory += more
        self._refuse_above(self._memory, min(self.most, 8 * self._holds))

    def briefly(self, more: int) -> None:
        """Refuse bytes that are taken for a moment and would be too much.

        Raises:
            BadResult: says how many bytes.
        """
        self._refuse_above(self._memory + more, self.most)

    @property
    def _holds(self) -> int:
        """Bytes that a file of this size can stand for."""
        return max(_SMALL, _RATIO * self.size)

    def _refuse_above(self, found: int, most: int) -> None:
        if found > most:
            raise BadResult(
                f"{self.path} ({self.size} bytes) declares {found:,} bytes; by its size and the free memory it may "
                f"take {most:,}; nothing of it was read"
            )

    def _check_chunks(self, name: str, dataset: Any, nominal: int, ratio: int) -> None:
        """Each chunk unpacks to what it declares: HDF5 unpacks it to its end before it compares."""

        def longer(chunk: Any) -> bool | None:
            most = nominal + nominal // 64 + 1024
            large = ratio > 1 and chunk.size * ratio > self.most and _unpacked(dataset, chunk, most) > most
            return True if large or chunk.size > most else None

        if dataset.get_storage_size() and dataset.chunk_iter(longer):
            raise BadResult(
                f"{self.path} has a chunk in {name[:200]!r} that is longer than the {nominal:,} bytes that it declares"
            )


def _unpacked(dataset: Any, chunk: Any, most: int) -> int:
    """Bytes that a chunk of gzip unpacks to, counted in pieces until they are too many."""
    mask, data = dataset.read_direct_chunk(chunk.chunk_offset)
    reader, total = zlib.decompressobj(), 0
    while data and not mask and total <= most:
        total += len(reader.decompress(data, _PIECE))
        data = reader.unconsumed_tail
    return total


def _only_axis(dataset: Any) -> bool:
    """Whether a dataset only says how long an axis is, and stores nothing."""
    if dataset.get_storage_size() or not h5a.exists(dataset, b"NAME"):
        return False
    name = h5a.open(dataset, b"NAME")
    if name.get_type().get_class() != h5t.STRING or name.get_storage_size() > 200:
        return False
    value: Any = h5py.Dataset(dataset).attrs["NAME"]
    return _ONLY_AXIS in (value if isinstance(value, bytes) else str(value).encode())
