"""Circuits: the smallest set of heads that keeps a task, found greedily, and how faithful and complete it is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from tqdm.auto import tqdm

from workbench.errors import BadArgument, BadPairs, Interrupted
from workbench.model.metrics import logit_difference
from workbench.model.model import Model
from workbench.model.record import record
from workbench.model.rerun import rescale
from workbench.patching.answers import choose
from workbench.patching.effects import normalise
from workbench.patching.prompts import Prompts, batches, cells_at_once, encode
from workbench.results.make import make_result
from workbench.text.pairs import Pairs, load_pairs

Head = tuple[int, int]


@torch.no_grad()
def circuit(
    model: Model,
    pairs: Any,
    *,
    keep: float = 0.9,
    drop: float = 0.0,
    controls: int = 20,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Take heads away one after the other, always the one that is missed least, until none is left.

    A head that is taken away gives its mean output over the pairs' prompts in place of its own. The order is found on
    every other pair and everything that is reported is measured on the rest, so that a circuit is not praised for what
    it was chosen by.

    Args:
        model: the model.
        pairs: Pairs, or what `load_pairs` reads, at least four; the task is to prefer the answer to the foil after the
            source prompt.
        keep: the share of the task that the circuit must keep.
        drop: the share of the heads left that is taken away at a time, the least missed of them; at least one. 0 is
            the greedy search itself, 0.2 a tenth of its work.
        controls: random orders of heads to compare with.
        progress: show a progress bar.
        batch_size: pairs per forward pass.
        seed: of the random orders and the bootstrap.

    Returns:
        `faithfulness[size]`, the share of the task that the last `size` heads of the order keep alone: 1 is the whole
        model, 0 all heads taken away; `completeness[size]`, the share that is left when these heads are taken away
        instead (a complete circuit leaves 0); each with a 95 % bootstrap interval over held-out pairs (`..._low`,
        `..._high`); `random[size]`, the mean faithfulness of random sets of the same size, with `random_low` and
        `random_high`, the middle 95 % of them; `rank[layer, head]`, 1 for the head that is kept longest;
        `member[layer, head]`, the smallest set from which on faithfulness stays at `keep` or above. Attributes: `size`
        of that set, `keep`, `found_on` and `measured_on`, counts of pairs.

    Raises:
        UnsupportedSite: edits of heads do not work in this architecture.
        BadArgument: a number outside its range.
        BadPairs: fewer than four pairs, or answer and foil begin with the same token.
        Interrupted: `partial` is None; an unfinished order says nothing.

    Source:
        Wang et al. 2022 (arXiv 2211.00593) for faithfulness and completeness; Conmy et al. 2023 (arXiv 2304.14997) for
        taking away what is missed least.

    Example:
        >>> circuit(model, wb.translation_pairs("words", source="de", target="fr", limit=16)).size   # doctest: +SKIP
    """
    if not 0 <= drop < 1:
        raise BadArgument(f"drop={drop!r}; it is a share from 0 to below 1")
    if not 0 < keep <= 1 or isinstance(controls, bool) or not isinstance(controls, int) or controls < 1:
        raise BadArgument(f"keep={keep!r}, controls={controls!r}; a share above 0 up to 1, and controls from 1")
    model.require("head")
    model.require("restart")
    prompts = encode(model, load_pairs(pairs))
    if len(prompts) < 4:
        raise BadPairs(f"{len(prompts)} pairs are too few: half of them find the circuit and half measure it; give 4")
    finding, measuring = (_Task(model, _some(prompts, start), batch_size) for start in (0, 1))
    (one, tokens), (other, more) = finding.total, measuring.total
    finding.means = measuring.means = ((one + other) / (tokens + more)).to(model.dtype)
    every = [(layer, head) for layer in range(model.n_layers) for head in range(model.n_heads)]
    bar = tqdm(total=len(every), desc="circuit", unit="head", disable=not progress)
    try:
        order, left = [], list(every)
        while left:
            trials = [[head for head in left if head != gone] for gone in left]
            values = finding.kept(trials).mean(1)
            least = np.argsort(-values, kind="stable")[: max(1, int(drop * len(left)))]
            order += [left[i] for i in least]
            left = [head for head in left if head not in order]
            bar.update(len(least))
        nested = [order[len(order) - size :] for size in range(len(order) + 1)]
        alone = measuring.kept(nested)
        without = measuring.kept([[head for head in every if head not in some] for some in nested])
        rng = np.random.default_rng(seed)
        shuffled = [[every[i] for i in rng.permutation(len(every))] for _ in range(controls)]
        chance = np.stack([measuring.kept([some[:size] for size in range(len(every) + 1)]) for some in shuffled])
    except KeyboardInterrupt:
        raise Interrupted("interrupted: the order of the heads is not finished, nothing is kept", None) from None
    finally:
        bar.close()
    options = {"keep": keep, "drop": drop, "controls": controls}
    return _result(model, prompts, order, alone, without, chance, options, seed)


def _some(prompts: Prompts, start: int) -> Prompts:
    """Every other pair."""
    pairs = Pairs(prompts.pairs.items[start::2], prompts.pairs.name)
    return Prompts(pairs, prompts.source[start::2], prompts.target[start::2])


class _Task:
    """The logit difference of each pair's source prompt with only some heads as they are."""

    means: Tensor  # of every head's output, [layer, head, d_head]

    def __init__(self, model: Model, prompts: Prompts, batch_size: int | str):
        self.model, self.pairs = model, len(prompts)
        self.tokens = choose(model, prompts, "logit_difference").tokens
        self.runs = [(batch, record(model, batch.source, heads=True)) for batch in batches(model, prompts, batch_size)]

    @property
    def total(self) -> tuple[Tensor, int]:
        """Sum of all heads' outputs over all tokens, and how many tokens."""
        masks = [recording.batch.mask.bool() for _, recording in self.runs]
        sums = [
            torch.stack([z[real].float().sum(0) for z in recording.z])
            for real, (_, recording) in zip(masks, self.runs, strict=True)
        ]
        return torch.stack(sums).sum(0), sum(int(real.sum()) for real in masks)

    def kept(self, sets: Sequence[Sequence[Head]]) -> np.ndarray:
        """[set, pair]: the metric with every other head at its mean."""
        scales = torch.zeros(len(sets), self.model.n_layers, self.model.n_heads, device=self.model.device)
        for row, heads in enumerate(sets):
            for layer, head in heads:
                scales[row, layer, head] = 1.0
        values = np.empty((len(sets), self.pairs))
        for batch, recording in self.runs:
            rows = list(batch.rows)
            answers, foils = (torch.tensor([self.tokens[name][row] for row in rows]) for name in ("answer", "foil"))
            metric = logit_difference(answers.to(self.model.device), foils.to(self.model.device))
            positions = recording.n_positions
            size = cells_at_once(self.model, recording.n_samples, positions, positions)
            for start in range(0, len(sets), size):
                states: Tensor = rescale(recording, heads=scales[start : start + size], head_fill=self.means, last=True)
                read = metric.read(self.model, states[:, :, -1:], recording.batch)
                values[start : start + size, rows] = read.double().cpu().numpy()
        return values


def _result(
    model: Model,
    prompts: Prompts,
    order: list[Head],
    alone: np.ndarray,
    without: np.ndarray,
    chance: np.ndarray,
    options: dict[str, Any],
    seed: int,
) -> xr.Dataset:
    """Curves over sizes 0 ... all; `alone`, `without` [size, pair], `chance` [control, size, pair]."""
    none, whole = alone[0].mean(), alone[-1].mean()
    if abs(whole - none) < 1e-6:
        raise BadPairs("the task is the same with and without heads, so no head carries it; choose other pairs")

    pairs = np.ones(alone.shape[1], dtype=bool)
    curves = {
        name: normalise(values.T[:, None], alone[-1], alone[0], pairs, seed)
        for name, values in (("faithfulness", alone), ("completeness", without))
    }
    random_ = (chance.mean(-1) - none) / (whole - none)  # [control, size]
    faithful = curves["faithfulness"].effect[0]
    below = np.flatnonzero(faithful < options["keep"])
    size = int(below.max()) + 1 if len(below) else 0
    rank = np.empty((model.n_layers, model.n_heads), dtype=int)
    for place, (layer, head) in enumerate(order):
        rank[layer, head] = len(order) - place
    texts = {
        "faithfulness": "share of the task that these heads keep alone",
        "completeness": "share of the task that is left without these heads",
    }
    variables: dict[str, tuple[tuple[str, ...], Any, str]] = {
        "rank": (("layer", "head"), rank, "1 for the head that is kept longest"),
        "member": (("layer", "head"), rank <= size, "belongs to the circuit"),
        "random": (("size",), random_.mean(0), "share of the task that random sets of heads keep"),
        "random_low": (("size",), np.quantile(random_, 0.025, axis=0), "lower end of the middle 95 % of random sets"),
        "random_high": (("size",), np.quantile(random_, 0.975, axis=0), "upper end of the middle 95 % of random sets"),
    }
    for name, found in curves.items():
        variables[name] = (("size",), found.effect[0], texts[name])
        variables[f"{name}_low"] = (
            ("size",),
            found.low[0],
            "lower end of the 95 % bootstrap interval over held-out pairs",
        )
        variables[f"{name}_high"] = (
            ("size",),
            found.high[0],
            "upper end of the 95 % bootstrap interval over held-out pairs",
        )
    counts = {"found_on": len(prompts) - alone.shape[1], "measured_on": alone.shape[1]}
    return make_result(
        variables,
        {},
        method="patching.circuit",
        parameters=options,
        model=model.info,
        corpus=prompts.pairs.info,
        seed=seed,
        attrs={"size": size, "keep": options["keep"], **counts},
    )
