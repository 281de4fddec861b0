"""Write a safetensors file piece by piece: the header first, then the weights as they are computed."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from workbench.merging.checkpoint import WIDTHS

Pieces = Callable[[str], Iterator[np.ndarray]]
"""Name of a tensor to its bytes in memory order, piece by piece, uint8."""

_ALIGNED = 8
_ORDER = {dtype: -place for place, dtype in enumerate(WIDTHS)}  # wide types first, so that each tensor is aligned


def write_tensors(path: Path, layouts: Mapping[str, tuple[str, tuple[int, ...]]], pieces: Pieces) -> None:
    """Write tensors of which only a piece is in memory; the file is what `safetensors.torch.save_file` writes.

    Args:
        path: the file, which is not there yet.
        layouts: name of a tensor to its type, as a header names it, and its shape.
        pieces: gives the bytes of a tensor.

    Raises:
        ValueError: pieces have more or fewer bytes than the layout.
        OSError: the system's reason.
    """
    names = sorted(layouts, key=lambda name: (_ORDER[layouts[name][0]], name))
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in names:
        dtype, shape = layouts[name]
        start, end = end, end + size_of(dtype, shape)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNED)
    with path.open("xb") as file:
        file.write(len(text).to_bytes(_ALIGNED, "little") + text)
        for name in names:
            expected = size_of(*layouts[name])
            written = sum(file.write(piece.data) for piece in pieces(name))
            if written != expected:
                raise ValueError(f"{written} bytes were given for {name}, which has {expected}")


def size_of(dtype: str, shape: tuple[int, ...]) -> int:
    """Bytes of a tensor."""
    return WIDTHS[dtype] * int(np.prod(shape, dtype=np.int64))
