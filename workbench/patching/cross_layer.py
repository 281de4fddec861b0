"""Patch across layers: the source's state at any layer into the target run at any layer."""

from typing import Any

import torch
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadArgument, UnsupportedSite
from workbench.model.forward.alone import alone
from workbench.model.forward.record import record
from workbench.model.metrics import Metric
from workbench.model.model import Model
from workbench.patching.engine import cells
from workbench.patching.engine.fill import fill
from workbench.patching.engine.pair_metric import metric_for_pairs
from workbench.patching.engine.prompts import PairBatch, Prompts, encode, label
from workbench.patching.engine.table import Table
from workbench.text.pairs import load_pairs

SITES = ("residual", "residual_post")


@checked
@alone
@torch.no_grad()
def cross_layer(
    model: Model,
    pairs: Any,
    *,
    position: int = -1,
    site: str = "residual",
    metric: str | Metric = "logit_difference",
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Put the source's state of layer i in the place of the target's state of layer j, for all i and j.

    Args:
        model: the model.
        pairs: Pairs, or what `load_pairs` reads; lengths may differ when `position` is negative.
        position: where the state is taken and put; negative counts from the end of each prompt, otherwise all prompts
            have one length.
        site: `residual`, the states before the layers, or `residual_post`, after them: there the last layer into
            the last layer at position -1 is the source's own output.
        metric: `logit_difference`, `answer_probability` or `nll`, or a Metric.

    Returns:
        `effect[source_layer, target_layer]`: 0 is the unpatched target run, 1 the source run, its interval `low` and
        `high` over pairs, and `value`, `pair_effect`, `pair_value`, `source_value`, `target_value` as in `sweep`, whose
        column at this position is the diagonal.

    Raises:
        UnsupportedSite: no such site.
        BadArgument: the position lies outside a prompt, or counts from the start of prompts of different lengths.
        BadPairs: answer and foil begin with the same token.
        Interrupted: `partial` holds the cells that were finished.

    Source:
        Ghandeharioun et al. 2024 (Patchscopes, arXiv 2401.06102); Dumas et al. 2024 (arXiv 2411.08745).

    Example:
        >>> cross_layer(model, pairs).effect.sel(target_layer=0)                # doctest: +SKIP
    """
    if site not in SITES:
        raise UnsupportedSite(f"site={site!r} cannot be patched across layers (works: {', '.join(SITES)})")
    prompts = encode(model, load_pairs(pairs))
    back = _from_end(prompts, position)
    table = Table(prompts, metric_for_pairs(model, prompts, metric), model.n_layers, model.n_layers)

    def run(batch: PairBatch) -> None:
        source, target = record(model, batch.source), record(model, batch.target, keys=True)
        table.begin(batch, cells.unpatched(source, table.metric), cells.unpatched(target, table.metric))
        for cell in cells.layers(source, target, table.metric, back, after=site != "residual"):
            table.put(*cell)

    what, rows = f"patching {model.n_layers} x {model.n_layers} layers", "target layers"
    filled = fill(table, model, run, what=what, unit="cell", rows=rows, progress=progress, batch_size=batch_size)
    result = table.result(
        model,
        ("target_layer", "source_layer"),
        method="patching.cross_layer",
        parameters={"site": site, "position": position},
        seed=seed,
    ).transpose("pair", "source_layer", "target_layer")
    return filled.result(result)


def _from_end(prompts: Prompts, position: int) -> int:
    """The position counted from the end; refused where it lies outside a prompt."""
    shortest, longest = min(prompts.lengths), max(prompts.lengths)
    if position >= 0 and shortest != longest:
        raise BadArgument(
            f"position={position} counts from the start, but the prompts have {shortest} to {longest} tokens; "
            "count from the end (-1 is the last token)"
        )
    if not -shortest <= position < shortest:
        row = prompts.lengths.index(shortest) % len(prompts)
        raise BadArgument(
            f"position={position} lies outside {label(prompts.pairs, row)}, which has {shortest} tokens "
            f"(-{shortest} to -1{f', or 0 to {shortest - 1}' if shortest == longest else ''})"
        )
    return position if position < 0 else position - shortest
