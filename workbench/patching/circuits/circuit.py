"""Circuits: the smallest set of heads and neurons that keeps a task, by greedy search, and how faithful it is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from tqdm.auto import tqdm

from workbench.arguments import checked, finite, whole_number
from workbench.errors import BadArgument, BadPairs, Interrupted
from workbench.model.forward.alone import alone
from workbench.model.metrics import Metric
from workbench.model.model import Model
from workbench.patching.circuits.mean_ablated_task import Task, Unit
from workbench.patching.engine.effects import LEVEL, normalise
from workbench.patching.engine.pair_metric import metric_for_pairs
from workbench.patching.engine.prompts import Prompts, encode
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.text.pairs import load_pairs

_CURVES = {
    "faithfulness": "share of the task that these keep alone",
    "completeness": "share of the task that is left without these",
}


# Long: the parameters are the method's own options.
@checked
@alone
@torch.no_grad()
def circuit(
    model: Model,
    pairs: Any,
    *,
    over: Sequence[str] = ("head",),
    metric: str | Metric = "logit_difference",
    keep: float = 0.9,
    drop: float = 0.0,
    candidates: int = 32,
    controls: int = 20,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Ablate heads, neurons or both one after the other, always the least important, until none is left.

    What is ablated is set to its mean over the pairs' prompts. The order is found on every other distinct pair and
    measured on the rest, so that a circuit is not scored on the pairs that chose it. Neurons are first ranked by
    attribution patching; the most important are tried one by one, the others in blocks of neighbours in that ranking,
    each twice as large as the next. Every trial is an exact run.

    Args:
        model: the model.
        pairs: Pairs, or what `load_pairs` reads, at least four; the task is to prefer the answer to the foil after the
            source prompt.
        over: what is ablated: `("head",)`, `("neuron",)`, or both. The rest of the model stays as it is.
        metric: how well the task is done: `logit_difference`, `answer_probability` or `nll`, or a Metric, which has a
            gradient where neurons are ablated; more is better, unless it says `lower_is_better`.
        keep: the share of the task that the circuit must keep.
        drop: the share of what is left that is ablated at a time, the least important of it; at least one unit. 0 is
            the greedy search itself, 0.2 a tenth of its work.
        candidates: neurons that are tried one by one.
        controls: random sets of each size to compare with.

    Returns:
        Over `size`, the number of units that are kept: heads, and neurons or blocks of them. `heads[size]` and
        `neurons[size]` count what that is. `faithfulness[size]`, the share of the task that the last `size` units of
        the order keep alone: 1 is the whole model, 0 everything of `over` ablated; `completeness[size]`, the share
        that is left when these are ablated instead (a complete circuit leaves 0); each with a 95 % bootstrap
        interval over held-out pairs (`..._low`, `..._high`); `random[size]`, the mean faithfulness of random sets of as
        many heads and neurons, with `random_low` and `random_high`, the middle 95 % of them. `rank[layer, head]`, 1 for
        the unit that is kept longest; `member[layer, head]`, the smallest set from which on the curve of
        faithfulness stays at `keep` or above, read off that curve and so slightly optimistic;
        `neuron_rank[layer, neuron]`, `neuron_member[layer, neuron]`. Attributes: `size` of that set,
        `size_heads`, `size_neurons`, `keep`, `found_on` and `measured_on`, counts of pairs.

    Raises:
        UnsupportedSite: edits of heads or neurons do not work in this architecture.
        BadArgument: a number outside its range, or nothing to ablate.
        BadPairs: fewer than four pairs, answer and foil begin with the same token, or ablating all changes nothing.
        Interrupted: `partial` is None; an unfinished order has no result.

    Source:
        Wang et al. 2022 (arXiv 2211.00593) for faithfulness and completeness; Conmy et al. 2023 (arXiv 2304.14997) for
        ablating the least important first.

    Example:
        >>> circuit(model, wb.translation_pairs("words", source="de", target="fr", limit=16)).size   # doctest: +SKIP
    """
    over = tuple(over)
    if not over or len(set(over)) < len(over) or not set(over) <= {"head", "neuron"}:
        raise BadArgument(f"over={over!r}; it is ('head',), ('neuron',) or ('head', 'neuron')")
    finite("drop", drop, at_least=0, below=1)
    finite("keep", keep, above=0, at_most=1)
    whole_number("candidates", candidates)
    whole_number("controls", controls, at_least=1)
    for ability in (*over, "head", "restart"):
        model.require(ability)
    prompts = encode(model, load_pairs(pairs))
    distinct = int(prompts.pairs.clusters.max()) + 1
    if distinct < 4:
        raise BadPairs(
            f"{distinct} pairs are too few (repeats count once): half find the circuit and half measure it; give 4"
        )
    reads = metric_for_pairs(model, prompts, metric).metric
    halves = [np.flatnonzero(prompts.pairs.clusters % 2 == half) for half in (0, 1)]
    finding, measuring = (Task(model, prompts, rows.tolist(), reads, batch_size, over) for rows in halves)
    finding.share_means(measuring)
    every = _units(model, finding, candidates)
    total = _trials(len(every), drop) + (2 + controls) * (len(every) + 1)
    bar = tqdm(total=total, desc=f"circuit of {len(every)} parts", unit="set", disable=not progress)

    def measure(task: Task, sets: list[list[Unit]]) -> np.ndarray:
        values = task.metric_keeping_only(sets)
        bar.update(len(sets))
        return values

    try:
        order, left = [], list(every)
        while left:
            values = measure(finding, [[unit for unit in left if unit != gone] for gone in left]).mean(1)
            values = values if reads.lower_is_better else -values
            least = np.argsort(values, kind="stable")[: _dropped(len(left), drop)]
            order += [left[i] for i in least]
            left = [unit for unit in left if unit not in order]
        nested = [order[len(order) - size :] for size in range(len(order) + 1)]
        alone = measure(measuring, nested)
        without = measure(measuring, [[unit for unit in every if unit not in some] for some in nested])
        rng = np.random.default_rng(seed)
        chance = np.stack([measure(measuring, _as_many(model, nested, rng)) for _ in range(controls)])
    except KeyboardInterrupt:
        raise Interrupted("interrupted: the order is not finished, no partial result", None) from None
    finally:
        bar.close()
    options = {"over": list(over), "metric": reads.name, "keep": keep, "drop": drop, "candidates": candidates}
    options |= {"controls": controls, "level": LEVEL}
    return _result(
        model, prompts, prompts.some(halves[1]).pairs.clusters, nested, alone, without, chance, options, seed
    )


def _dropped(left: int, drop: float) -> int:
    """How many of the units that are left are ablated at a time."""
    return max(1, int(drop * left))


def _trials(left: int, drop: float) -> int:
    """How many sets the search tries until no unit is left."""
    trials = 0
    while left:
        trials, left = trials + left, left - _dropped(left, drop)
    return trials


def _units(model: Model, task: Task, candidates: int) -> list[Unit]:
    """Heads one by one; neurons in blocks, then one by one."""
    heads = range(model.n_layers * model.n_heads if "head" in task.over else 0)
    units = [Unit("head", (head,)) for head in heads]
    ranked = task.neurons_by_loss() if "neuron" in task.over else []
    singles = ranked[max(len(ranked) - candidates, 0) :]
    rest, width, blocks = ranked[: len(ranked) - len(singles)], max(candidates, 1), []
    while rest:  # from the end, where they matter more
        blocks.append(Unit("neuron", tuple(rest[-width:])))
        rest, width = rest[:-width], 2 * width
    return [*units, *blocks[::-1], *(Unit("neuron", (neuron,)) for neuron in singles)]


def _counts(units: Sequence[Unit], kind: str) -> int:
    return sum(len(unit.members) for unit in units if unit.kind == kind)


def _as_many(model: Model, sets: Sequence[Sequence[Unit]], rng: np.random.Generator) -> list[list[Unit]]:
    """Random sets, each within the next, of as many heads and neurons as each of these."""
    order = {
        kind: rng.permutation(model.n_layers * width).tolist()
        for kind, width in (("head", model.n_heads), ("neuron", model.n_neurons))
    }
    return [[Unit(kind, tuple(order[kind][: _counts(units, kind)])) for kind in order] for units in sets]


def _result(
    model: Model,
    prompts: Prompts,
    clusters: np.ndarray,
    nested: list[list[Unit]],
    alone: np.ndarray,
    without: np.ndarray,
    chance: np.ndarray,
    options: dict[str, Any],
    seed: int,
) -> xr.Dataset:
    """Curves over sizes 0 ... all; `alone`, `without` [size, pair], `chance` [control, size, pair]."""
    none, whole = alone[0].mean(), alone[-1].mean()
    if abs(whole - none) < 1e-6:
        kinds = " and ".join(f"{kind}s" for kind in options["over"])
        raise BadPairs(f"the task is the same with and without {kinds}, so they do not carry it; choose other pairs")

    pairs = np.ones(alone.shape[1], dtype=bool)
    curves = {
        name: normalise(values.T[:, None], alone[-1], alone[0], pairs, seed, clusters)
        for name, values in (("faithfulness", alone), ("completeness", without))
    }
    random_ = (chance.mean(-1) - none) / (whole - none)  # [control, size]
    faithful = curves["faithfulness"].effect[0]
    below = np.flatnonzero(faithful < options["keep"])
    size = int(below.max()) + 1 if len(below) else 0
    variables: Variables = {
        "random": (("size",), random_.mean(0), "share of the task that random sets of as many keep"),
        "random_low": (("size",), np.quantile(random_, 0.025, axis=0), "lower end of the middle 95 % of random sets"),
        "random_high": (("size",), np.quantile(random_, 0.975, axis=0), "upper end of the middle 95 % of random sets"),
    }
    for kind, prefix in (("head", ""), ("neuron", "neuron_")):
        variables[f"{kind}s"] = (("size",), [_counts(units, kind) for units in nested], f"{kind}s that are kept")
        if kind in options["over"]:
            rank = _ranks(model, nested[-1], kind)
            variables[f"{prefix}rank"] = (("layer", kind), rank, "1 for what is kept longest")
            variables[f"{prefix}member"] = (("layer", kind), rank <= size, "belongs to the circuit")
    for name, curve in curves.items():
        variables[name] = (("size",), curve.effect[0], _CURVES[name])
        bounds, of = (curve.low[0], curve.high[0]), f"{name} over held-out pairs"
        variables |= interval_ends(("size",), bounds, of, level=LEVEL, name=name)
    parts = {f"size_{kind}s": _counts(nested[size], kind) for kind in ("head", "neuron")}
    counts = {"found_on": len(prompts) - alone.shape[1], "measured_on": alone.shape[1]}
    counts |= prompts.pairs.distinct_count("pairs_distinct")
    return make_result(
        variables,
        {},
        method="patching.circuit",
        parameters=options,
        model=model.info,
        corpus=prompts.pairs.info,
        seed=seed,
        attrs={"size": size, "keep": options["keep"], **parts, **counts},
    )


def _ranks(model: Model, order: Sequence[Unit], kind: str) -> np.ndarray:
    """[layer, head or neuron] of places from the end of the order."""
    flat = np.empty(model.n_layers * (model.n_heads if kind == "head" else model.n_neurons), dtype=int)
    for place, unit in enumerate(order):
        if unit.kind == kind:
            flat[list(unit.members)] = len(order) - place
    return flat.reshape(model.n_layers, -1)
