"""The folder that a model's name stands for."""

from pathlib import Path

from huggingface_hub import snapshot_download

from workbench import packaged, shipped
from workbench.errors import UnknownModel, first_line
from workbench.model.loading.folder import read_json
from workbench.model.loading.unpack import unpacked

MERGE = "merge.json"
"""The file of a merged model's folder that says where each tensor comes from."""

_FILES = ("*.safetensors", "*.json", "tokenizer*", "merges.txt", "*.jinja")


def local_folder(name: str) -> Path | None:
    """The local folder that a name stands for: a shipped model, or a path; None for a hub name."""
    if name in shipped.models():
        return shipped.folder(name)
    if folder := unpacked(name):
        return folder
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if path.exists() or name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise UnknownModel(
            f"{name!r} is not a GGUF file, and not a folder; a model folder holds config.json, safetensors and a "
            "tokenizer"
        )
    return None


def find_folder(name: str) -> Path:
    """The folder that a name stands for, with all files; one on the hub is fetched, or taken from the cache offline.

    Raises:
        UnknownModel: there is no such folder, and the hub did not give it.
    """
    if folder := local_folder(name):
        return folder
    try:
        return Path(snapshot_download(name, allow_patterns=list(_FILES)))
    except Exception as error:  # the hub's client raises whatever the network does
        raise unknown(name, error) from error


def unknown(name: str, error: Exception) -> UnknownModel:
    """The error for a name that stands for nothing, with the reason that the hub's client gave."""
    return UnknownModel(
        f"{name!r} is not a shipped model (has: {', '.join(shipped.models())}), not a packaged one (has: "
        f"{packaged.described()}), not a folder, and the hub did not give it: {first_line(error)}"
    )


def merged(folder: Path) -> str | None:
    """What a folder was merged from, as a merge recorded it; None for any other folder."""
    if not (folder / MERGE).is_file():
        return None
    return str(read_json(folder / MERGE, str(folder)).get("summary", "merged"))
