"""Sweep: the change of every text's loss under edits of neurons or features and under their random controls."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.model.batching import by_language
from workbench.model.forward.layers import Recording
from workbench.model.forward.record import record
from workbench.model.forward.rerun import rescale
from workbench.model.memory import cells_at_once
from workbench.model.metrics import Metric, require_finite
from workbench.model.model import Model
from workbench.results.controls import OWNERS, beyond_controls
from workbench.results.make import Variables, make_result
from workbench.results.resuming.progress import resumed
from workbench.results.resuming.stoppable import Stoppable
from workbench.text.batches import Batch, Encoded
from workbench.text.corpus import Corpus
from workbench.text.order import sort_texts

_SCALES = 16_000_000  # most scales in memory at once: 64 MB in float32


Rerun = Callable[[Recording, Tensor, Tensor | None], Tensor]
"""A recording, scales [place, layer, unit] and the fill to the residual streams before the last norm, one a place."""

Step = tuple[Sequence[tuple[int, int]], Tensor | None, Tensor | None]
"""(cell, control) places, their scales [place, layer, neuron] or None where nothing changes, and the fill."""


class Sweep:
    """The change of every text's metric, filled in batch by batch: [cell, 1 + control, language, row].

    The cells are called `axis`, such as "group" or "dose", and have `names`. `rerun` makes the edits, of neurons when
    None; what it edits is called `changed`.
    """

    def __init__(
        self,
        model: Model,
        corpus: Corpus,
        axis: str,
        names: Sequence[Any],
        controls: int,
        metric: Metric,
        *,
        changed: str = "neurons",
        rerun: Rerun | None = None,
    ):
        self.model, self.corpus, self.axis, self.names, self.metric = model, corpus, axis, names, metric
        self.changed, self.rerun = changed, rerun or _of_neurons
        self.place = {language: i for i, language in enumerate(corpus.languages)}
        self.counts = np.array(list(corpus.counts.values()))
        shape = (len(self.counts), int(self.counts.max()))
        self.deltas = np.full((len(names), 1 + controls, *shape), np.nan, dtype=np.float32)
        self.clean = np.full(shape, np.nan)
        self.recording: Recording | None = None

    @torch.no_grad()
    def begin(self, batch: Batch) -> None:
        """Run a batch once; `measure` then changes it."""
        self.recording = record(self.model, batch)
        self.batch = batch = self.recording.batch
        self.losses = self.metric.read(self.model, self.recording.residual[-1][None], batch)[0]
        self.at = ([self.place[language] for language in batch.languages], list(batch.rows))
        self.clean[self.at] = self.losses.cpu().numpy()
        each = len(batch) * self.model.n_layers * self.model.n_neurons
        columns = batch.ids.shape[1]
        self.width = max(1, min(cells_at_once(self.model, len(batch), columns, columns), _SCALES // each))

    @torch.no_grad()
    def measure(self, places: Sequence[tuple[int, int]], scales: Tensor | None, fill: Tensor | None) -> None:
        """Fill in some (cell, control) places of the batch, each with its scales [place, layer, neuron]; see `rescale`.

        Control 0 is the edit itself. Without scales nothing changes.

        Raises:
            NotFinite: a loss is NaN or infinite; names the cell and the text.
        """
        if scales is None:
            for place in places:
                self.deltas[place][self.at] = 0.0
            return
        assert self.recording is not None
        for start in range(0, len(places), self.width):
            part = scales[start : start + self.width].to(self.model.device, self.model.dtype)
            states = self.rerun(self.recording, part, fill)
            change = self.metric.read(self.model, states, self.batch) - self.losses
            here = places[start : start + self.width]
            cells = [f"the {self.metric.noun} at {self.axis} {self.names[cell]!r}" for cell, _ in here]
            require_finite(change, self.batch, cells)
            for (cell, control), row in zip(here, change.cpu().numpy(), strict=True):
                self.deltas[cell, control][self.at] = row

    def run(
        self,
        encoded: Sequence[Encoded],
        steps: Callable[[], Iterable[Step]],
        result: Callable[[], xr.Dataset],
        *,
        count: int,
        size: int,
        bar: str,
        progress: bool,
    ) -> xr.Dataset:
        """Measure all `count` steps on batches of `size` texts, past those that an earlier run finished.

        Raises:
            Interrupted: `partial` is the result so far.
        """
        batches, state = by_language(self.model, encoded, batch_size=size), {"deltas": self.deltas, "clean": self.clean}

        def finished() -> str:
            done = self.finished()
            cells = f"{int(done.sum())} of {done.size} cells ({self.axis}, language)"
            return f"interrupted; {cells} are finished, the others are NaN in .partial"

        with Stoppable(bar, len(batches) * count, "pass", finished, progress=progress) as loop:
            for batch in resumed(batches, state, skip=lambda _: loop.bar.update(count)):
                self.begin(batch)
                for places, scales, fill in steps():
                    self.measure(places, scales, fill)
                    loop.bar.update()
        return loop.result(result())

    def finished(self) -> np.ndarray:
        """Which cells had all their texts: [cell, language] bool."""
        return (~np.isnan(self.deltas)).all(1).sum(2) == self.counts

    def result(
        self,
        method: str,
        more: Variables,
        *,
        level: float,
        seed: int,
        attrs: Mapping[str, str | int | float] | None = None,
        **parameters: Any,
    ) -> xr.Dataset:
        """The Result, with `more` variables; cells that are not finished are NaN."""
        return make_result(
            self._variables(level, seed) | more,
            {self.axis: list(self.names), "language": list(self.corpus.languages)},
            method=method,
            owners=OWNERS,
            parameters={"metric": self.metric.name, **parameters, "level": level},
            model=self.model.info,
            corpus=self.corpus.info,
            seed=seed,
            attrs=attrs,
        )

    def _variables(self, level: float, seed: int) -> Variables:
        whole = np.where(self.finished()[:, None, :, None], self.deltas, np.nan).astype(np.float64)
        # The bootstrap must not see the order of the texts; no number here takes two languages from one draw.
        whole, clusters = (sort_texts(self.corpus, values, joint=False) for values in (whole, self.corpus.clusters))
        counts = np.where(self.finished(), self.counts, np.nan)
        seen = (~np.isnan(self.clean)).sum(1) == self.counts
        unsorted = self.deltas[:, 1:].astype(np.float64)
        cells, noun, unit = (self.axis, "language"), self.metric.noun, self.metric.unit
        return {
            **beyond_controls(
                whole,
                counts,
                axis=self.axis,
                changed=self.changed,
                noun=noun,
                unit=unit,
                level=level,
                seed=seed,
                clusters=clusters,
            ),
            "sample_delta": ((*cells, "sample"), self.deltas[:, 0], f"change of each text's {noun} [{unit}]"),
            "sample_control": (
                (*cells, "sample"),
                unsorted.mean(1) if unsorted.shape[1] else np.full(unsorted.shape[:1] + unsorted.shape[2:], np.nan),
                f"mean change of each text's {noun} over the random controls [{unit}]",
            ),
            "baseline": (
                ("language",),
                np.nansum(self.clean, 1) / np.where(seen, self.counts, np.nan),
                f"mean {self.metric.long_name} [{unit}]",
            ),
        }


def _of_neurons(recording: Recording, scales: Tensor, fill: Tensor | None) -> Tensor:
    return rescale(recording, neurons=scales, neuron_fill=fill)
