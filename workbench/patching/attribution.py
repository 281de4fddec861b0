"""Attribution patching: all cells of a sweep from one gradient, with the agreement measured on exact cells."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from einops import rearrange
from torch import Tensor

from workbench.arguments import checked, whole_number
from workbench.errors import UnsupportedSite
from workbench.model.forward.alone import alone
from workbench.model.forward.record import record
from workbench.model.forward.recording import Recording
from workbench.model.forward.rerun import replace_heads, replace_positions
from workbench.model.metrics import Metric
from workbench.model.model import Model
from workbench.patching.engine.agreement import with_agreement
from workbench.patching.engine.cells import read, unpatched
from workbench.patching.engine.fill import fill
from workbench.patching.engine.gradient import Gradients, activation_gradients, embedded
from workbench.patching.engine.pair_metric import metric_for_pairs
from workbench.patching.engine.positions import forget_padding, numbers, tokens, with_example
from workbench.patching.engine.prompts import PairBatch, Prompts, encode, first_difference
from workbench.patching.engine.table import Table
from workbench.text.batches import Batch
from workbench.text.pairs import load_pairs

SITES = {"residual": "position", "residual_post": "position", "head": "head"}


@checked
@alone
def attribution(
    model: Model,
    pairs: Any,
    *,
    site: str = "residual",
    metric: str | Metric = "logit_difference",
    steps: int = 0,
    sample: int = 24,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Estimate a whole `sweep` from gradients, and measure how well the estimate agrees with exact patching.

    The effect of putting the source's activation in the target's place is estimated by its first-order term,
    (source - target) d metric / d activation, from two forward passes and one backward pass for a batch of pairs. With
    `steps` the slope is averaged over runs whose embeddings lie evenly between the target's and the source's
    (integrated gradients), `steps` forward and backward passes. Both are approximations, so some cells are also
    patched exactly, and the agreement is part of the result.

    Args:
        model: the model.
        pairs: as in `sweep`.
        site: `residual` (before each layer) or `residual_post` (after it), over layer and position; `head`, over
            layer and head.
        metric: `logit_difference`, `answer_probability` or `nll`, or a Metric that has a gradient.
        steps: of integrated gradients; 0 takes the slope in the target run alone.
        sample: cells that are patched exactly, drawn at random among those that the prompts' differences can reach.

    Returns:
        What `sweep` returns, `effect[layer, position | head]` and so on, estimated; and `exact[cell]` and
        `estimate[cell]`, the effects of the sampled cells, with the coordinates `cell_layer` and `cell_position` or
        `cell_head`. Attributes: `agreement`, Pearson's correlation of the two over cells, with its 95 % bootstrap
        interval `agreement_low` and `agreement_high`; `agreement_rank`, Spearman's; `agreement_error`, the mean
        absolute difference of the effects; NaN where nothing varies.

    Raises:
        UnsupportedSite: no such site, or the model cannot be run from a layer on.
        BadArgument: a metric without a gradient, or numbers below their least.
        BadPairs: prompts of a pair differ in length, or answer and foil begin with the same token.
        NotFinite: a slope is NaN or infinite.
        Interrupted: `partial` holds the pairs that were finished.

    Source:
        Nanda 2023 (attribution patching); Sundararajan et al. 2017 (arXiv 1703.01365), Hanna et al. 2024
        (arXiv 2403.17806) for the integrated form.

    Example:
        >>> attribution(model, pairs, site="head", steps=8).attrs["agreement"]            # doctest: +SKIP
    """
    if site not in SITES:
        raise UnsupportedSite(f"site={site!r} cannot be attributed (works: {', '.join(SITES)})")
    whole_number("steps", steps)
    whole_number("sample", sample, at_least=3)
    model.require("restart")
    if site == "head":
        model.require("head")
    prompts = encode(model, load_pairs(pairs))
    prompts.require_equal_lengths()
    width = model.n_heads if site == "head" else prompts.width
    table = Table(prompts, metric_for_pairs(model, prompts, metric), model.n_layers, width)
    drawn = _draw(model, prompts, site, sample, seed, last=table.metric.last)
    exact = np.full((len(prompts), len(drawn)), np.nan)

    def run(batch: PairBatch) -> None:
        source = record(model, batch.source, heads=site == "head", keys=True)
        moved, value = estimate(model, source, batch.target, table.metric, site=site, steps=steps)
        shift = 0 if site == "head" else width - moved.shape[2]
        table.begin(batch, unpatched(source, table.metric), value, width - shift)
        table.put_all(moved + value[:, None, None], shift)
        exact[list(batch.rows)] = _exact(source, batch.target, table.metric, drawn, site, width)

    bar = {"what": f"attributing {site}", "unit": "pair"}
    more = {"exact": exact}
    filled = fill(table, model, run, **bar, total=len(prompts), state=more, progress=progress, batch_size=batch_size)
    result = _result(model, table, site, exact, drawn, steps, seed)
    return filled.result(result)


def estimate(
    model: Model, source: Recording, target: Batch, metric: Metric, *, site: str, steps: int = 0
) -> tuple[Tensor, Tensor]:
    """The estimated change of the metric by each cell, and the metric of the target run.

    Args:
        model: the model.
        source: the recorded source pass, with keys, and with heads for that site.
        target: the target prompts, each as long as its source prompt.
        metric: the metric.
        site: as in `attribution`.
        steps: of integrated gradients.

    Returns:
        change [sample, layer, position | head], float32; value [sample].
    """
    heads = site == "head"
    start = first_difference(source.batch, target)
    batch = target.to(model.device)
    given, mine = source.residual[0][:, start:], embedded(model, batch)[:, start:]

    def there(states: Tensor) -> Gradients:
        return activation_gradients(source, states, metric, batch, start=start, sites=["head"] if heads else [])

    own = there(mine)
    slopes = own.slope["head"] if heads else own.residual_slope
    if steps:
        runs = [there(torch.lerp(mine, given, (step + 0.5) / steps)) for step in range(steps)]  # midpoints
        by_step = [run.slope["head"] if heads else run.residual_slope for run in runs]
        slopes = [torch.stack(each).mean(0) for each in zip(*by_step, strict=True)]
    theirs, ours = (source.z, own.at["head"]) if heads else (source.residual, own.residual)
    layers = range(model.n_layers) if site != "residual_post" else range(1, model.n_layers + 1)
    axes = (1, 3) if heads else (2,)
    moved = [((theirs[i][:, start:] - ours[i]) * slopes[i]).sum(axes, dtype=torch.float32) for i in layers]
    change = torch.stack(moved, 1)
    if not heads:
        change = torch.nn.functional.pad(change, (start, 0)) * source.batch.mask.to(change)[:, None]
    return change, own.value


Cell = tuple[int, int]


def _draw(model: Model, prompts: Prompts, site: str, count: int, seed: int, *, last: bool) -> list[Cell]:
    """Some (layer, head) or (layer, position from the end) that a difference of the prompts can reach."""
    layers = range(model.n_layers)
    if site == "head":
        every = [(layer, head) for layer in layers for head in range(model.n_heads)]
    else:
        differs = [
            len(target) - next((i for i, (a, b) in enumerate(zip(source, target, strict=True)) if a != b), len(target))
            for source, target in zip(prompts.source, prompts.target, strict=True)
        ]
        only_last = last and site == "residual_post"
        every = [
            (layer, -back)
            for layer in layers
            for back in range(1, max(differs) + 1)
            if not (only_last and layer == model.n_layers - 1 and back > 1)
        ]
    return sorted(random.Random(seed).sample(every, min(count, len(every))))


def _exact(source: Recording, batch: Batch, metric: Metric, drawn: list[Cell], site: str, width: int) -> np.ndarray:
    """The metric after patching each drawn cell exactly: [sample, cell]."""
    model = source.model
    target = record(model, batch, heads=site == "head", keys=site != "head")
    values_of_cells = np.full((target.n_samples, len(drawn)), np.nan)
    length = target.n_positions
    for layer in sorted({layer for layer, _ in drawn}):
        places = [i for i, cell in enumerate(drawn) if cell[0] == layer and (site == "head" or -cell[1] <= length)]
        columns = [drawn[i][1] for i in places]
        if not places:
            continue
        if site == "head":
            values = rearrange(
                source.z[layer][:, :, columns], "sample position head d_head -> head sample position d_head"
            )
            states = replace_heads(target, layer, columns, values, last=metric.last)
        else:
            at, positions = layer + (site == "residual_post"), [length + column for column in columns]
            values = source.residual[at][:, positions].transpose(0, 1)
            states = replace_positions(target, at, positions, values, last=metric.last)
        values_of_cells[:, places] = read(target, metric, states).T.double().cpu().numpy()
        if site != "head":
            for i, column in zip(places, columns, strict=True):
                values_of_cells[(batch.mask[:, column] == 0).cpu().numpy(), i] = np.nan
    return values_of_cells


def _result(
    model: Model, table: Table, site: str, exact: np.ndarray, drawn: list[Cell], steps: int, seed: int
) -> xr.Dataset:
    axis, prompts = SITES[site], table.prompts
    coords: dict[str, Sequence[Any]] = {}
    if axis == "position":
        forget_padding(table)
        coords["position"] = numbers(prompts)
    result = table.result(
        model,
        ("layer", axis),
        method="patching.attribution",
        parameters={"site": site, "steps": steps, "sample": len(drawn)},
        seed=seed,
        coords=coords,
    )
    if axis == "position":
        result = with_example(result.assign_coords(token=("position", tokens(model, prompts))), model, prompts)
    columns = [column if axis == "head" else column + table.values.shape[2] for _, column in drawn]
    layers = [layer for layer, _ in drawn]
    cells = {"cell_layer": np.array(layers), f"cell_{axis}": result[axis].values[columns]}
    return with_agreement(result, table, exact, result.effect.values[layers, columns], cells, seed)
