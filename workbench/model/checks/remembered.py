"""A cache on disk of what is known about a model: hashes of its files, and the outcome of its checks.

It only saves time: where it cannot be read or written, everything is computed again.
"""

import hashlib
import importlib.metadata
import json
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import torch

from workbench.cache import cache_folder
from workbench.model.model import Model

_OUTCOME = ("abilities", "lost", "parity", "n_neurons", "plain_head")  # fields of Model that a check fills in
_LIBRARIES = ("torch", "transformers", "transformer-lens", "accelerate", "peft", "bitsandbytes")


def file_hash(path: Path) -> str:
    """SHA-256 of every byte of a file; computed again where its inode, size or time of change is another."""
    state = path.stat()
    seen = (str(path.resolve()), state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    place = cache_folder() / "hashes" / _hash(repr(seen).encode())
    stored = _read(place)
    if isinstance(stored, str) and len(stored) == 64:
        return stored
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    _write(place, digest)
    return digest


def outcome_key(module: Any, digest: str) -> str:
    """A key of all that the outcome of the checks depends on.

    Weights, configuration, type, device, the versions of the libraries and the workbench's own code.
    """
    config = {name: value for name, value in module.config.to_dict().items() if name != "_name_or_path"}
    first = next(module.parameters())
    device = torch.cuda.get_device_name(first.device) if first.is_cuda else first.device.type
    parts = [type(module).__qualname__, digest, json.dumps(config, sort_keys=True, default=str)]
    parts += [str(first.dtype), device, repr(_versions()), _code()]
    return _hash("\n".join(parts).encode())


def recall(key: str) -> dict[str, Any] | None:
    """The fields of Model that an earlier check filled in, or None."""
    stored = _read(cache_folder() / "checks" / key)
    return stored if isinstance(stored, dict) and set(stored) == set(_OUTCOME) else None


def remember(key: str, model: Model) -> None:
    """Store the outcome of a check."""
    _write(cache_folder() / "checks" / key, {name: getattr(model, name) for name in _OUTCOME})


@cache
def _versions() -> dict[str, str]:
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = ""
    return versions


@cache
def _code() -> str:
    """Hash of the sources that run and check models."""
    model = Path(__file__).parents[1]
    files = sorted([*model.rglob("*.py"), model.parent / "text" / "batches.py"])
    return _hash(b"\n".join(file.read_bytes() for file in files))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read(place: Path) -> Any:
    try:
        return json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write(place: Path, content: Any) -> None:
    partial = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(content), encoding="utf-8")
        partial.replace(place)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
