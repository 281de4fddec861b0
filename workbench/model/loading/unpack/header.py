"""The header of a GGUF file: its settings, and where each tensor lies."""

import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import BrokenModel, UnknownModel

MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_TEXT, _ARRAY = 8, 9
_FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_ALIGNMENT = 32  # bytes, where `general.alignment` does not say otherwise


@dataclass(frozen=True)
class Tensor:
    """A tensor of the file.

    Attributes:
        name: such as `blk.0.attn_q.weight`.
        elements: how many numbers it has.
        kind: the number of its GGML type.
        offset: bytes from the start of the tensor data.
    """

    name: str
    elements: int
    kind: int
    offset: int


@dataclass(frozen=True)
class Header:
    """The settings of a GGUF file and its table of tensors.

    Attributes:
        settings: name to value, such as `general.architecture`; the length alone where the value is an array.
        tensors: in the order of the file.
        start: bytes before the tensor data.
        size: bytes of the file.
    """

    settings: dict[str, Any]
    tensors: tuple[Tensor, ...]
    start: int
    size: int

    @property
    def architecture(self) -> str:
        """What llama.cpp calls the architecture."""
        return str(self.settings.get("general.architecture", "unknown"))

    @property
    def elements(self) -> int:
        """How many numbers all tensors have."""
        return sum(tensor.elements for tensor in self.tensors)

    def get(self, name: str, default: Any = None) -> Any:
        """A setting of the architecture, such as `rope.freq_base`."""
        return self.settings.get(f"{self.architecture}.{name}", default)


def read_header(path: Path, name: str) -> Header:
    """Read and check the header of a GGUF file; no weights are read.

    Args:
        path: the file.
        name: for messages.

    Raises:
        BrokenModel: not GGUF, another version, big-endian, one part of several, or shorter than its header says.
        UnknownModel: the package gguf is not installed.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            raise BrokenModel(f"{name!r} is not a GGUF file: it does not begin with GGUF")
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                header = _parse(_Cursor(data), size, name)
            except (struct.error, IndexError, UnicodeDecodeError, RecursionError, MemoryError) as error:
                raise BrokenModel(f"{name!r} is cut short or damaged: its header cannot be read ({error})") from error
    if header.settings.get("split.count", 1) not in (0, 1):
        raise BrokenModel(f"{name!r} is one part of a split GGUF file; join them with llama-gguf-split --merge")
    missing = _end(header, name) - size
    if missing > 0:
        raise BrokenModel(f"{name!r} is cut short: it has {size:,} bytes and lacks {missing:,}")
    return header


class _Cursor:
    """Reads one value after the other."""

    def __init__(self, data: mmap.mmap):
        self.data, self.at = data, len(MAGIC)

    def take(self, kinds: str) -> tuple[Any, ...]:
        """Numbers, in the little-endian format of `struct`."""
        values = struct.unpack_from("<" + kinds, self.data, self.at)
        self.at += struct.calcsize("<" + kinds)
        return values

    def skip(self, length: int) -> int:
        """Move on by so many bytes, and return where they begin."""
        start, self.at = self.at, self.at + length
        if self.at > len(self.data):
            raise IndexError("the file ends first")
        return start

    def text(self) -> str:
        """A text with its length before it."""
        (length,) = self.take("Q")
        start = self.skip(length)
        return self.data[start : self.at].decode("utf-8")

    def value(self, kind: int) -> Any:
        """A value of the type; of an array only its length."""
        if kind == _TEXT:
            return self.text()
        if kind != _ARRAY:
            return self.take(_format(kind))[0]
        inner, count = self.take("IQ")
        if inner in (_TEXT, _ARRAY):
            for _ in range(count):
                self.skip(self.take("Q")[0]) if inner == _TEXT else self.value(_ARRAY)
        else:
            self.skip(count * struct.calcsize("<" + _format(inner)))
        return count


def _format(kind: int) -> str:
    if kind not in _FORMATS:
        raise IndexError(f"a value has the unknown type {kind}")
    return _FORMATS[kind]


def _parse(cursor: _Cursor, size: int, name: str) -> Header:
    version, tensor_count, setting_count = cursor.take("IQQ")
    if version not in _VERSIONS:
        raise BrokenModel(f"{name!r} is GGUF of version {version}; versions 2 and 3, little-endian, can be read")
    settings = {}
    for _ in range(setting_count):
        key = cursor.text()
        settings[key] = cursor.value(cursor.take("I")[0])
    tensors = []
    for _ in range(tensor_count):
        key = cursor.text()
        (axes,) = cursor.take("I")
        *shape, kind, offset = cursor.take(f"{axes}QIQ")
        tensors.append(Tensor(key, math.prod(shape), kind, offset))
    alignment = settings.get("general.alignment", _ALIGNMENT)
    if not isinstance(alignment, int) or alignment < 1:
        raise IndexError(f"general.alignment is {str(alignment)[:20]}")
    return Header(settings, tuple(tensors), -(-cursor.at // alignment) * alignment, size)


def _end(header: Header, name: str) -> int:
    """Bytes that the file has at least, by its table of tensors."""
    sizes = _block_sizes(name)
    end = together = header.start
    for tensor in header.tensors:
        if tensor.kind not in sizes:
            raise BrokenModel(f"{name!r}: {tensor.name} has the GGML type {tensor.kind}, which this gguf does not know")
        block, width = sizes[tensor.kind]
        length = tensor.elements // block * width
        end, together = max(end, header.start + tensor.offset + length), together + length
    return max(end, together)  # tensors do not overlap


def _block_sizes(name: str) -> dict[int, tuple[int, int]]:
    """GGML type to numbers and bytes of a block."""
    try:
        from gguf import GGML_QUANT_SIZES
    except ImportError as error:
        raise UnknownModel(
            f"{name!r} is in GGUF, which the package gguf reads; pip install 'babel-workbench[real]' brings it"
        ) from error
    return {int(kind): size for kind, size in GGML_QUANT_SIZES.items()}
