"""The study of patching: between which layers, at which position and in which head an answer travels."""

from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import xarray as xr

from workbench import figures
from workbench.arguments import whole_number
from workbench.errors import BadPairs
from workbench.model.model import Model
from workbench.patching import cross_layer, sweep
from workbench.studies.analysis import OF_TEXTS, Analysis, Cell, Results, analysis
from workbench.studies.findings import patches as findings
from workbench.studies.forecast import Work
from workbench.studies.options import DEFAULTS, Options, common_key, open_model
from workbench.studies.patching.pairs import pairs_section, write_pairs
from workbench.studies.report import Section
from workbench.studies.sections import drawing, section
from workbench.text.pairs import Pairs, load_pairs
from workbench.text.words import load_words, translation_pairs

_WORDS = "words:"
_SCALE = "Normalized patching effect: 0 is the unpatched target run, 1 the source run."


@analysis("patch sweep", only_python=OF_TEXTS)
def run_patch(
    model: Any, pairs: Any, *, out: str | Path, limit: int | None = None, options: Options = DEFAULTS
) -> Analysis:
    """Patch activations of one prompt into another over layers, positions and heads, and write a report.

    Returns:
        The run folder, with `cross_layer.nc`, `positions.nc`, `heads.nc`, `pairs.csv`, `report.html`.

    Raises:
        BadPairs: the pairs cannot be read.
    """
    return patch_analysis(*open_pairs(model, pairs, limit, options), options)


def open_pairs(model: Any, pairs: Any, limit: int | None, options: Options) -> tuple[Model, Pairs]:
    """Load the model and the pairs; pairs that cannot be read are refused before the model is loaded."""
    wanted = find_pairs(pairs, limit, options.seed, chat=options.chat)
    loaded = open_model(model, options)
    if isinstance(pairs, str) and pairs.startswith(_WORDS):  # now with its tokens, so that prompts have one length
        wanted = find_pairs(pairs, limit, options.seed, loaded.tokenizer, chat=options.chat)
    return loaded, wanted


def find_pairs(source: Any, limit: int | None, seed: int, tokenizer: Any = None, *, chat: bool = False) -> Pairs:
    """Pairs of a file, or translation pairs of the shipped words for "words:de-fr"."""
    if limit is not None:
        whole_number("limit", limit, at_least=1)
    if not (isinstance(source, str) and source.startswith(_WORDS)):
        pairs = load_pairs(source, chat=chat)
        return pairs if limit is None else replace(pairs, items=pairs.items[:limit])
    shown, dash, wanted = source.removeprefix(_WORDS).partition("-")
    if not (shown and dash and wanted):
        raise BadPairs(f"{source!r} does not name two languages; write for example words:de-fr")
    how = {"seed": seed, "limit": limit, "tokenizer": tokenizer, "chat": chat}
    return translation_pairs(load_words(), source=shown, target=wanted, **how)


def patch_analysis(model: Model, pairs: Pairs, options: Options) -> Analysis:
    """Patches over pairs of layers, over layers and positions, and over heads."""
    key = {**common_key(model, options), "pairs": pairs.hash}
    how, works = options.sweep, _works(model, pairs)
    return Analysis(
        title=f"Patching {model.name} on {pairs.name}",
        question="Between which layers, at which position and in which head does the answer travel?",
        cells=[
            Cell("cross_layer", {**key, "method": "cross_layer"}, lambda _: cross_layer(model, pairs, **how), works[0]),
            Cell(
                "positions",
                {**key, "method": "sweep residual"},
                lambda _: sweep(model, pairs, site="residual", **how),
                works[1],
            ),
            Cell("heads", {**key, "method": "sweep head"}, lambda _: sweep(model, pairs, site="head", **how), works[2]),
        ],
        sections=lambda results: [pairs_section(pairs, results["positions"]), *_sections(results)],
        main=("cross_layer", "positions", "heads"),
        beside=lambda run, _: write_pairs(pairs, run),
    )


def _works(model: Model, pairs: Pairs) -> list[list[Work]]:
    """What the three sweeps run: each cell the layers after the patch, from its position on, and one reading."""
    prompts = [text for pair in pairs.items for text in (pair.source, pair.target)]
    first = pairs.items[0]
    source, target = (model.batch([text]).ids[0].tolist() for text in (first.source, first.target))
    tokens = len(target)
    same = sum(1 for _ in takewhile(lambda two: two[0] == two[1], zip(source, target, strict=False)))
    differs = 1 - same / tokens  # share of a prompt from the first other token on
    sweeps = [  # cells, and the share of the positions that each runs
        (model.n_layers**2, 1 / tokens),
        (model.n_layers * tokens * differs, differs / 2),
        (model.n_layers * model.n_heads, differs),
    ]
    half = 0.5  # of the layers on average, and of the prompts: targets
    return [[Work(model, prompts, 1 + half * cells * half * share, half * cells / tokens)] for cells, share in sweeps]


def _sections(results: Results) -> list[Section]:
    grid, places, carriers = results["cross_layer"], results["positions"], results["heads"]
    return [
        section(
            "cross_layer",
            grid,
            drawing(figures.matrix, grid, "effect"),
            reading="The state of the last token before a layer of the source run is patched in before a layer of the "
            f"target run. {_SCALE} On the diagonal both layers are the same.",
            finding=findings.cross_layer(grid),
        ),
        section(
            "positions",
            places,
            drawing(figures.heatmap, _reached(places), "effect"),
            reading="The state before a layer at one position comes from the source run; positions count from the "
            "end of the prompt when they are negative, and those before the first at which the two prompts of a pair "
            f"can differ are left out. {_SCALE}",
            finding=findings.positions(places),
        ),
        section(
            "heads",
            carriers,
            drawing(figures.heatmap, carriers, "effect"),
            reading=f"One head's output, at all positions, comes from the source run. {_SCALE}",
            finding=findings.heads(carriers),
        ),
    ]


def _reached(places: xr.Dataset) -> xr.Dataset:
    """The positions from the first on at which some pair's prompts differ; before it, both runs are the same."""
    same = (places.pair_effect.fillna(0) == 0).all(("pair", "layer"))
    first = int((~same).values.argmax())
    return places.isel(position=slice(first, None))
