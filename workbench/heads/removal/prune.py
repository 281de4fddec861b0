"""Prune: remove the heads that some languages do not need, and measure on held-out texts what it did to all."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from workbench.arguments import checked, finite, whole_number
from workbench.errors import BadArgument, Interrupted
from workbench.heads.head_score import HeadScores, measured, named
from workbench.heads.removal import baseline_rankings
from workbench.heads.removal.greedy import Step, greedy
from workbench.heads.removal.pruned_checkpoint import new_folder, save_smaller
from workbench.heads.scores.built_in import built_in
from workbench.heads.scores.measure import Table, measure
from workbench.model.batching import by_language, texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.results.make import Variables, make_result
from workbench.results.statistics import corrected, interval, p_value
from workbench.text.clusters import pooled
from workbench.text.corpus import Corpus, chosen
from workbench.text.order import sort_texts

METHODS = ("michel", "shapley", "magnitude", "random")  # default
_CURVE = ("order", "removed", "language")


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
    """Remove heads greedily while the kept languages can spare them (arXiv 2602.08625; Michel et al. 2019).

    Heads are chosen on the training half of the corpus (`corpus.split`), measured exactly and again after every
    removal, until the kept languages' mean loss there would rise by more than `budget`. What is returned was measured
    on the other half: the loss of every language with 0, 1, 2 ... heads removed, beside the same number of heads by
    simpler orders and by random ones. The rise on held-out texts may be above the budget: it was not chosen on them.

    Args:
        model: the model; it is not changed.
        corpus: texts by language, at least two of each.
        keep: languages whose loss counts against the budget.
        drop: languages that may be lost.
        budget: largest rise of the kept languages' mean loss, in nats, from 0.
        push: nats of kept loss that a nat of dropped loss is worth: above 0, heads that the dropped languages need go
            first.
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
        level: of the confidence intervals.
        progress: show a progress bar.
        batch_size: texts side by side; `"auto"` is at most 32. Results differ by rounding alone.
        seed: of random orders and the bootstrap.
        truncate: cut texts that are longer than the model's context instead of refusing them.

    Returns:
        `removed_head[layer, head]`, bool; `order_layer`, `order_head` and `train_rise[step]`, the greedy choices and
        the kept languages' rise on training texts [nats]. On held-out texts, in nats: `rise[order, removed, language]`
        with `low`, `high` (bootstrap over distinct texts; random is the mean of its draws), `random_rise[draw, removed,
        language]`, `baseline[language]`; `advantage[order, group]`, random's rise less the order's with all heads
        removed, mean over kept or dropped languages, with `advantage_low`, `advantage_high` and `p_value` (over
        texts, or rows of aligned ones; corrected; NaN for random itself). `kept[language]` bool. Attributes: `budget`,
        `cells` spent by the search,
        `cells_exhaustive`, what `candidates=None` would have cost for as many steps, and with `out` what
        `save_smaller` reports.

    Raises:
        BadArgument: no language kept, one both kept and dropped, a budget below zero, an option out of range.
        UnknownLanguage: a language that the corpus does not have.
        BadCorpus: a language with one text only.
        BadResult: a function returned something else than a score of all heads in all languages.
        Interrupted: `partial` holds the greedy choices so far, without a curve.

    Example:
        >>> found = wb.heads.prune(model, corpus, keep="de,en", drop="ja,zh", budget=0.02)       # doctest: +SKIP
        >>> wb.figures.curves(found, "rise", order="greedy", x="removed")                       # doctest: +SKIP
    """
    kept, dropped = _languages(corpus, keep, drop)
    _check(budget, push, candidates, most, draws, points, permutations)
    size = texts_per_batch(batch_size)
    options = {"progress": progress, "batch_size": size, "seed": seed, "truncate": truncate}
    scores = built_in(**options, permutations=permutations, together=True)
    baselines = named("compare", compare, scores, reserved=["greedy"])
    compared = list(baselines)
    chance = baselines.pop("random", None)
    model.require("head")
    if out is not None:
        new_folder(out)
    shape = (model.n_layers, model.n_heads)
    some = corpus.select([*kept, *dropped])
    train, test = some.split("train"), some.split("test")
    encoded = model.encode(train, truncate=truncate)
    batches = by_language(model, encoded, batch_size=size)
    steps: list[Step] = []
    limit = min(shape[0] * shape[1] - 1, most or shape[0] * shape[1])

    def result(variables: Variables, coords: dict[str, Any], attrs: dict[str, Any]) -> xr.Dataset:
        spent = sum(step.cells for step in steps)
        exhaustive = sum(shape[0] * shape[1] - i for i in range(len(steps)))
        removed = np.zeros(shape, dtype=bool)
        for step in steps:
            removed[step.head] = True
        return make_result(
            {
                "removed_head": (("layer", "head"), removed, "whether the head was removed"),
                "order_layer": (("step",), np.array([step.head[0] for step in steps], dtype=int), "layer removed"),
                "order_head": (("step",), np.array([step.head[1] for step in steps], dtype=int), "head removed"),
                "train_rise": (
                    ("step",),
                    np.array([step.rise for step in steps], dtype=float),
                    "rise of the kept languages' loss on training texts [nats]",
                ),
                "kept": (("language",), [language in kept for language in some.languages], "whether it is kept"),
                **variables,
            },
            {"language": list(some.languages), **coords},
            method="heads.prune",
            owners={"rise": ["low", "high"], "advantage": ["p_value"]},
            parameters={
                "keep": kept,
                "drop": dropped,
                "budget": budget,
                "push": push,
                "candidates": candidates,
                "most": most,
                "compare": compared,
                "draws": draws,
                "permutations": permutations,
                "level": level,
                "batch_size": size,
                "truncate": truncate,
            },
            model=model.info,
            corpus=corpus.info,
            seed=seed,
            attrs={"budget": budget, "cells": spent, "cells_exhaustive": exhaustive, **attrs},
        )

    places = [list(some.languages).index(language) for language in kept]
    others = [list(some.languages).index(language) for language in dropped]
    try:
        with tqdm(total=limit, desc="removal", unit="head", disable=not progress) as bar:
            search = greedy(
                lambda scales: measure(model, train, batches, scales).means(),
                shape,
                places,
                others,
                budget=budget,
                push=push,
                candidates=candidates,
                most=limit,
            )
            for step in search:
                steps.append(step)
                bar.update()
        given = {"greedy": [step.head for step in steps]}
        for name, score in baselines.items():
            table, _ = measured(name, score, model, train.select(kept))
            given[name] = baseline_rankings.ascending(table.mean("language").values)
        chances = [baseline_rankings.random_ranking(*shape, seed=seed, draw=i) for i in range(draws if chance else 0)]
        counts = np.unique(np.linspace(0, len(steps), min(points, len(steps) + 1)).round().astype(int))
        tested = by_language(model, model.encode(test, truncate=truncate), batch_size=size)
        every = [*given.values(), *chances]
        scales = np.stack([_without(order[:count], shape) for order in every for count in counts])
        table = measure(model, test, tested, scales)
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted after {len(steps)} removals; they are in .partial", partial=result({}, {}, {})
        ) from None
    variables = _curves(table, list(given), len(chances), len(counts), [places, others], level, seed)
    names = [*given, *(["random"] if chances else [])]
    attrs: dict[str, Any] = {}
    if out is not None:
        small = save_smaller(model, [step.head for step in steps], out)
        attrs = {
            "physical": int(small.physical),
            "note": small.note,
            "parameters_before": small.parameters[0],
            "parameters_after": small.parameters[1],
            "seconds_before": small.seconds[0],
            "seconds_after": small.seconds[1],
            "logit_difference": small.difference,
        }
    coords = {"order": names, "removed": counts.tolist(), "group": ["kept", "dropped"][: 1 + bool(others)]}
    return result(variables, coords, attrs)


def _curves(
    table: Table, named: list[str], draws: int, counts: int, groups: list[list[int]], level: float, seed: int
) -> Variables:
    """Held-out rises by order and number of removed heads, and what they gain over random orders."""
    deltas = sort_texts(table.corpus, table.deltas)
    deltas = deltas.reshape(len(named) + draws, counts, *deltas.shape[1:])  # [order, removed, language, sample]
    samples = deltas[: len(named)]
    if draws:
        samples = np.concatenate([samples, deltas[len(named) :].mean(0)[None]])
    own = sort_texts(table.corpus, table.corpus.clusters)
    low, high = interval(samples, axis=3, level=level, seed=seed, clusters=own)
    drawn = np.nanmean(deltas[len(named) :], 3) if draws else np.zeros((0, counts, deltas.shape[2]))
    ends = f"of the {level:.0%} interval of"
    found: Variables = {
        "rise": (_CURVE, np.nanmean(samples, 3), "rise of the loss on held-out texts [nats]"),
        "low": (_CURVE, low, f"lower end {ends} rise over texts [nats]"),
        "high": (_CURVE, high, f"upper end {ends} rise over texts [nats]"),
        "random_rise": (("draw", *_CURVE[1:]), drawn, "rise of the loss of each random order [nats]"),
        "baseline": (("language",), table.baseline, "mean negative log-likelihood of held-out texts [nats]"),
    }
    gain = (
        (samples[-1] - samples)[:, -1] if draws else np.full_like(samples[:, -1], np.nan)
    )  # [order, language, sample]
    if not draws:
        return found
    # Translations of one text are no independent samples: in an aligned corpus a row counts once. In others a row means
    # nothing, and languages are pooled side by side.
    parts = [gain[:, group] for group in groups if group]
    aligned = table.corpus.aligned
    taken = [np.nanmean(one, 1) if aligned else one.reshape(len(one), -1) for one in parts]
    owners = [pooled(own[group], aligned=aligned) for group in groups if group]
    axes = ("order", "group")
    both = list(zip(taken, owners, strict=True))
    bounds = [interval(part, axis=1, level=level, seed=seed, clusters=one) for part, one in both]
    found["advantage"] = (axes, np.stack([np.nanmean(p, 1) for p in taken], 1), "random's rise less this one's [nats]")
    found["advantage_low"] = (axes, np.stack([b[0] for b in bounds], 1), f"lower end {ends} advantage [nats]")
    found["advantage_high"] = (axes, np.stack([b[1] for b in bounds], 1), f"upper end {ends} advantage [nats]")
    # Random itself is no test.
    p = corrected(np.stack([p_value(part[:-1], axis=1, clusters=one) for part, one in both], 1))
    found["p_value"] = (
        axes,
        np.concatenate([p, np.full_like(p[:1], np.nan)]),
        "p-value that advantage is 0, corrected",
    )
    return found


def _without(heads: Sequence[tuple[int, int]], shape: tuple[int, int]) -> np.ndarray:
    scales = np.ones(shape)
    for cell in heads:
        scales[cell] = 0
    return scales


def _languages(corpus: Corpus, keep: str | Sequence[str], drop: str | Sequence[str]) -> tuple[list[str], list[str]]:
    if isinstance(keep, str | tuple | list) and not keep:
        raise BadArgument(f"keep={keep!r}: dropping every language leaves nothing to keep (has: {corpus.languages})")
    kept = chosen(keep, corpus.languages)
    dropped = chosen(drop, corpus.languages) if len(drop) else []
    both = [language for language in kept if language in dropped]
    if both:
        raise BadArgument(f"{', '.join(both)} cannot be kept and dropped; name each language once")
    return kept, dropped


def _check(budget: float, push: float, candidates: int | None, most: int | None, *counts: int) -> None:
    draws, points, permutations = counts
    finite("budget", budget, at_least=0)
    finite("push", push, at_least=0)
    for name, value in (("candidates", candidates), ("most", most)):
        if value is not None:
            whole_number(name, value, at_least=1)
    for name, value, least in (("draws", draws, 1), ("points", points, 2), ("permutations", permutations, 2)):
        whole_number(name, value, at_least=least)
