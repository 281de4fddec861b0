"""Path patching: the direct effect of a head through one receiver, past all other heads."""

from collections.abc import Sequence
from typing import Any

import torch
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadArgument
from workbench.model.forward.alone import alone
from workbench.model.metrics import Metric
from workbench.model.model import Model
from workbench.patching.edges.graph import INSIDE, Node
from workbench.patching.edges.receivers import parse, patch_path
from workbench.patching.engine import cells
from workbench.patching.engine.fill import fill
from workbench.patching.engine.frozen_heads import PairRuns, run_pair
from workbench.patching.engine.pair_metric import metric_for_pairs
from workbench.patching.engine.prompts import PairBatch, encode
from workbench.patching.engine.table import Table
from workbench.results.groups import is_pair
from workbench.text.pairs import load_pairs


@checked
@alone
@torch.no_grad()
def path(
    model: Model,
    pairs: Any,
    *,
    senders: Sequence[tuple[int, int]] | None = None,
    receiver: str | tuple[Any, ...] = "final",
    metric: str | Metric = "logit_difference",
    through_mlps: bool = True,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Patch the path from one head of the source run to one receiver of the target run alone.

    For each sender: the target run is repeated with the sender's output (before W_O, at all positions) from the source
    run and every other head frozen at its output in the target run; the receiver's input there is recorded. Then the
    target run is repeated once more, with nothing frozen and that input patched into the receiver.

    Args:
        model: the model.
        pairs: Pairs, or what `load_pairs` reads. The two prompts of a pair have the same number of tokens.
        senders: (layer, head) of each; every head when None.
        receiver: `"final"`, the final residual stream, thus the logits; `("residual", layer)`, the state before a
            layer; `("q", layer, head)`, `("k", layer, kv_head)` or `("v", layer, kv_head)`, what a head reads. All
            positions of it receive.
        metric: `logit_difference`, `answer_probability` or `nll`, or a Metric.
        through_mlps: MLPs between sender and receiver respond to the sender's output, as in the paper on indirect
            object identification; where False they are frozen as the heads are, and only the residual stream is left.

    Returns:
        `effect[layer, head]` of each sender: 0 is the unpatched target run, 1 the source run; its interval `low` and
        `high` over pairs, and `value`, `pair_effect`, `pair_value`, `source_value`, `target_value` as in `sweep`. Heads
        after the receiver cannot reach it and are 0; heads that are not senders are NaN.

    Raises:
        BadArgument: no such receiver or sender.
        BadPairs: prompts of a pair differ in length, or answer and foil begin with the same token.
        UnsupportedSite: the architecture ignores edits of heads, of the receiver or, with MLPs frozen, of neurons; or
            its layers cannot be called on their own.
        Interrupted: `partial` holds the cells that were finished.

    Source:
        Wang et al. 2022 (arXiv 2211.00593, appendix B); Goldowsky-Dill et al. 2023 (arXiv 2304.05969).

    Example:
        >>> path(model, pairs, receiver=("q", 5, 3)).effect.idxmax("head")       # doctest: +SKIP
    """
    end = parse(model, receiver)
    chosen = _senders(model, senders)
    for ability in ("head", "restart", *(() if through_mlps else ("neuron",))):
        model.require(ability)
    prompts = encode(model, load_pairs(pairs))
    prompts.require_equal_lengths()
    table = Table(prompts, metric_for_pairs(model, prompts, metric), model.n_layers, model.n_heads)

    def run(batch: PairBatch) -> None:
        runs = run_pair(model, batch, through_mlps=through_mlps, patterns=end.kind in INSIDE)
        table.begin(batch, cells.unpatched(runs.source, table.metric), cells.unpatched(runs.target, table.metric))
        for layer in range(model.n_layers):
            _row(table, runs, table.metric, end, layer, chosen[layer])

    name = _in_words(end)
    what = f"patching paths to {name}"
    filled = fill(table, model, run, what=what, unit="head", progress=progress, batch_size=batch_size)
    result = table.result(
        model,
        ("layer", "head"),
        method="patching.path",
        parameters={
            "receiver": name,
            "senders": None if senders is None else [list(sender) for sender in senders],
            "through_mlps": through_mlps,
        },
        seed=seed,
    )
    result.attrs.update(receiver=name, through_mlps=int(through_mlps))
    return filled.result(result)


def _in_words(end: Node) -> str:
    if end.kind in INSIDE:
        return f"{end.kind} of head {end.layer}.{end.unit}"
    return "final" if end.kind == "final" else f"residual of layer {end.layer}"


def _row(table: Table, runs: PairRuns, metric: Metric, end: Node, layer: int, heads: list[int]) -> None:
    """Enter the cells of a layer: every sender patched, other heads NaN."""
    target = runs.target
    others = [head for head in range(target.model.n_heads) if head not in heads]
    if others:
        unknown = torch.full((len(others), target.n_samples), torch.nan)
        table.put(layer, others, unknown, torch.ones_like(unknown, dtype=torch.bool))
    if layer >= end.layer and heads:
        table.put(layer, heads, None, None)
        return
    differ = (runs.source.z[layer] != target.z[layer]).any(-1) & target.batch.mask.bool()[..., None]
    changed = differ.any(1)  # [sample, head]
    size = cells.cells_at_once(target.model, target.n_samples, target.n_positions, target.n_positions)
    for block in cells.split(heads, size):
        states = patch_path(runs, end, layer, block, last=metric.last)
        table.put(layer, block, cells.read(target, metric, states), changed[:, block].T)


def _senders(model: Model, senders: Sequence[tuple[int, int]] | None) -> list[list[int]]:
    """The heads of each layer that send."""
    if senders is None:
        return [list(range(model.n_heads)) for _ in range(model.n_layers)]
    chosen: list[set[int]] = [set() for _ in range(model.n_layers)]
    for sender in senders:
        if not is_pair(sender) or not (0 <= sender[0] < model.n_layers and 0 <= sender[1] < model.n_heads):
            raise BadArgument(
                f"sender {sender!r} is not a (layer, head) of {model.name!r}, which has layers 0 to "
                f"{model.n_layers - 1} of heads 0 to {model.n_heads - 1}"
            )
        chosen[int(sender[0])].add(int(sender[1]))
    if not any(chosen):
        raise BadArgument("senders is empty; give (layer, head) of at least one head, or None for all")
    return [sorted(heads) for heads in chosen]
