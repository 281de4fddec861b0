"""Where the files that travel with the workbench lie: the models, the sentences, the words."""

from pathlib import Path

__all__ = ["ALIASES", "DATA", "folder", "models"]
_HERE = Path(__file__).resolve().parent
DATA = _HERE / "_data" if (_HERE / "_data").is_dir() else _HERE.parent / "data"
ALIASES = {"polyglot-base": "polyglot"}
"""Second names: `polyglot-base` is what `polyglot-aligned` was tuned from, and stored once."""


def models() -> list[str]:
    """Names of the shipped models: the folders of `data/` that hold a `config.json`, and their second names."""
    found = {path.parent.name for path in DATA.glob("*/config.json")}
    return sorted(found | {name for name, model in ALIASES.items() if model in found})


def folder(name: str) -> Path:
    """The folder of a shipped model, by its first or second name."""
    return DATA / ALIASES.get(name, name)


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
