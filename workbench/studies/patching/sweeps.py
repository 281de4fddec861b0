"""The study of patching: between which layers, at which position and in which head an answer travels."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import xarray as xr

from workbench import figures
from workbench.errors import BadPairs
from workbench.model.model import Model
from workbench.patching import cross_layer, sweep
from workbench.studies.findings import patches as findings
from workbench.studies.options import Options, common_key
from workbench.studies.report import Section, recipe, write_report
from workbench.studies.runs import Run, locks_folder, open_run
from workbench.studies.sections import section
from workbench.text.pairs import Pairs, load_pairs
from workbench.text.words import load_words, translation_pairs

_WORDS = "words:"
_ZERO_ONE = "0 is the target run as it was, 1 the source run: how much of the answer the patch carries over."


@locks_folder
def run_patch(
    model: Any, pairs: Any, *, out: str | Path, limit: int | None = None, options: Options | None = None
) -> Path:
    """Patch activations of one prompt into another over layers, positions and heads, and write a report.

    Args:
        model: what `load_model` takes, or a Model.
        pairs: what `load_pairs` takes, or "words:de-fr" for translation pairs made of the shipped words.
        out: the run folder; cells that are there already with the same key are not computed again.
        limit: most pairs.
        options: how to compute.

    Returns:
        The run folder, with `cross_layer.nc`, `positions.nc`, `heads.nc`, `report.html`.

    Raises:
        CannotWrite: the folder cannot be written; before anything is computed.
        BadPairs: the pairs cannot be read.
        Interrupted: Ctrl-C; the line says what is finished and where.
    """
    options = options or Options()
    run = open_run(out)
    loaded, wanted = open_pairs(model, pairs, limit, options)
    sections = study_patches(run, loaded, wanted, options)
    write_report(
        run.folder,
        title=f"Patching {loaded.name} on {wanted.name}",
        question="Between which layers, at which position and in which head does the answer travel?",
        sections=sections,
        main=("cross_layer", "positions", "heads"),
        recipe=recipe(
            run_patch, "patch sweep", model, pairs, out=out, options=options, only_python=["truncate"], limit=limit
        ),
    )
    return run.folder


def open_pairs(model: Any, pairs: Any, limit: int | None, options: Options) -> tuple[Model, Pairs]:
    """Load the model and the pairs; pairs that cannot be read are refused before the model is loaded."""
    wanted = find_pairs(pairs, limit, options.seed, chat=options.chat)
    loaded = options.load(model)
    if isinstance(pairs, str) and pairs.startswith(_WORDS):  # now with its tokens, so that prompts have one length
        wanted = find_pairs(pairs, limit, options.seed, loaded.tokenizer, chat=options.chat)
    return loaded, wanted


def find_pairs(source: Any, limit: int | None, seed: int, tokenizer: Any = None, *, chat: bool = False) -> Pairs:
    """Pairs of a file, or translation pairs of the shipped words for "words:de-fr"."""
    if not (isinstance(source, str) and source.startswith(_WORDS)):
        pairs = load_pairs(source, chat=chat)
        return pairs if limit is None else replace(pairs, items=pairs.items[:limit])
    given, dash, asked = source.removeprefix(_WORDS).partition("-")
    if not (given and dash and asked):
        raise BadPairs(f"{source!r} does not name two languages; write for example words:de-fr")
    how = {"seed": seed, "limit": limit, "tokenizer": tokenizer, "chat": chat}
    return translation_pairs(load_words(), source=given, target=asked, **how)


def study_patches(run: Run, model: Model, pairs: Pairs, options: Options) -> list[Section]:
    """Compute the cells of this study into a run, and write their sections."""
    key = {**common_key(model, options), "pairs": pairs.hash}
    grid = run.cell("cross_layer", {**key, "method": "cross_layer"}, lambda: cross_layer(model, pairs, **options.sweep))
    places = run.cell(
        "positions", {**key, "method": "sweep residual"}, lambda: sweep(model, pairs, site="residual", **options.sweep)
    )
    carriers = run.cell(
        "heads", {**key, "method": "sweep head"}, lambda: sweep(model, pairs, site="head", **options.sweep)
    )
    return [
        section(
            "cross_layer",
            grid,
            figures.matrix(grid, "effect"),
            reading="The state of the last token in front of a layer of the source run is put in front of a layer of "
            f"the target run. {_ZERO_ONE} On the diagonal both layers are the same.",
            finding=findings.cross_layer(grid),
        ),
        section(
            "positions",
            places,
            figures.heatmap(_reached(_numbered(places)), "effect"),
            reading="The state in front of a layer at one position comes from the source run; positions count from the "
            "end of the prompt when they are negative, and those before the first at which the two prompts of a pair "
            f"can differ are left out. {_ZERO_ONE}",
            finding=findings.positions(places),
        ),
        section(
            "heads",
            carriers,
            figures.heatmap(carriers, "effect"),
            reading=f"One head's output, at all positions, comes from the source run. {_ZERO_ONE}",
            finding=findings.heads(carriers),
        ),
    ]


def _numbered(places: xr.Dataset) -> xr.Dataset:
    """Positions by number where the pairs do not agree on the tokens there."""
    return places.drop_vars("token") if "token" in places.coords and not all(places.token.values) else places


def _reached(places: xr.Dataset) -> xr.Dataset:
    """The positions from the first on at which some pair's prompts differ; before it, both runs are the same."""
    same = (places.pair_effect.fillna(0) == 0).all(("pair", "layer"))
    first = int((~same).values.argmax())
    return places.isel(position=slice(first, None))
