"""Prune: remove the heads that some languages do not need, and measure the effect on all on held-out texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from workbench.arguments import checked, finite, whole_number
from workbench.errors import BadArgument, Interrupted
from workbench.heads.head_score import HeadScore, HeadScores, measured, named
from workbench.heads.removal.baseline_rankings import Cells, ascending, random_ranking
from workbench.heads.removal.greedy import Step, greedy
from workbench.heads.removal.held_out_curves import held_out_curves, measure_removals
from workbench.heads.removal.pruned_checkpoint import new_folder, save_smaller
from workbench.heads.scores.built_in import built_in
from workbench.heads.scores.measure import measure
from workbench.model.batching import by_language, texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.results.make import Variables, make_result
from workbench.text.corpus import Corpus, chosen

METHODS = ("michel", "shapley", "magnitude", "random")  # default


# Long: the options of the search, of the comparison and of the measurement are the method's own.
@checked
@alone
def prune(
    model: Model,
    corpus: Corpus,
    *,
    keep: str | Sequence[str],
    drop: str | Sequence[str] = (),
    budget: float = 0.01,
    push: float = 0.0,
    candidates: int | None = 8,
    most: int | None = None,
    compare: HeadScores = METHODS,
    draws: int = 5,
    permutations: int = 4,
    points: int = 12,
    out: str | Path | None = None,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Remove heads greedily while the kept languages lose little (arXiv 2602.08625; Michel et al. 2019).

    Heads are chosen on the training half of the corpus (`corpus.split`), measured exactly and again after every
    removal, until the kept languages' mean loss there would rise by more than `budget`. The curves are measured on the
    other half: the loss of every language with 0, 1, 2 ... heads removed, in this order, in simpler ones and in random
    ones. The rise on held-out texts may be above the budget: heads were not chosen on them.

    Args:
        model: the model; it is not changed.
        corpus: texts by language, at least two of each.
        keep: languages whose loss counts against the budget.
        drop: languages that may be lost.
        budget: largest rise of the kept languages' mean loss, in nats, from 0.
        push: nats of kept loss that a nat of dropped loss is worth: above 0, heads that the dropped languages need are
            removed first.
        candidates: heads that are measured again at each step, cheapest first; None measures all, which costs the
            square of the number of heads.
        most: heads to remove at most; all but one when None.
        compare: orders beside the greedy one, lowest score first: `michel` (mean |gradient|, normed per layer),
            `shapley`, `magnitude` (norm of W_O), any other score of `agreement`, `random`, and functions of model and
            corpus that return a score (see `HeadScore`), run on the kept languages' training texts, mean over
            languages; names and functions, or a dict of either.
        draws: random orders.
        permutations: of the Shapley baseline.
        points: numbers of removed heads that are measured, evenly spaced, both ends included.
        out: a new folder for the smaller checkpoint; see `save_smaller`.

    Returns:
        `removed_head[layer, head]`, bool; `order_layer`, `order_head` and `train_rise[step]`, the greedy choices and
        the kept languages' rise on training texts [nats]. On held-out texts, in nats: `rise[order, removed, language]`
        with `low`, `high` (bootstrap over distinct texts; random is the mean of its draws), `random_rise[draw, removed,
        language]`, `baseline[language]`; `advantage[order, group]`, random's rise less the order's with all heads
        removed, mean over kept or dropped languages, with `advantage_low`, `advantage_high` and `p_value` (over texts,
        or rows of aligned ones; corrected; NaN for random itself). `kept[language]` bool. Attributes: `budget`,
        `cells`, how many removals the search measured, `cells_exhaustive`, how many `candidates=None` would have
        measured for as many steps, and with `out` what `save_smaller` reports.

    Raises:
        BadArgument: no language kept, one both kept and dropped, a budget below zero, an option out of range.
        UnknownLanguage: a language that the corpus does not have.
        BadCorpus: a language with one text only.
        BadResult: a function returned something else than a score of all heads in all languages.
        Interrupted: `partial` holds the greedy choices so far, without a curve.

    Example:
        >>> result = wb.heads.prune(model, corpus, keep="de,en", drop="ja,zh", budget=0.02)      # doctest: +SKIP
        >>> wb.figures.curves(result, "rise", order="greedy", x="removed")                      # doctest: +SKIP
    """
    keep, drop = keep_and_drop(corpus, keep, drop)
    for name, value in (("budget", budget), ("push", push)):
        finite(name, value, at_least=0)
    limits = {"candidates": candidates, "most": most, "draws": draws, "points": points, "permutations": permutations}
    for name, value in limits.items():
        if value is not None:
            whole_number(name, value, at_least=2 if name in ("points", "permutations") else 1)
    size = texts_per_batch(batch_size)
    options = {"progress": progress, "batch_size": size, "seed": seed, "truncate": truncate}
    scores = built_in(**options, permutations=permutations, together=True)
    compared = named("compare", compare, scores, reserved=["greedy"])
    model.require("head")
    if out is not None:
        new_folder(out)
    parameters = {"keep": keep, "drop": drop, "budget": budget, "push": push, "candidates": candidates, "most": most,
                  "compare": list(compared), "draws": draws, "permutations": permutations, "level": level,
                  "batch_size": size, "truncate": truncate}  # fmt: skip
    pruning = _Pruning(model, corpus.select([*keep, *drop]), keep, drop, parameters, seed)
    random: list[Cells] = []
    if compared.pop("random", None):
        random = [random_ranking(*pruning.shape, seed=seed, draw=i) for i in range(draws)]
    try:
        pruning.choose(budget, push, candidates, most, progress)
        rankings = pruning.rankings(compared)
        counts = np.unique(np.linspace(0, len(pruning.steps), min(points, len(pruning.steps) + 1)).round().astype(int))
        test = pruning.corpus.split("test")
        batches = by_language(model, model.encode(test, truncate=truncate), batch_size=size)
        table = measure_removals(model, test, batches, [*rankings.values(), *random], counts.tolist())
    except KeyboardInterrupt:
        message = f"interrupted after {len(pruning.steps)} removals; they are in .partial"
        raise Interrupted(message, partial=pruning.result({}, {}, {})) from None
    variables = held_out_curves(table, len(rankings), len(counts), pruning.groups, level, seed)
    names = [*rankings, *(["random"] if random else [])]
    attrs = {} if out is None else _save(model, pruning.steps, out)
    coords = {"order": names, "removed": counts.tolist(), "group": ["kept", "dropped"][: 1 + bool(drop)]}
    return pruning.result(variables, coords, attrs)


@dataclass
class _Pruning:
    """The heads that are removed, chosen step by step, and the Result of as many as there are."""

    model: Model
    corpus: Corpus  # the languages to keep and to drop
    keep: list[str]
    drop: list[str]
    parameters: dict[str, Any]  # what the Result records
    seed: int
    steps: list[Step] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, int]:
        """(layers, heads)."""
        return self.model.n_layers, self.model.n_heads

    @property
    def groups(self) -> list[list[int]]:
        """Places of the languages to keep and of those to drop."""
        return [[self.corpus.languages.index(code) for code in group] for group in (self.keep, self.drop)]

    @cached_property
    def train(self) -> Corpus:
        """The texts on which heads are chosen."""
        return self.corpus.split("train")

    def choose(self, budget: float, push: float, candidates: int | None, most: int | None, progress: bool) -> None:
        """Search greedily on the training texts."""
        model, total = self.model, self.shape[0] * self.shape[1]
        encoded = model.encode(self.train, truncate=self.parameters["truncate"])
        batches = by_language(model, encoded, batch_size=self.parameters["batch_size"])
        limit = min(total - 1, most or total)
        with tqdm(total=limit, desc="removal", unit="head", disable=not progress) as bar:
            for step in greedy(
                lambda scales: measure(model, self.train, batches, scales).means(),
                self.shape,
                *self.groups,
                budget=budget,
                push=push,
                candidates=candidates,
                most=limit,
            ):
                self.steps.append(step)
                bar.update()

    def rankings(self, scores: Mapping[str, HeadScore]) -> dict[str, Cells]:
        """In which order each method removes heads: the greedy choices, then by each score on the kept languages."""
        rankings: dict[str, Cells] = {"greedy": [step.head for step in self.steps]}
        for name, score in scores.items():
            values, _ = measured(name, score, self.model, self.train.select(self.keep))
            rankings[name] = ascending(values.mean("language").values)
        return rankings

    def result(self, curves: Variables, coords: dict[str, Any], attrs: dict[str, Any]) -> xr.Dataset:
        """The Result; without curves that of an interrupt."""
        total = self.shape[0] * self.shape[1]
        heads = np.array([step.head for step in self.steps], dtype=int).reshape(-1, 2)
        removed = np.zeros(self.shape, dtype=bool)
        removed[heads[:, 0], heads[:, 1]] = True
        rise = np.array([step.rise for step in self.steps], dtype=float)
        return make_result(
            {
                "removed_head": (("layer", "head"), removed, "whether the head was removed"),
                "order_layer": (("step",), heads[:, 0], "layer removed"),
                "order_head": (("step",), heads[:, 1], "head removed"),
                "train_rise": (("step",), rise, "rise of the kept languages' loss on training texts [nats]"),
                "kept": (("language",), [code in self.keep for code in self.corpus.languages], "whether it is kept"),
                **curves,
            },
            {"language": list(self.corpus.languages), **coords},
            method="heads.prune",
            owners={"rise": ["low", "high"], "advantage": ["p_value"]},
            parameters=self.parameters,
            model=self.model.info,
            corpus=self.corpus.info,
            seed=self.seed,
            attrs={
                "budget": self.parameters["budget"],
                "cells": sum(step.cells for step in self.steps),
                "cells_exhaustive": sum(total - i for i in range(len(self.steps))),
                **attrs,
            },
        )


def _save(model: Model, steps: Sequence[Step], folder: str | Path) -> dict[str, Any]:
    """Write the smaller checkpoint; what it reports, as attributes."""
    small = save_smaller(model, [step.head for step in steps], folder)
    return {
        "physical": int(small.physical),
        "note": small.note,
        "parameters_before": small.parameters[0],
        "parameters_after": small.parameters[1],
        "seconds_before": small.seconds[0],
        "seconds_after": small.seconds[1],
        "logit_difference": small.difference,
    }


def keep_and_drop(corpus: Corpus, keep: str | Sequence[str], drop: str | Sequence[str]) -> tuple[list[str], list[str]]:
    """The codes of the languages to keep and of those to drop.

    Raises:
        BadArgument: none to keep, or one in both.
        UnknownLanguage: not a language of the corpus.
    """
    if isinstance(keep, str | tuple | list) and not keep:
        raise BadArgument(f"keep={keep!r}: dropping every language leaves nothing to keep (has: {corpus.languages})")
    keep = chosen(keep, corpus.languages)
    drop = chosen(drop, corpus.languages) if len(drop) else []
    both = [language for language in keep if language in drop]
    if both:
        raise BadArgument(f"{', '.join(both)} cannot be kept and dropped; name each language once")
    return keep, drop
