"""Patch across positions: the source's state at any position into the target run at any position, at one layer."""

from typing import Any

import torch
import xarray as xr

from workbench.arguments import checked, whole_number
from workbench.errors import UnsupportedSite
from workbench.model.forward.alone import alone
from workbench.model.forward.packed_positions import Columns
from workbench.model.forward.record import record
from workbench.model.forward.recording import Recording
from workbench.model.forward.rerun import replace_positions
from workbench.model.metrics import Metric
from workbench.model.model import Model
from workbench.patching.cross_layer import SITES
from workbench.patching.engine import cells
from workbench.patching.engine.fill import fill
from workbench.patching.engine.pair_metric import metric_for_pairs
from workbench.patching.engine.positions import forget_padding, numbers, with_example
from workbench.patching.engine.prompts import PairBatch, encode
from workbench.patching.engine.table import Table
from workbench.text.pairs import load_pairs


@checked
@alone
@torch.no_grad()
def cross_position(
    model: Model,
    pairs: Any,
    *,
    layer: int,
    site: str = "residual",
    metric: str | Metric = "logit_difference",
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Put the source's state at position p in the place of the target's state at position q, for all p and q.

    Args:
        model: the model.
        pairs: Pairs, or what `load_pairs` reads; lengths may differ, also within a pair.
        layer: where the states are taken and put.
        site: `residual`, the state before the layer, or `residual_post`, after it.
        metric: `logit_difference`, `answer_probability` or `nll`, or a Metric.

    Returns:
        `effect[source_position, target_position]`: 0 is the unpatched target run, 1 the source run, its interval `low`
        and `high` over pairs, and `value`, `pair_effect`, `pair_value`, `source_value`, `target_value` as in `sweep`,
        whose row at this layer is the diagonal where prompts have one length. Where lengths differ, positions count
        from the end, and a pair that lacks one is NaN there. The coordinates `source_token` and `target_token` are the
        tokens of the pair number `example_pair`.

    Raises:
        UnsupportedSite: no such site.
        BadArgument: no such layer.
        BadPairs: answer and foil begin with the same token.
        Interrupted: `partial` holds the cells that were finished.

    Source:
        Ghandeharioun et al. 2024 (Patchscopes, arXiv 2401.06102), where source and target position are free.

    Example:
        >>> cross_position(model, pairs, layer=4).effect.idxmax("source_position")      # doctest: +SKIP
    """
    if site not in SITES:
        raise UnsupportedSite(f"site={site!r} cannot be patched across positions (works: {', '.join(SITES)})")
    whole_number("layer", layer, at_most=model.n_layers - 1, why=f"the layers of {model.name!r}")
    prompts = encode(model, load_pairs(pairs))
    turned = prompts.swapped
    table = Table(prompts, metric_for_pairs(model, prompts, metric), turned.width, prompts.width)

    def run(batch: PairBatch) -> None:
        source, target = record(model, batch.source, keys=True), record(model, batch.target, keys=True)
        sizes = {"rows": source.n_positions, "columns": target.n_positions}
        table.begin(batch, cells.unpatched(source, table.metric), cells.unpatched(target, table.metric), **sizes)
        down, right = turned.width - source.n_positions, prompts.width - target.n_positions
        for given, columns, values, changed in _cells(source, target, table.metric, layer + (site != "residual")):
            table.put(given + down, [column + right for column in columns], values, changed)

    what, rows = f"patching {turned.width} x {prompts.width} positions", "source positions"
    filled = fill(table, model, run, what=what, unit="cell", rows=rows, progress=progress, batch_size=batch_size)
    forget_padding(table)
    for row, ids in enumerate(prompts.source):
        table.values[row, : turned.width - len(ids)] = float("nan")
    result = table.result(
        model,
        ("source_position", "target_position"),
        method="patching.cross_position",
        parameters={"site": site, "layer": layer},
        seed=seed,
        coords={"source_position": numbers(turned), "target_position": numbers(prompts)},
    )
    result = with_example(
        result, model, prompts, {"source_position": ("source",), "target_position": ("target",)}
    ).assign_attrs(layer=layer)
    return filled.result(result)


def _cells(source: Recording, target: Recording, metric: Metric, at: int) -> cells.Cells:
    """Every source position, and the target positions in packs."""
    given, own = source.residual[at], target.residual[at]
    from_real, to_real = source.batch.mask.bool(), target.batch.mask.bool()
    to_real = to_real & cells.reaches(target, at, metric)
    packs = list(cells.blocks(target, list(range(target.n_positions))))
    columns: dict[int, Columns] = {}  # all source positions share what their columns need
    for position in range(source.n_positions):
        changed = (given[:, position, None] != own).any(-1) & to_real & from_real[:, position, None]
        for number, block in enumerate(packs):
            here = changed[:, block].T  # [target position, sample]
            if not here.any():
                yield position, block, None, None
                continue
            if number not in columns:
                columns[number] = Columns(target, block)
            values = torch.where(here[..., None], given[None, :, position], own[:, block].transpose(0, 1))
            states = replace_positions(target, at, block, values, last=metric.last, columns=columns[number])
            yield position, block, cells.read(target, metric, states), here
