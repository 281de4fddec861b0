"""Write the folder of a merged model or adapter, whole or not at all."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from workbench.merging.checkpoint import DTYPES, Checkpoint
from workbench.merging.writing.tensors import Pieces, size_of, write_tensors
from workbench.model.loading.find import MERGE
from workbench.results.writing.whole_folder import whole_folder

_INDEX = "model.safetensors.index.json"
Layouts = Mapping[str, tuple[str, tuple[int, ...]]]


def write_model(
    out: str | Path, like: Checkpoint, layouts: Layouts, pieces: Pieces, record: Mapping[str, Any], *, progress: bool
) -> Path:
    """Write a model in as many files as another one has, with that one's config and tokenizer.

    Args:
        out: the folder, which is not there yet, or is empty.
        like: the model whose files are copied.
        layouts: name of a tensor to its type and shape.
        pieces: gives the bytes of a tensor.
        record: where each tensor comes from, stored as `merge.json`.
        progress: show a progress bar over tensors.

    Raises:
        CannotWrite: the folder has files, or is read-only, or the disk is full; nothing was written.
    """
    by_file: dict[str, dict[str, tuple[str, tuple[int, ...]]]] = {}
    for name, layout in layouts.items():
        by_file.setdefault(like.stored[name].file.name, {})[name] = layout
    sizes = {name: size_of(*layout) for name, layout in layouts.items()}
    with whole_folder(out, sum(sizes.values())) as folder, tqdm(total=len(layouts), disable=not progress) as bar:

        def counted(name: str) -> Iterator[Any]:
            yield from pieces(name)
            bar.update()

        for file, part in by_file.items():
            write_tensors(folder / file, part, counted)
        for path in like.files:
            if path.name != "config.json" and not path.name.endswith(".index.json"):
                shutil.copyfile(path, folder / path.name)
        if len(by_file) > 1 or (like.folder / _INDEX).is_file():
            places = {name: like.stored[name].file.name for name in sorted(layouts)}
            _write_json(folder / _INDEX, {"metadata": {"total_size": sum(sizes.values())}, "weight_map": places})
        _write_json(folder / "config.json", _config(like, {dtype for dtype, _ in layouts.values()}))
        _write_json(folder / MERGE, record)
    return Path(out)


def _config(like: Checkpoint, dtypes: set[str]) -> dict[str, Any]:
    """The model's config, with the type of the weights that were written."""
    config = dict(like.config)
    floats = {str(DTYPES[dtype]).removeprefix("torch.") for dtype in dtypes if dtype in DTYPES}
    for field in ("dtype", "torch_dtype"):
        if field in config and len(floats) == 1:
            config[field] = floats.copy().pop()
    return config


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
