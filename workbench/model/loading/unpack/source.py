"""Which GGUF file a name stands for: of an installed package, a file, or the only one in a folder."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from workbench import packaged
from workbench.errors import BrokenModel, UnknownModel
from workbench.model.loading.unpack.header import MAGIC
from workbench.packaged import Packaged

_BLOCK = 2**20  # bytes that are read at a time


@dataclass(frozen=True)
class Source:
    """A GGUF file, maybe in parts.

    Attributes:
        name: how it was named, for messages.
        stem: what its folder in the cache is called.
        parts: files, in the order in which they are joined.
        sha256: of the whole, in hexadecimal.
        packaged: the package it comes in, if any.
    """

    name: str
    stem: str
    parts: tuple[Path, ...]
    sha256: str
    packaged: Packaged | None = None

    @property
    def key(self) -> str:
        """Name of its folder in the cache."""
        return f"{self.stem}-{self.sha256[:16]}"

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return sum(part.stat().st_size for part in self.parts)


def find_source(name: str) -> Source | None:
    """The GGUF file that a name stands for; None where it stands for something else.

    Raises:
        UnknownModel: the package of this model is not installed.
        BrokenModel: the folder holds several GGUF files, or the file cannot be read.
    """
    if name in packaged.MODELS:
        model = packaged.MODELS[name]
        parts = model.files()
        if not parts:
            raise UnknownModel(
                f"{name!r} comes in the package {model.distribution}, which is not installed, or not whole; "
                f"{model.install} brings it"
            )
        return Source(name, name, tuple(parts), model.sha256, model)
    path = Path(name).expanduser()
    if path.is_dir():
        files = sorted(path.glob("*.gguf"))
        if not files or any(path.glob("*.safetensors")):
            return None
        if len(files) > 1:
            raise BrokenModel(f"{name!r} holds several GGUF files; name one: {', '.join(file.name for file in files)}")
        path = files[0]
    elif not path.is_file() or not _is_gguf(path):
        return None
    try:
        return Source(name, path.stem, (path,), digest((path,)))
    except OSError as error:
        raise BrokenModel(f"{name!r} cannot be read: {error.strerror}") from error


def digest(parts: tuple[Path, ...], copy: Path | None = None) -> str:
    """SHA-256 of the parts as one file; with `copy`, that file is written too."""
    sha256 = hashlib.sha256()
    target = copy.open("wb") if copy else None
    try:
        for part in parts:
            with part.open("rb") as stream:
                while block := stream.read(_BLOCK):
                    sha256.update(block)
                    if target:
                        target.write(block)
    finally:
        if target:
            target.close()
    return sha256.hexdigest()


def _is_gguf(path: Path) -> bool:
    """By its ending or by how it begins."""
    if path.suffix.lower() == ".gguf":
        return True
    try:
        with path.open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except OSError:
        return False
