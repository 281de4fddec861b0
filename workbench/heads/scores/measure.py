"""Measure: the loss of every text with any heads scaled, for many cells, exactly."""

from collections.abc import Callable, Iterable

import numpy as np
import torch

from workbench.model.forward.record import record
from workbench.model.forward.recording import Recording
from workbench.model.forward.rerun import rescale
from workbench.model.memory import cells_at_once
from workbench.model.metrics import Metric, nll, require_finite
from workbench.model.model import Model
from workbench.results.resuming.progress import resumed
from workbench.text.batches import Batch
from workbench.text.corpus import Corpus


@torch.no_grad()
def run_cells(
    recording: Recording, scales: np.ndarray, *, metric: Metric = nll, step: Callable[[int], object] | None = None
) -> np.ndarray:
    """The loss (or other metric) of each text of a recorded batch under each cell's scales: [cell, sample] float64.

    Cells that begin at the same layer run side by side, since a stack restarts at the lowest layer that it changes.

    The pass was recorded with `heads=True`; each head's output is multiplied by scales [cell, layer, head]; `step` is
    called with the number of cells after each stack.

    Raises:
        NotFinite: a loss is NaN or infinite.
    """
    model, batch = recording.model, recording.batch
    values = np.zeros((len(scales), len(batch)))
    changed = (scales != 1).any(2)
    begins = np.where(changed.any(1), changed.argmax(1), model.n_layers)
    order = np.argsort(begins, kind="stable")
    width = cells_at_once(model, len(batch), recording.n_positions, recording.n_positions)
    for start in range(0, len(order), width):
        part = order[start : start + width]
        heads = torch.from_numpy(np.ascontiguousarray(scales[part])).to(model.device, model.dtype)
        losses = metric.read(model, rescale(recording, heads=heads), batch)
        require_finite(losses, batch, [f"the {metric.noun} with heads changed"] * len(part))
        values[part] = losses.double().cpu().numpy()
        if step:
            step(len(part))
    return values


@torch.no_grad()
def clean_losses(recording: Recording, metric: Metric = nll) -> np.ndarray:
    """The loss (or other metric) of each text of a recorded batch with nothing changed: [sample] float64."""
    losses = metric.read(recording.model, recording.residual[-1][None], recording.batch)[0]
    return losses.double().cpu().numpy()


class Table:
    """The losses of every text in every cell, [cell, language, sample], filled in batch by batch; NaN until then."""

    def __init__(self, corpus: Corpus, cells: int):
        self.corpus = corpus
        self.place = {language: i for i, language in enumerate(corpus.languages)}
        self.counts = np.array(list(corpus.counts.values()))
        shape = (len(self.counts), int(self.counts.max()))
        self.losses = np.full((cells, *shape), np.nan)
        self.clean = np.full(shape, np.nan)

    def put(self, batch: Batch, clean: np.ndarray, losses: np.ndarray) -> None:
        """Add a batch: clean [sample], losses [cell, sample]."""
        at = ([self.place[language] for language in batch.languages], list(batch.rows))
        self.clean[at] = clean
        self.losses[:, at[0], at[1]] = losses

    @property
    def finished(self) -> np.ndarray:
        """Which languages had all their texts in every cell: [language] bool."""
        return (~np.isnan(self.clean)).sum(1) == self.counts

    @property
    def deltas(self) -> np.ndarray:
        """Changes of the loss, [cell, language, sample]; NaN for languages that are not finished."""
        return np.where(self.finished[:, None], self.losses - self.clean, np.nan)

    @property
    def baseline(self) -> np.ndarray:
        """Mean loss of the unchanged model, [language]; NaN for languages that are not finished."""
        return np.where(self.finished, np.nansum(self.clean, 1) / self.counts, np.nan)

    def means(self) -> np.ndarray:
        """Mean loss of every cell, [cell, language]."""
        return np.where(self.finished, np.nansum(self.losses, 2) / self.counts, np.nan)


def measure(model: Model, corpus: Corpus, batches: Iterable[Batch], scales: np.ndarray) -> Table:
    """The losses of a whole corpus under each cell's scales [cell, layer, head]; see `run_cells`."""
    table = Table(corpus, len(scales))
    fill_table(table, model, batches, scales)
    return table


def fill_table(
    table: Table,
    model: Model,
    batches: Iterable[Batch],
    scales: np.ndarray,
    *,
    metric: Metric = nll,
    step: Callable[[int], object] | None = None,
) -> None:
    """Measure batch by batch, so that an interrupt leaves the finished batches in the table."""
    state = {"losses": table.losses, "clean": table.clean}
    for batch in resumed(list(batches), state, skip=lambda _: step and step(len(scales))):
        recording = record(model, batch, heads=True)
        losses = run_cells(recording, scales, metric=metric, step=step)
        table.put(batch, clean_losses(recording, metric), losses)
