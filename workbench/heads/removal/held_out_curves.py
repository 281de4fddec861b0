"""Held-out curves: what removing more and more heads does to every language, by several rankings of the heads."""

from collections.abc import Iterable, Sequence

import numpy as np

from workbench.heads.removal.baseline_rankings import Cells
from workbench.heads.scores.measure import Table, measure
from workbench.model.model import Model
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables
from workbench.results.statistics import corrected, interval, p_value
from workbench.text.batches import Batch
from workbench.text.clusters import pooled
from workbench.text.corpus import Corpus
from workbench.text.order import sort_texts

_CURVE = ("order", "removed", "language")


def measure_removals(
    model: Model, corpus: Corpus, batches: Iterable[Batch], rankings: Sequence[Cells], counts: Sequence[int]
) -> Table:
    """The losses without the first heads of each ranking: a cell for each ranking and, within it, for each count."""
    removed = [ranking[:count] for ranking in rankings for count in counts]
    scales = np.ones((len(removed), model.n_layers, model.n_heads))
    for cell, heads in enumerate(removed):
        for head in heads:
            scales[(cell, *head)] = 0
    return measure(model, corpus, batches, scales)


def held_out_curves(
    table: Table, rankings: int, counts: int, groups: list[list[int]], level: float, seed: int
) -> Variables:
    """Rises by ranking and number of removed heads, and what each ranking gains over random ones.

    The table has as many `rankings` first, then random ones, each with as many `counts` of removed heads; `groups` are
    places of the kept and of the dropped languages.
    """
    deltas = sort_texts(table.corpus, table.deltas)
    deltas = deltas.reshape(-1, counts, *deltas.shape[1:])  # [ranking, removed, language, sample]
    samples, random = deltas[:rankings], deltas[rankings:]
    if len(random):
        samples = np.concatenate([samples, random.mean(0)[None]])
    clusters = sort_texts(table.corpus, table.corpus.clusters)
    bounds = interval(samples, axis=3, level=level, seed=seed, clusters=clusters)
    drawn = np.nanmean(random, 3) if len(random) else np.zeros((0, counts, deltas.shape[2]))
    variables: Variables = {
        "rise": (_CURVE, np.nanmean(samples, 3), "rise of the loss on held-out texts [nats]"),
        **interval_ends(_CURVE, bounds, "rise over texts [nats]", level=level),
        "random_rise": (("draw", *_CURVE[1:]), drawn, "rise of the loss of each random order [nats]"),
        "baseline": (("language",), table.baseline, "mean negative log-likelihood of held-out texts [nats]"),
    }
    if len(random):
        end = samples[:, -1]  # [ranking, language, sample]
        variables |= _advantages(end[-1] - end, groups, clusters, table.corpus.aligned, level, seed)
    return variables


def _advantages(
    gain: np.ndarray, groups: list[list[int]], clusters: np.ndarray, aligned: bool, level: float, seed: int
) -> Variables:
    """What each ranking gains over random ones [ranking, language, sample], random being last, by group."""
    groups = [group for group in groups if group]
    # Translations of one text are no independent samples: in an aligned corpus a row counts once. In others a row means
    # nothing, and languages are pooled side by side.
    gains = [gain[:, group] for group in groups]
    gains = [np.nanmean(part, 1) if aligned else part.reshape(len(part), -1) for part in gains]
    owners = [pooled(clusters[group], aligned=aligned) for group in groups]
    pairs = list(zip(gains, owners, strict=True))
    bounds = np.stack([interval(part, axis=1, level=level, seed=seed, clusters=own) for part, own in pairs], 2)
    # Random itself is no test.
    p = corrected(np.stack([p_value(part[:-1], axis=1, clusters=own) for part, own in pairs], 1))
    p = np.concatenate([p, np.full_like(p[:1], np.nan)])
    axes, advantage = ("order", "group"), np.stack([np.nanmean(part, 1) for part in gains], 1)
    return {
        "advantage": (axes, advantage, "random's rise less this one's [nats]"),
        **interval_ends(axes, bounds, "advantage [nats]", level=level, name="advantage"),
        "p_value": (axes, p, "p-value that advantage is 0, corrected"),
    }
