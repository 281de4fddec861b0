"""A checkpoint: the weights of a model folder or of an adapter, read tensor by tensor and piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers import AutoConfig

from workbench.errors import BrokenModel, first_line
from workbench.merging.groups import HEADS, group_of
from workbench.model.loading.adapter import CONFIG as ADAPTER_CONFIG
from workbench.model.loading.find import find_folder
from workbench.model.loading.folder import check_folder, deciding_files, folder_hash, read_json
from workbench.model.loading.read import quiet
from workbench.model.loading.weight_files import check_links, check_weight_files

PIECE = 2**20
"""Weights in memory at once, of each checkpoint that a merge reads."""

DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
"""Name in a safetensors header of the types that can be merged."""

_ADAPTER = "adapter_model.safetensors"
WIDTHS = {
    **{"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2},
    **{"I32": 4, "U32": 4, "F32": 4, "F64": 8, "I64": 8, "U64": 8},
}
"""Bytes that a number of each type takes, in the order that safetensors gives the types."""


@dataclass(frozen=True)
class Stored:
    """A tensor in a file: its type as the header names it, its shape, and the byte at which it starts."""

    file: Path
    dtype: str
    shape: tuple[int, ...]
    start: int

    @property
    def count(self) -> int:
        """How many weights it has."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The weights of a folder in hub format, or of a PEFT adapter; nothing of them is in memory.

    Attributes:
        name: as it was given.
        folder: with the files.
        config: of the model, or of the adapter.
        stored: name of a tensor to its place; a head that repeats the embedding to which it is tied is not listed.
        is_adapter: whether it is an adapter, whose tensors are factors.
    """

    name: str
    folder: Path
    config: Mapping[str, Any]
    stored: Mapping[str, Stored]
    is_adapter: bool = False

    @classmethod
    def open(cls, name: str | Path) -> Checkpoint:
        """Read the headers of a model or adapter.

        Args:
            name: what `load_model` takes by name: a shipped model, a folder, or a name on the hub.

        Raises:
            UnknownModel: there is none of this name.
            BrokenModel: a file is missing, cut short or pickled, or the weights are quantised.
        """
        label = str(name)
        folder = find_folder(label)
        check_links(folder, label)
        if (folder / ADAPTER_CONFIG).is_file():
            if (folder / "config.json").is_file():
                raise BrokenModel(f"{label!r} holds a model and an adapter, which would both be loaded; put them apart")
            files = [folder / _ADAPTER]
            if not files[0].is_file():
                raise BrokenModel(f"{label!r} has an {ADAPTER_CONFIG} and no {_ADAPTER}; only safetensors are merged")
            return cls(label, folder, read_json(folder / ADAPTER_CONFIG, label), _read_headers(files, label), True)
        check_folder(folder, label, None, False)
        config = read_json(folder / "config.json", label)
        if config.get("quantization_config"):
            raise BrokenModel(f"{label!r} is quantised: its stored numbers are codes, not weights; merge the original")
        stored = _read_headers(check_weight_files(folder, label, allow_pickle=False), label)
        made = cls(label, folder, config, stored)
        heads = [head for head in HEADS if head in stored and made._is_repeated(head)]
        return replace(made, stored={key: value for key, value in stored.items() if key not in heads})

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """The config of a model with the defaults of its type, which an older config lacks and a saved one has."""
        try:
            with quiet():
                return AutoConfig.for_model(**deepcopy(dict(self.config))).to_dict()
        except Exception:  # a type that is not known here, or values that its class refuses in any way
            return self.config

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of its tensors, sorted."""
        return tuple(sorted(self.stored))

    @cached_property
    def layers(self) -> int:
        """How many layers it has; of an adapter, up to the last that it changes."""
        return 1 + max((layer for layer, _ in map(self.group, self.names) if layer is not None), default=-1)

    @cached_property
    def tied(self) -> bool:
        """Whether embedding and head are one tensor, which may be stored by the name of either."""
        heads = [name for name in HEADS if name in self.stored]
        return not heads or all(self._ties and not self._like(head) for head in heads)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over its files, that of a loaded model for a model folder."""
        return folder_hash(self.folder)

    @property
    def files(self) -> list[Path]:
        """Its config, its tokenizer and all else that decides what it computes, without the weights."""
        weights = {stored.file for stored in self.stored.values()}
        return [file for file in deciding_files(self.folder) if file not in weights]

    @property
    def _ties(self) -> bool:
        """Whether the config says that embedding and head are one tensor."""
        return bool(setting(self.settings, "tie_word_embeddings"))

    def _like(self, head: str) -> list[str]:
        """Tensors that may be the embedding: of the shape and type of a head."""
        form = self.stored[head].shape, self.stored[head].dtype
        return [key for key, own in self.stored.items() if key not in HEADS and (own.shape, own.dtype) == form]

    def _is_repeated(self, head: str) -> bool:
        """Whether a stored head is the embedding again: loading ties equal ones alone, whatever the config says."""
        return self._ties and any(
            all(bool((self.raw(head, *piece) == self.raw(name, *piece)).all()) for piece in self.pieces(head))
            for name in self._like(head)
        )

    def group(self, name: str) -> tuple[int | None, str]:
        """Layer and group of a tensor: q, k, v, o, gate, up, down, norm, ends ...; layer None outside the layers."""
        return group_of(name)

    def tensor(self, name: str) -> Tensor:
        """A tensor as it is stored.

        Raises:
            BrokenModel: it is of a type that is not merged, or NaN or infinite somewhere.
        """
        stored = self.stored[name]
        return self.piece(name, 0, stored.count).reshape(stored.shape)

    def piece(self, name: str, start: int, stop: int) -> Tensor:
        """The weights from start to stop of a tensor in memory order, as they are stored.

        Raises:
            BrokenModel: as `tensor`.
        """
        dtype = DTYPES.get(self.stored[name].dtype)
        if dtype is None:
            raise BrokenModel(f"{self.name!r} stores {name} as {self.stored[name].dtype}; only {_floats()} are merged")
        read = torch.from_numpy(self.raw(name, start, stop)).view(dtype)
        if not bool(torch.isfinite(read.sum(dtype=torch.float64))):  # a sum keeps NaN and infinity, and takes no memory
            raise BrokenModel(f"{self.name!r} has weights in {name} that are NaN or infinite")
        return read

    def raw(self, name: str, start: int, stop: int) -> np.ndarray:
        """The bytes of a piece, uint8."""
        stored = self.stored[name]
        width = WIDTHS[stored.dtype]
        count = (stop - start) * width
        with stored.file.open("rb") as file:  # not mapped into memory: mapped pages would count as used
            file.seek(stored.start + start * width)
            read = np.fromfile(file, dtype=np.uint8, count=count)
        if len(read) != count:
            raise BrokenModel(f"{self.name!r} has a {stored.file.name} that ends inside {name}")
        return read

    def pieces(self, name: str) -> Iterator[tuple[int, int]]:
        """Start and stop of every piece of a tensor, in order."""
        count = self.stored[name].count
        return ((start, min(start + PIECE, count)) for start in range(0, count, PIECE))


def setting(config: Mapping[str, Any], name: str) -> Any:
    """A field of a config, or of its text part; None where both lack it."""
    text = config.get("text_config")
    return config.get(name, text.get(name) if isinstance(text, dict) else None)


def _floats() -> str:
    return ", ".join(str(dtype).removeprefix("torch.") for dtype in DTYPES.values())


def _read_headers(files: list[Path], name: str) -> dict[str, Stored]:
    """Places of the tensors of some files.

    Raises:
        BrokenModel: a header that is no safetensors, or a tensor twice.
    """
    stored: dict[str, Stored] = {}
    for path in files:
        try:
            with safe_open(path, "pt"):  # checks offsets, shapes and the length of the file
                pass
            with path.open("rb") as file:
                length = int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(length))
        except (SafetensorError, OSError, ValueError) as error:
            raise BrokenModel(f"{name!r} has a {path.name} that cannot be read: {first_line(error)}") from error
        header.pop("__metadata__", None)
        for key, entry in header.items():
            if key in stored:
                raise BrokenModel(f"{name!r} has {key} in {stored[key].file.name} and in {path.name}")
            if entry["dtype"] not in WIDTHS:
                raise BrokenModel(f"{name!r} stores {key} as {entry['dtype']}; only {_floats()} are merged")
            start = 8 + length + entry["data_offsets"][0]
            stored[key] = Stored(path, entry["dtype"], tuple(entry["shape"]), start)
    if not stored:
        raise BrokenModel(f"{name!r} has weight files without a tensor")
    return stored
