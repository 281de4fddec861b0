"""What `workbench merge` prints of a model that it wrote: how it was made, and its folder."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from workbench.terminal import seen, single_line


def show_merged(folder: Path, quiet: bool) -> None:
    """Print how a merged model was made, as its `merge.json` records it, and its folder."""
    if not quiet:
        from workbench.model.loading.find import MERGE
        from workbench.model.loading.folder import read_json

        record = read_json(folder / MERGE, str(folder))
        models = ", ".join(f"{role} {model['name']}" for role, model in record["models"].items())
        typer.echo(single_line(f"{_made(record['parameters'])} ({models})"))
    typer.echo(seen(folder))


def _made(parameters: dict[str, Any]) -> str:
    """Such as: layers 0 to 1 language, 2 mean; ends language."""
    own = {name: value for name, value in parameters.items() if value is not None}
    if "layers" in own:
        return f"layers {_runs(own['layers'])}; ends {own['ends']}"
    if "groups" in own:
        groups = [":".join(map(str, group)) if isinstance(group, list) else str(group) for group in own["groups"]]
        return f"put back {', '.join(groups)}"
    own["weights"] = " and ".join(f"{weight:g}" for weight in own["weights"])
    return ", ".join([own.pop("how"), *(f"{name} {value}" for name, value in own.items())])


def _runs(places: Sequence[str]) -> str:
    """Places of layers, of which neighbours of one place are joined."""
    parts = []
    for place, layers in itertools.groupby(range(len(places)), key=places.__getitem__):
        first, *rest = layers
        parts.append(f"{first} to {rest[-1]} {place}" if rest else f"{first} {place}")
    return ", ".join(parts)
