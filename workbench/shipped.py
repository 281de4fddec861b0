"""Where the files that travel with the workbench lie: the models, the sentences, the words."""

from pathlib import Path

_HERE = Path(__file__).resolve().parent
DATA = _HERE / "_data" if (_HERE / "_data").is_dir() else _HERE.parent / "data"


def models() -> list[str]:
    """Names of the shipped models: the folders of `data/` that hold a `config.json`."""
    return sorted(path.parent.name for path in DATA.glob("*/config.json"))
