"""Which weight files of a folder would be loaded, and that they lie in it, so that they are the hashed ones."""

from pathlib import Path
from typing import Any

from workbench.errors import BrokenModel
from workbench.model.loading.folder import deciding_files, read_json

_SAFE, _PICKLED = "model.safetensors", "pytorch_model.bin"
_INDEX = ".index.json"
_NAMED = "transformers_weights"  # field of a config.json that takes the place of the usual names


def check_links(path: Path, name: str) -> None:
    """Refuse links out of a model folder; a snapshot of the hub's cache may link to the blobs beside it.

    Raises:
        BrokenModel: names the link.
    """
    here = path.resolve()
    allowed = [here, *([here.parents[1] / "blobs"] if here.parent.name == "snapshots" else [])]
    for file in deciding_files(path):
        if not any(file.resolve().is_relative_to(folder) for folder in allowed):
            raise BrokenModel(f"{name!r} has a {file.name} that is a link out of the folder; put the file itself there")


def check_weight_files(path: Path, name: str, *, allow_pickle: bool) -> list[Path]:
    """Refuse weights that transformers would read from elsewhere, or from files of a kind that is not allowed.

    Args:
        path: the folder.
        name: for messages.
        allow_pickle: weights may be pickled.

    Returns:
        The files that are read; none where that is not known.

    Raises:
        BrokenModel: an index or the config names a file in another folder, of another kind, or one that is not there.
    """
    named = read_json(path / "config.json", name).get(_NAMED)
    endings = (".safetensors", ".bin") if allow_pickle else (".safetensors",)
    if named is not None:
        _check_name(named, name, (*endings, *(f"{ending}{_INDEX}" for ending in endings)), f"{_NAMED} in config.json")
    usual = [kind + index for kind in (_SAFE, _PICKLED) for index in ("", _INDEX) if kind.endswith(endings)]
    first = next((file for file in ([named] if named else usual) if (path / file).is_file()), None)
    if first is None:
        if named or not allow_pickle:
            raise BrokenModel(f"{name!r} has none of the files {', '.join([named] if named else usual)}")
        return []  # reading the weights reports it
    files = _indexed(path / first, name) if first.endswith(_INDEX) else [first]
    for file in files if first.endswith(_INDEX) else ():
        _check_name(file, name, endings, first)
        if not (path / file).is_file():
            raise BrokenModel(f"{name!r} has no file {file!r}, which its {first} names")
    return [path / file for file in files]


def _indexed(path: Path, name: str) -> list[Any]:
    """The files that an index names."""
    places = read_json(path, name).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise BrokenModel(f"{name!r} has a {path.name} without a weight_map from weights to files")
    return list({repr(file): file for file in places.values()}.values())


def _check_name(file: Any, name: str, endings: tuple[str, ...], where: str) -> None:
    if not isinstance(file, str) or not file.endswith(endings) or any(sign in file for sign in "/\\\0"):
        raise BrokenModel(
            f"{name!r}: {where} names {str(file)[:80]!r}; it may name files beside it, with {' or '.join(endings)}"
        )
