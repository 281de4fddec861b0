"""Files of weights and their configurations, read with every tensor accounted for."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from workbench.errors import BadTranscoder, first_line


class TensorFile:
    """The tensors of a safetensors or npz file; pickled arrays are refused.

    Attributes:
        dtype: the type that its first tensor of floats is stored in.

    Raises:
        BadTranscoder: the file is missing, cut, or holds something else.
    """

    def __init__(self, path: Path):
        self.path = path
        read = _arrays if path.suffix == ".npz" else load_file
        try:
            self._values: dict[str, Tensor] = read(path)
        except FileNotFoundError:
            raise BadTranscoder(f"{path.name} is missing in {path.parent}") from None
        except (SafetensorError, OSError, ValueError, TypeError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise BadTranscoder(f"{path} cannot be read: {first_line(error)}") from error
        floats = [value.dtype for value in self._values.values() if value.is_floating_point()]
        self.dtype = str(floats[0] if floats else None).removeprefix("torch.")

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def take(self, name: str, *shape: int | None, dtype: torch.dtype = torch.float32) -> Tensor:
        """A tensor, as float32 unless another type is given; None in the shape is any length.

        Raises:
            BadTranscoder: it is missing, has another shape, or numbers that are NaN or infinite.
        """
        if name not in self._values:
            raise BadTranscoder(f"{self.path} has no tensor {name!r} (has: {', '.join(self._values) or 'none'})")
        value = self._values.pop(name)
        given = list(value.shape)
        if len(given) != len(shape) or any(n is not None and n != own for n, own in zip(shape, given, strict=True)):
            expected = ", ".join("any" if n is None else str(n) for n in shape)
            raise BadTranscoder(f"{name} in {self.path} has shape {given}, expected [{expected}]")
        if not bool(value.isfinite().all()):
            raise BadTranscoder(f"{name} in {self.path} has numbers that are NaN or infinite")
        return value.to(dtype)

    def take_if_there(self, name: str, *shape: int | None) -> Tensor | None:
        """The tensor, or None where the file has none of this name."""
        return self.take(name, *shape) if name in self else None

    def drop(self, *names: str) -> None:
        """Leave out tensors that no number depends on."""
        for name in names:
            self._values.pop(name, None)

    def finish(self) -> None:
        """Refuse tensors that nobody took: without them the numbers would be others.

        Raises:
            BadTranscoder: names them.
        """
        if self._values:
            raise BadTranscoder(f"{self.path} has tensors that its layout does not have: {', '.join(self._values)}")


def read_config(path: Path) -> dict[str, Any]:
    """A configuration in JSON or YAML.

    Raises:
        BadTranscoder: it is missing, cut, or no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
        config = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except FileNotFoundError:
        raise BadTranscoder(f"{path.name} is missing in {path.parent}") from None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise BadTranscoder(f"{path} cannot be read: {first_line(error)}") from error
    if not isinstance(config, dict):
        raise BadTranscoder(f"{path} is no mapping of names to values")
    return config


def _arrays(path: Path) -> dict[str, Tensor]:
    with np.load(path, allow_pickle=False) as file:
        if not hasattr(file, "files"):
            raise ValueError("it is a single array, expected an archive")
        return {name: torch.from_numpy(file[name]) for name in file.files}
