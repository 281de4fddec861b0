"""The entries of an atlas by model: those that come with the workbench, and those of a folder of one's own."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import xarray as xr

from workbench.arguments import checked, shown
from workbench.atlas.entry import RECORD, Entry, ReadWhenUsed, read_entry
from workbench.errors import BadArgument
from workbench.shipped import ALIASES, DATA

SHIPPED = DATA / "atlas"


@checked
def models(folder: str | Path | None = None) -> list[str]:
    """List the models of the atlas.

    Args:
        folder: an atlas of one's own, as `add` makes it; its entries come before the shipped ones.

    Returns:
        The names, in order; no result and no weights are read.

    Raises:
        BadArgument: no such folder.

    Example:
        >>> wb.atlas.models()                                                                    # doctest: +SKIP
        ['gemma-3-270m', 'polyglot', 'polyglot-aligned', 'smollm2-135m-instruct']
    """
    return sorted(_folders(folder))


@checked
def entry(model: str, *, folder: str | Path | None = None) -> Entry:
    """The entry of a model: what the atlas holds of it, and how that was made.

    Args:
        model: its name in the atlas.
        folder: an atlas of one's own; the shipped one where it lacks the model.

    Raises:
        BadArgument: no such entry; names those that are there.
        BadResult: it is of another format, or damaged.

    Example:
        >>> wb.atlas.entry("gemma-3-270m").results                                               # doctest: +SKIP
    """
    there = _folders(folder)
    name = ALIASES.get(model, model)
    if name not in there:
        raise BadArgument(f"model={shown(model)}; the atlas has: {', '.join(sorted(there)) or 'nothing'}")
    return read_entry(there[name])


@checked
def load(model: str, result: str, *, folder: str | Path | None = None) -> xr.Dataset:
    """Load a result of a model from the atlas; every figure takes it. No weights are needed.

    Args:
        model: its name in the atlas.
        result: `analysis/cell` such as heads/ablation, or the cell alone where one analysis alone has it.
        folder: an atlas of one's own; the shipped one where it lacks the model.

    Returns:
        The Result, with its provenance; numbers are stored as float32, and the entry's record states the error.

    Raises:
        BadArgument: no such model or result; names those that are there.
        BadResult: the entry is of another format, or a file is damaged.

    Example:
        >>> effect = wb.atlas.load("gemma-3-270m", "ablation")                                   # doctest: +SKIP
        >>> wb.figures.heatmap(effect, "delta").show()                                           # doctest: +SKIP
    """
    return entry(model, folder=folder).load(result)


@checked
def results(
    models: str | Sequence[str] | None = None, *, folder: str | Path | None = None
) -> dict[str, Mapping[str, xr.Dataset]]:
    """All results of some models: what `claims`, `sentences` and `depth_curves` compare.

    Args:
        models: names in the atlas, in the order in which they are compared; all when None.
        folder: an atlas of one's own; the shipped one where it lacks a model.

    Returns:
        Model to the name of a result to the Result, which is read when it is first used. Results of another study may
        be added under another name.

    Raises:
        BadArgument: no such entry.
        BadResult: an entry is of another format; when a result is used: its file is missing or damaged.

    Example:
        >>> wb.atlas.claims(wb.atlas.results())                                                  # doctest: +SKIP
    """
    return {each.model: ReadWhenUsed(each) for each in chosen(models, folder)}


def chosen(names: str | Sequence[str] | None, folder: str | Path | None) -> list[Entry]:
    """The entries of some models, or of all.

    Args:
        names: of the models, in order; all when None.
        folder: an atlas of one's own.

    Raises:
        BadArgument: no such entry, no model at all, or one named twice.
        BadResult: an entry is of another format, or damaged.
    """
    wanted = sorted(_folders(folder)) if names is None else [names] if isinstance(names, str) else list(names)
    if not wanted or len(set(wanted)) < len(wanted):
        raise BadArgument(f"models={shown(names)}; name one or more models of the atlas, each once")
    return [entry(name, folder=folder) for name in wanted]


def _folders(folder: str | Path | None) -> dict[str, Path]:
    """Model to the folder of its entry.

    Raises:
        BadArgument: no such folder.
    """
    own = None if folder is None else Path(folder).expanduser()
    if own is not None and not own.is_dir():
        raise BadArgument(f"folder={shown(str(folder))} is no folder; `workbench atlas add` makes an atlas")
    places = [SHIPPED] if own is None else [SHIPPED, own]
    return {path.parent.name: path.parent for place in places for path in sorted(place.glob(f"*/{RECORD}"))}
