"""The heaps of an HDF5 file, which store variable-length texts and lists: HDF5 loops forever on damaged ones."""

import mmap
import struct
from pathlib import Path

from workbench.errors import BadResult

_MARK = b"GCOL\x01"  # start of a heap; its length follows eight bytes later
_HEAD, _ENTRY = 16, struct.Struct("<HHIQ")  # fields of an entry: number, references, padding, length
_USUAL = 4096


def longest(path: Path) -> int:
    """Bytes of the largest heap, an upper bound for each text of the file; many places may share one text.

    Raises:
        BadResult: a heap whose entries do not chain to its end.
    """
    largest = _USUAL
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(_MARK)
        while at >= 0:
            length = int.from_bytes(data[at + 8 : at + 16], "little")
            if length <= len(data) - at:  # else not a heap, or one that HDF5 rejects
                if not _walks(data, at + _HEAD, at + length):
                    raise BadResult(f"{path} is cut short or is not a NetCDF file: a heap of texts in it is damaged")
                largest = max(largest, length)
            at = data.find(_MARK, at + 1)
    return largest


def _walks(data: mmap.mmap, at: int, end: int) -> bool:
    """Whether the entries chain to the end of the heap."""
    while at + _ENTRY.size <= end:
        number, _, _, length = _ENTRY.unpack_from(data, at)
        need = _ENTRY.size + -(-length // 8) * 8 if number else length  # number 0 is free space, its head included
        if need < _ENTRY.size or at + need > end:
            return False
        at += need
    return True
