"""Location of the files shipped with the workbench: models, sentences, word list."""

from pathlib import Path

__all__ = ["ALIASES", "DATA", "folder", "models", "transcoders"]
_HERE = Path(__file__).resolve().parent
DATA = _HERE / "_data" if (_HERE / "_data").is_dir() else _HERE.parent / "data"
ALIASES = {"polyglot-base": "polyglot"}
"""Aliases: `polyglot-base` is the model that `polyglot-aligned` was tuned from, stored once."""


def models() -> list[str]:
    """Names of the shipped models: the folders of `data/` that contain a `config.json`, and their aliases."""
    folders = {path.parent.name for path in DATA.glob("*/config.json")}
    return sorted(folders | {name for name, model in ALIASES.items() if model in folders})


def transcoders() -> list[str]:
    """Names of the shipped transcoders: the folders of `data/` that contain a `config.yaml`."""
    return sorted(path.parent.name for path in DATA.glob("*/config.yaml"))


def folder(name: str) -> Path:
    """The folder of a shipped model or transcoder, by its name or alias."""
    return DATA / ALIASES.get(name, name)


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
