"""Exchange: states of one model put into the other, at each layer and position, and at all positions at once."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
import xarray as xr

from workbench.merging.diffing.same import both_alone, require_same_shape, require_same_tokens
from workbench.model.forward.record import record
from workbench.model.forward.recording import Recording
from workbench.model.forward.rerun import run_from_layer
from workbench.model.metrics import Metric
from workbench.model.model import Model
from workbench.patching.engine import cells
from workbench.patching.engine.effects import normalise
from workbench.patching.engine.fill import fill
from workbench.patching.engine.pair_metric import metric_for_pairs
from workbench.patching.engine.positions import forget_padding, numbers, tokens, with_example
from workbench.patching.engine.prompts import PairBatch, Prompts, encode
from workbench.patching.engine.table import Table
from workbench.results.companions import ATTRIBUTE
from workbench.results.interval_ends import interval_ends
from workbench.results.make import origin
from workbench.text.pairs import Pairs, load_pairs

_EFFECT = "normalized patching effect: 0 the model before, 1 the model after"


@torch.no_grad()
def exchange(
    before: Model,
    after: Model,
    pairs: Any,
    *,
    metric: str | Metric = "logit_difference",
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Run prompts through the model before, with states of the model after in the place of its own.

    The prompts are the pairs' source prompts, which the answer belongs to; each goes through both models.

    Returns:
        `effect[layer, position]` = (patched - before) / (after - before), of the mean metric over prompts, when the
        state after this layer at this position comes from the model after; `low`, `high` its 95 % interval over
        prompts; `value`, `pair_effect`, `pair_value` as in `patching.sweep`, `value_after[pair]` and
        `value_before[pair]` the two models' own. `whole[layer]`, with its interval: the states of all positions at
        once, so that the layers up to this one are those of the model after and the rest those of the model before; its
        last entry is 1 where final norm and unembedding are equal.

    Raises:
        BadArgument: the models differ in tokenizer, layers or width.
        BadPairs: answer and foil begin with the same token.
        Interrupted: `partial` holds the cells that were finished.
    """
    require_same_tokens(before, after)
    require_same_shape(before, after, "layers", "d_model")
    prompts = encode(before, _sources(load_pairs(pairs)))
    table = Table(prompts, metric_for_pairs(before, prompts, metric), before.n_layers, prompts.width)
    whole = np.full((len(prompts), before.n_layers, 1), np.nan)

    def run(batch: PairBatch) -> None:
        own, other = record(before, batch.target, keys=True), record(after, batch.target)
        other.residual = [states.to(before.device, before.dtype) for states in other.residual]
        shift = prompts.width - own.n_positions
        new, old = (cells.unpatched(recording, table.metric) for recording in (_as_run(other, after), own))
        table.begin(batch, new, old, own.n_positions)
        for layer in range(before.n_layers):
            states = run_from_layer(own, layer + 1, other.residual[layer + 1], last=table.metric.last)
            whole[list(batch.rows), layer, 0] = table.metric.read(before, states, own.batch)[0].double().cpu()
        for layer, block, values, changed in cells.positions(other, own, table.metric, after=True):
            table.put(layer, [column + shift for column in block], values, changed)

    what = f"exchanging states: {before.n_layers} layers x {prompts.width} positions"
    with both_alone(before, after):
        filled = fill(
            table,
            before,
            run,
            what=what,
            unit="cell",
            state={"whole": whole},
            progress=progress,
            batch_size=batch_size,
        )
    return filled.result(_result(before, after, table, whole, prompts, seed))


def _sources(pairs: Pairs) -> Pairs:
    """The source prompts in the place of the targets: one prompt goes through both models."""
    return replace(pairs, items=tuple(replace(pair, target=pair.source) for pair in pairs.items))


def _as_run(recording: Recording, model: Model) -> Recording:
    """A recording whose states are where its model is, so that the model's own norm and unembedding read them."""
    if recording.residual[-1].device == model.device and recording.residual[-1].dtype == model.dtype:
        return recording
    states = [*recording.residual[:-1], recording.residual[-1].to(model.device, model.dtype)]
    return Recording(model, recording.batch.to(model.device), states)


def _result(before: Model, after: Model, table: Table, whole: np.ndarray, prompts: Prompts, seed: int) -> xr.Dataset:
    forget_padding(table)
    result = table.result(
        after,
        ("layer", "position"),
        method="merging.side_by_side",
        parameters={"part": "exchange", "before": before.info},
        seed=seed,
        coords={"position": numbers(prompts)},
    )
    result = with_example(
        result.assign_coords(token=("position", tokens(before, prompts))), before, prompts, {"position": ["target"]}
    ).rename(source_value="value_after", target_value="value_before")
    averaged = table.finished if table.finished.any() else ~np.isnan(whole[:, 0, 0])
    effects = normalise(whole, table.source, table.target, averaged, seed, prompts.pairs.clusters)
    level = origin(result)["parameters"]["level"]
    ends = interval_ends(
        ("layer",), (effects.low[:, 0], effects.high[:, 0]), "whole over prompts", level=level, name="whole"
    )
    result["whole"] = (
        "layer",
        effects.effect[:, 0],
        {"long_name": f"{_EFFECT}; all positions", ATTRIBUTE: " ".join(ends)},
    )
    for name, (axes, values, words) in ends.items():
        result[name] = (axes, values, {"long_name": words})
    metric = str(result.attrs["metric"]).replace("_", " ")
    texts = {
        "effect": _EFFECT,
        "pair_effect": "effect in each prompt: 0 the model before, 1 the model after",
        "value_before": f"{metric} of the model before",
        "value_after": f"{metric} of the model after",
        "layer": "state after layer",
    }
    for name, text in texts.items():
        result[name].attrs["long_name"] = text
    return result
