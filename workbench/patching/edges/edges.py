"""Edge attribution patching: the effect of every edge from one part of a model to a later one."""

import random
from itertools import count
from typing import Any

import numpy as np
import torch
import xarray as xr

from workbench.arguments import checked, whole_number
from workbench.model.forward.alone import alone
from workbench.model.forward.record import record
from workbench.model.metrics import Metric
from workbench.model.model import Model
from workbench.patching.edges.estimate import estimate
from workbench.patching.edges.exact import measure
from workbench.patching.edges.graph import INSIDE, Node, has_edge, receivers, senders
from workbench.patching.engine import cells
from workbench.patching.engine.agreement import with_agreement
from workbench.patching.engine.pair_metric import metric_for_pairs
from workbench.patching.engine.prompts import PairBatch, batches, encode
from workbench.patching.engine.table import Table
from workbench.results.resuming.progress import resumed
from workbench.results.resuming.stoppable import Stoppable
from workbench.text.pairs import load_pairs

_PASSES = 8  # recordings' worth of memory that a differentiated pass takes


@checked
@alone
@torch.no_grad()
def edges(
    model: Model,
    pairs: Any,
    *,
    metric: str | Metric = "logit_difference",
    steps: int = 0,
    sample: int = 48,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Estimate the effect of every edge of a model from gradients, and measure how well some of them agree.

    An edge leads from what one part writes into the residual stream (the embedding, a head, an MLP) to what one later
    part reads of it (a head's q, k or v, an MLP, the logits). Its effect is that of giving this receiver alone
    what the sender writes in the source run; the rest of the target run follows from there. It is estimated by
    (source - target writing) d metric / d reading, summed over positions: two forward passes and a backward pass for
    all edges, and a few more through each layer's queries, keys and values. With `steps` the slope is averaged over
    runs whose embeddings lie evenly between the target's and the source's. Some edges are also patched exactly.

    Args:
        model: the model.
        pairs: Pairs, or what `load_pairs` reads. The two prompts of a pair have the same number of tokens.
        metric: `logit_difference`, `answer_probability` or `nll`, or a Metric that has a gradient.
        steps: of integrated gradients; 0 takes the slope in the target run alone.
        sample: edges that are patched exactly: half the strongest by their estimate, half drawn among the others.

    Returns:
        `effect[sender, receiver]`, estimated: 0 is the unpatched target run, 1 the source run; NaN where the receiver
        lies before the sender. `low`, `high`, `value`, `pair_effect`, `pair_value`, `source_value`, `target_value` as
        in `sweep`. Senders are named `embedding`, `head 0.3`, `mlp 0`, receivers `q 1.3`, `k 1.0`, `v 1.0` (key-value
        heads), `mlp 1`, `logits`; coordinates `sender_kind`, `sender_layer`, `receiver_kind`, `receiver_layer`.
        `exact[cell]` and `estimate[cell]` of the sampled edges, with `cell_sender`, `cell_receiver`, and the attributes
        `agreement` ... as in `attribution`; `parallel`, 1 where MLPs do not read the heads of their own layer.

    Raises:
        UnsupportedSite: the architecture's layers cannot be called on their own, its q, k or v cannot be reached, or
            its parts do not add up to the residual stream.
        BadArgument: a metric without a gradient, or numbers below their least.
        BadPairs: prompts of a pair differ in length, or answer and foil begin with the same token.
        NotFinite: a slope is NaN or infinite.
        Interrupted: `partial` holds the pairs that were finished.

    Source:
        Syed et al. 2023 (arXiv 2310.10348); Hanna et al. 2024 (arXiv 2403.17806) for the integrated form.

    Example:
        >>> edges(model, pairs, steps=8).effect.sel(receiver="logits").to_series().nlargest(5)       # doctest: +SKIP
    """
    whole_number("steps", steps)
    whole_number("sample", sample, at_least=3)
    for ability in ("head", "restart"):
        model.require(ability)
    for site in INSIDE:
        model.hook_point(site, 0)
    prompts = encode(model, load_pairs(pairs))
    prompts.require_equal_lengths()
    ins, outs = senders(model), receivers(model)
    table = Table(prompts, metric_for_pairs(model, prompts, metric), len(ins), len(outs))
    parallel, drawn, exact = np.zeros((), dtype=bool), [], np.empty((len(prompts), 0))
    every, passes = list(batches(model, prompts, batch_size, passes=_PASSES)), count(1)

    def step(batch: PairBatch) -> None:
        """A pair is passed twice."""
        loop.bar.update(sum(next(passes) % 2 == 0 for _ in batch.rows))

    what = "attributing edges, then some exactly"
    with Stoppable(what, len(prompts), "pair", lambda: table.stopped("senders"), progress=progress) as loop:
        for batch in resumed(every, {**table.state(), "parallel": parallel}, skip=step):
            source = record(model, batch.source, heads=True, keys=True, patterns=True)
            change, value, parallel[...] = estimate(model, source, batch.target, table.metric, steps=steps)
            table.begin(batch, cells.unpatched(source, table.metric), value)
            table.put_all(change + value[:, None, None])
            table.end()
            step(batch)
        drawn = _draw(table, _edge_mask(ins, outs, bool(parallel)), sample, seed)
        exact = np.full((len(prompts), len(drawn)), np.nan)
        for batch in resumed(every, {"exact": exact}, skip=step):
            both = {"heads": True, "keys": True, "patterns": True}  # alike, so that equal prompts are equal bit for bit
            source, target = record(model, batch.source, **both), record(model, batch.target, **both)
            values = measure(source, target, [(ins[i], outs[o]) for i, o in drawn], table.metric)
            exact[list(batch.rows)] = values.T.double().cpu().numpy()
            step(batch)
    table.values[:, ~_edge_mask(ins, outs, bool(parallel))] = np.nan
    result = _result(model, table, ins, outs, exact, drawn, steps, seed)
    result.attrs["parallel"] = int(parallel)
    return loop.result(result)


def _result(
    model: Model,
    table: Table,
    ins: list[Node],
    outs: list[Node],
    exact: np.ndarray,
    drawn: list[tuple[int, int]],
    steps: int,
    seed: int,
) -> xr.Dataset:
    result = table.result(
        model,
        ("sender", "receiver"),
        method="patching.edges",
        parameters={"steps": steps, "sample": len(drawn)},
        seed=seed,
        coords={"sender": [node.name for node in ins], "receiver": [node.name for node in outs]},
    ).assign_coords(**_about("sender", ins), **_about("receiver", outs))
    rows, columns = [row for row, _ in drawn], [column for _, column in drawn]
    names = {"cell_sender": result.sender.values[rows], "cell_receiver": result.receiver.values[columns]}
    return with_agreement(result, table, exact, result.effect.values[rows, columns], names, seed)


def _edge_mask(ins: list[Node], outs: list[Node], parallel: bool) -> np.ndarray:
    """Which edges there are, [sender, receiver] bool."""
    return np.array([[has_edge(receiver, sender, parallel=parallel) for receiver in outs] for sender in ins])


def _draw(table: Table, mask: np.ndarray, count: int, seed: int) -> list[tuple[int, int]]:
    """Half the strongest edges by their estimate, half drawn among all others."""
    moved = np.where(mask, np.abs((table.values - table.target[:, None, None]).mean(0)), -1.0)
    order = np.argsort(-moved, axis=None, kind="stable")[: mask.sum()].tolist()
    strong, others = order[: count // 2], order[count // 2 :]
    some = [*strong, *random.Random(seed).sample(others, min(count - len(strong), len(others)))]
    return [divmod(cell, mask.shape[1]) for cell in some]


def _about(axis: str, nodes: list[Node]) -> dict[str, Any]:
    return {
        f"{axis}_kind": (axis, [node.kind for node in nodes]),
        f"{axis}_layer": (axis, [node.layer for node in nodes]),
    }
