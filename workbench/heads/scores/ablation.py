"""Ablation: the exact change of the loss when one head's output is replaced, for every head and language."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr

from workbench.arguments import checked, one_of
from workbench.heads.attention.mean_pattern import frozen
from workbench.heads.groups import AXES, SAMPLES, chosen_heads
from workbench.heads.scores.replacements import Replacement, mean, resample, scaled, zero
from workbench.model.batching import by_language, texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.forward.record import record
from workbench.model.forward.rerun import replace_heads
from workbench.model.memory import cells_at_once
from workbench.model.metrics import Metric, nll, require_finite
from workbench.model.model import Model
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.resuming.progress import resumed
from workbench.results.resuming.stoppable import Stoppable
from workbench.results.statistics import corrected, interval, p_value
from workbench.text.batches import Batch, Encoded
from workbench.text.corpus import Corpus
from workbench.text.order import sort_texts

HOW = ("zero", "mean", "resample", "mean_language", "mean_position", "resample_same", "scale", "pattern")


# Long: what replaces an output, in which heads, and what is measured are an option each.
@checked
@alone
def ablate(
    model: Model,
    corpus: Corpus,
    *,
    how: str = "zero",
    heads: Sequence[tuple[int, int]] | None = None,
    metric: Metric = nll,
    scale: float = 2.0,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Ablate one head at a time and measure the effect on each language (Michel et al. 2019; arXiv 2602.08625).

    Delta = NLL with the head's output replaced at every position - NLL, exactly: all that follows is computed again.

    Args:
        model: the model.
        corpus: texts by language.
        how: what the head's output becomes: `"zero"`; `"scale"`, itself times `scale`; its mean over all positions
            (with BOS) of all texts (`"mean"`), of the texts of the same language (`"mean_language"`) or over all texts
            at the same position (`"mean_position"`); its output in a donor text of another (`"resample"`) or of the
            same language (`"resample_same"`), chosen by `seed` and the text itself, position by position, a shorter
            donor repeating; `"pattern"`, the text's own values by the head's mean attention pattern. With values of its
            own language a head may keep language information; with those of the whole corpus it loses that too.
        heads: (layer, head) pairs to ablate; all when None. The others are NaN in the Result.
        metric: what is measured of each text, with each head and without.
        scale: the factor of `how="scale"`.

    Returns:
        In nats, or the metric's unit: `delta[language, layer, head]`, mean over texts; `low`, `high`, its bootstrap
        interval over distinct texts; `p_value`, t-test over distinct texts that it is 0, Benjamini-Hochberg corrected
        over all cells; `baseline[language]`, of the whole model; `sample_delta[language, sample, layer, head]`, NaN
        where a language has fewer texts than another.

    Raises:
        BadArgument: an option out of range, or a head that does not exist.
        TooFewLanguages, BadCorpus: `resample` with one language, `resample_same` with one text in a language.
        UnsupportedSite: head outputs cannot be edited in this architecture, or its patterns cannot be read.
        NotFinite: a loss is NaN or infinite.
        TooLarge: a text exceeds the context and `truncate` is off.
        Interrupted: Ctrl-C; `partial` holds the cells (language, layer, head) that were finished, NaN elsewhere.

    Example:
        >>> result = wb.heads.ablate(wb.load_model(), wb.load_corpus(limit=20), how="mean")       # doctest: +SKIP
    """
    one_of("how", how, HOW)
    size = texts_per_batch(batch_size)
    model.require("head")
    if how == "pattern":
        model.require("pattern")
    shape = (model.n_layers, model.n_heads)
    mask = np.ones(shape, bool) if heads is None else chosen_heads(heads, *shape)
    layers = {int(layer): np.flatnonzero(mask[layer]).tolist() for layer in np.flatnonzero(mask.any(1))}
    encoded = model.encode(corpus, truncate=truncate)
    sweep = _Sweep(model, corpus, layers, metric)
    cells = [[layer, head] for layer in layers for head in layers[layer]]
    replaced = {"how": how, "metric": metric.name, "heads": "all" if heads is None else cells}
    replaced["scale"] = scale if how == "scale" else None
    batches = by_language(model, encoded, batch_size=size)
    total = len(batches) * (len(cells) + how.startswith(("mean", "pattern")))
    what = f"ablation ({how}) of {len(cells)} heads"
    with Stoppable(what, total, "pass", sweep.summary, progress=progress) as loop:
        replacement = _replacement(model, how, scale, encoded, batches, seed, loop.bar)
        for batch in resumed(batches, sweep.state(), skip=lambda _: loop.bar.update(len(cells))):
            sweep.run(batch, replacement, loop.bar)
    result = make_result(
        sweep.variables(level, seed),
        {"language": corpus.languages},
        method="heads.ablate",
        owners={"delta": ["low", "high", "p_value"]},
        score="delta",
        parameters={**replaced, "level": level, "batch_size": size, "truncate": truncate},
        model=model.info,
        corpus=corpus.info,
        seed=seed,
    )
    return loop.result(result)


def _replacement(
    model: Model, how: str, scale: float, encoded: list[Encoded], batches: list[Batch], seed: int, bar: Any
) -> Replacement:
    if how == "zero":
        return zero
    if how == "scale":
        return scaled(scale)
    if how == "pattern":
        return frozen(model, batches, step=bar.update)
    if how.startswith("mean"):
        return mean(model, batches, step=bar.update, by=how.removeprefix("mean").removeprefix("_") or "corpus")
    return resample(model, encoded, seed=seed, same=how == "resample_same")


class _Sweep:
    """The changes of every text's loss, filled in cell by cell."""

    def __init__(self, model: Model, corpus: Corpus, layers: dict[int, list[int]], metric: Metric):
        self.model, self.corpus, self.layers, self.metric = model, corpus, layers, metric
        self.place = {language: i for i, language in enumerate(corpus.languages)}
        self.counts = list(corpus.counts.values())
        rows = max(self.counts)
        self.deltas = np.full((len(self.counts), rows, model.n_layers, model.n_heads), np.nan, dtype=np.float32)
        self.clean = np.full((len(self.counts), rows), np.nan)

    @torch.no_grad()
    def run(self, batch: Batch, replacement: Replacement, bar: Any) -> None:
        """Ablate every head on one batch, several heads side by side."""
        recording = record(self.model, batch, heads=True)
        batch = recording.batch
        clean = self.metric.read(self.model, recording.residual[-1][None], batch)[0]
        languages, rows = [self.place[language] for language in batch.languages], list(batch.rows)
        self.clean[languages, rows] = clean.cpu().numpy()
        values = replacement(recording)
        width = cells_at_once(self.model, len(batch), recording.n_positions, recording.n_positions)
        for layer in resumed(list(self.layers), self.state(), skip=lambda layer: bar.update(len(self.layers[layer]))):
            heads = self.layers[layer]
            for start in range(0, len(heads), width):
                part = heads[start : start + width]
                states = replace_heads(recording, layer, part, values(layer, part))
                change = self.metric.read(self.model, states, batch) - clean
                names = [f"the {self.metric.noun} without head {head} of layer {layer}" for head in part]
                require_finite(change, batch, names)
                for head, column in zip(part, change.cpu().numpy(), strict=True):
                    self.deltas[languages, rows, layer, head] = column
                bar.update(len(part))

    def state(self) -> dict[str, np.ndarray]:
        """What batches fill in."""
        return {"deltas": self.deltas, "clean": self.clean}

    def finished(self) -> np.ndarray:
        """Which cells had all their texts: [language, layer, head] bool."""
        seen = (~np.isnan(self.deltas)).sum(1)
        return seen == np.array(self.counts)[:, None, None]

    def summary(self) -> str:
        """Which cells are finished, in words."""
        total, done = sum(map(len, self.layers.values())), self.finished().sum((1, 2)).tolist()
        each = [f"{code} {count} of {total}" for code, count in zip(self.corpus.languages, done, strict=True) if count]
        return (
            f"interrupted; {sum(done)} of {total * len(done)} cells are finished "
            f"(heads by language: {', '.join(each) or 'none'}); the others are NaN in .partial"
        )

    def variables(self, level: float, seed: int) -> Variables:
        """The Result's variables; cells that are not finished are NaN, but for the texts they had."""
        noun, unit = self.metric.noun, self.metric.unit
        whole = np.where(self.finished()[:, None], self.deltas, np.nan).astype(np.float64)
        # The bootstrap must not see the order of the texts; no number here takes two languages from one draw.
        whole = sort_texts(self.corpus, whole, joint=False, axis=0)
        clusters = sort_texts(self.corpus, self.corpus.clusters, joint=False)[:, :, None, None]
        bounds = interval(whole, axis=1, level=level, seed=seed, clusters=clusters)
        p = corrected(p_value(whole, axis=1, clusters=clusters))
        counts = np.array(self.counts)
        finished = np.where(self.finished(), counts[:, None, None], np.nan)
        read = np.where((~np.isnan(self.clean)).sum(1) == counts, counts, np.nan)
        return {
            "delta": (AXES, np.nansum(whole, 1) / finished, f"change of the {noun} without the head [{unit}]"),
            **interval_ends(AXES, bounds, f"delta [{unit}]", level=level),
            "p_value": (AXES, p, "p-value that delta is 0, corrected"),
            "baseline": (AXES[:1], np.nansum(self.clean, 1) / read, f"mean {self.metric.long_name} [{unit}]"),
            "sample_delta": (SAMPLES, self.deltas, f"change of each text's {noun} without the head [{unit}]"),
        }
