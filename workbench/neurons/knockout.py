"""Knock-out: what each language loses without a group of neurons, against random neurons of the same layers."""

from typing import Any

import numpy as np
import torch
import xarray as xr
from tqdm.auto import tqdm

from workbench.errors import BadArgument, Interrupted, NotFinite
from workbench.model.batching import by_language, texts_per_batch
from workbench.model.memory import cells_at_once
from workbench.model.metrics import nll
from workbench.model.model import Model
from workbench.model.record import record
from workbench.model.rerun import rescale
from workbench.neurons.groups import Members, random_groups, read_groups
from workbench.results.make import make_result
from workbench.results.statistics import corrected, interval, p_value
from workbench.text.batches import Batch
from workbench.text.corpus import Corpus

_SCALES = 16_000_000  # most scales held at once: 64 MB in float32
_CELLS = ("group", "language")


def knockout(
    model: Model,
    corpus: Corpus,
    members: Members,
    *,
    controls: int = 20,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Switch off each group of neurons and measure every language: the K x K matrix of LAPE, with controls.

    A neuron that is off gives 0 at every position: its activation, on a gated MLP act(gate) * up, does not reach the
    down projection. delta = NLL without the group - NLL. Beside each group run `controls` random groups with as many
    neurons in each layer, drawn from the neurons outside it. It is exact: all that follows the group is run again.

    Args:
        model: the model.
        corpus: texts by language.
        members: a Result with `member[language, layer, neuron]`, whose languages become the groups, or a dict of
            group -> (layer, neuron) pairs. A group without neurons changes nothing.
        controls: random groups for each group; with 0 their variables are NaN.
        level: of the confidence intervals.
        progress: show a progress bar.
        batch_size: texts side by side; `"auto"` is 32. Results do not depend on it.
        seed: of the random groups and of the bootstrap.
        truncate: cut texts that are longer than the model's context instead of refusing them.

    Returns:
        In nats: `delta[group, language]`, mean over texts; `low`, `high`, its bootstrap interval over texts;
        `control_mean`, the mean over the random groups; `control_low`, `control_high`, the central `level` of the
        random groups' deltas; `excess` = delta - control_mean, with `excess_low`, `excess_high` over texts and
        `p_value`, the t-test over texts that it is 0, Benjamini-Hochberg corrected over all cells;
        `control_delta[group, control, language]`; `sample_delta` and `sample_control[group, language, sample]`, each
        text's change without the group and its mean change without a random group; `baseline[language]`. And
        `neurons[group]`, their number.

    Raises:
        BadArgument: an option out of range, a neuron that does not exist, a group that leaves too few for controls.
        BadResult: `members` belongs to another model.
        UnsupportedSite: edits of neurons do not work in this architecture.
        NotFinite: a loss is NaN or infinite.
        Interrupted: `partial` holds the (group, language) cells that were finished, NaN elsewhere.

    Source:
        Tang et al. 2024 (LAPE, arXiv 2402.16438), figure 4; the random control is ours.

    Example:
        >>> found = wb.neurons.knockout(model, corpus, wb.neurons.lape(counts))                  # doctest: +SKIP
        >>> wb.figures.matrix(found, "excess")                                                   # doctest: +SKIP
    """
    if isinstance(controls, bool) or not isinstance(controls, int) or controls < 0:
        raise BadArgument(f"controls={controls!r}; give the number of random groups, 0 or more")
    if not 0 < level < 1:
        raise BadArgument(f"level={level!r}; a confidence level lies between 0 and 1")
    size = texts_per_batch(batch_size)
    model.require("neuron")
    groups = read_groups(members, model.n_layers, model.n_neurons)
    sets = {
        name: np.concatenate([mask[None], random_groups(name, mask, controls, seed=seed)])
        for name, mask in groups.items()
    }
    encoded = model.encode(corpus, truncate=truncate)
    sweep = _Sweep(model, corpus, sets, controls)

    def result() -> xr.Dataset:
        return make_result(
            sweep.variables(level, seed),
            {"group": list(groups), "language": list(corpus.languages)},
            method="neurons.knockout",
            parameters={
                "members": _named(members, groups),
                "controls": controls,
                "level": level,
                "batch_size": size,
                "truncate": truncate,
            },
            model=model.info,
            corpus=corpus.info,
            seed=seed,
        )

    batches = by_language(model, encoded, batch_size=size)
    try:
        with tqdm(total=len(batches) * len(sets), desc="knock-out", unit="group", disable=not progress) as bar:
            for batch in batches:
                sweep.run(batch, bar)
    except KeyboardInterrupt:
        done = sweep.finished()
        raise Interrupted(
            f"interrupted; {int(done.sum())} of {done.size} cells (group, language) are finished, the others are NaN "
            "in .partial",
            partial=result(),
        ) from None
    return result()


class _Sweep:
    """The change of every text's loss without each group and each random group, filled in batch by batch."""

    def __init__(self, model: Model, corpus: Corpus, sets: dict[str, np.ndarray], controls: int):
        self.model, self.corpus, self.sets = model, corpus, sets
        self.place = {language: i for i, language in enumerate(corpus.languages)}
        self.counts = np.array(list(corpus.counts.values()))
        shape = (len(self.counts), int(self.counts.max()))
        self.deltas = np.full((len(sets), 1 + controls, *shape), np.nan, dtype=np.float32)
        self.clean = np.full(shape, np.nan)

    def run(self, batch: Batch, bar: Any) -> None:
        """Run one batch without each group, several cells side by side."""
        recording = record(self.model, batch)
        batch = recording.batch
        clean = nll.read(self.model, recording.residual[-1][None], batch)[0]
        at = ([self.place[language] for language in batch.languages], list(batch.rows))
        self.clean[at] = clean.cpu().numpy()
        each = len(batch) * self.model.n_layers * self.model.n_neurons
        width = max(1, min(cells_at_once(self.model, *batch.ids.shape, batch.ids.shape[1]), _SCALES // each))
        for group, (name, masks) in enumerate(self.sets.items()):
            if not masks.any():
                self.deltas[group][:, at[0], at[1]] = 0.0
            for start in range(0, len(masks) if masks.any() else 0, width):
                part = torch.from_numpy(masks[start : start + width])
                scale = 1.0 - part.to(self.model.device, self.model.dtype)
                change = nll.read(self.model, rescale(recording, neurons=scale), batch) - clean
                if not bool(torch.isfinite(change).all()):
                    sample = int((~torch.isfinite(change)).any(0).nonzero()[0])
                    raise NotFinite(
                        f"the loss without group {name!r} is NaN or infinite for sample {batch.rows[sample]} of "
                        f"{batch.languages[sample]!r}"
                    )
                self.deltas[group, start : start + width, at[0], at[1]] = change.cpu().numpy().T
            bar.update()

    def finished(self) -> np.ndarray:
        """Which cells had all their texts: [group, language] bool."""
        return (~np.isnan(self.deltas)).all(1).sum(2) == self.counts

    def variables(self, level: float, seed: int) -> dict[str, tuple[tuple[str, ...], Any, str]]:
        """The Result's variables; cells that are not finished are NaN."""
        whole = np.where(self.finished()[:, None, :, None], self.deltas, np.nan).astype(np.float64)
        for k, texts in enumerate(self.corpus.texts.values()):  # the bootstrap must not see the order of the texts
            order = np.argsort(np.array(texts, dtype=object), kind="stable")
            whole[:, :, k, : self.counts[k]] = whole[:, :, k, order]
        counts = np.where(self.finished(), self.counts, np.nan)  # nansum of nothing is 0; nothing / NaN is NaN
        delta, control = whole[:, 0], whole[:, 1:]
        drawn = np.nansum(control, 3) / counts[:, None]
        mean, tails = self._spread(drawn, level)
        means = control.mean(1) if control.shape[1] else np.full_like(delta, np.nan)
        excess = delta - means
        low, high = interval(delta, axis=2, level=level, seed=seed)
        excess_low, excess_high = interval(excess, axis=2, level=level, seed=seed)
        seen = (~np.isnan(self.clean)).sum(1) == self.counts
        unsorted = self.deltas[:, 1:].astype(np.float64)
        between = f"of the {level:.0%} interval of"
        ends = f"of the central {level:.0%} of the random groups' changes [nats]"
        return {
            "delta": (_CELLS, np.nansum(delta, 2) / counts, "change of the loss without the group [nats]"),
            "low": (_CELLS, low, f"lower end {between} delta over texts [nats]"),
            "high": (_CELLS, high, f"upper end {between} delta over texts [nats]"),
            "control_mean": (_CELLS, mean, "mean change of the loss without a random group of the same layers [nats]"),
            "control_low": (_CELLS, tails[0], f"lower end {ends}"),
            "control_high": (_CELLS, tails[1], f"upper end {ends}"),
            "excess": (_CELLS, np.nansum(delta, 2) / counts - mean, "change beyond that of random groups [nats]"),
            "excess_low": (_CELLS, excess_low, f"lower end {between} excess over texts [nats]"),
            "excess_high": (_CELLS, excess_high, f"upper end {between} excess over texts [nats]"),
            "p_value": (_CELLS, corrected(p_value(excess, axis=2)), "p-value that excess is 0, corrected"),
            "control_delta": (("group", "control", "language"), drawn, "change without each random group [nats]"),
            "sample_delta": ((*_CELLS, "sample"), self.deltas[:, 0], "change of each text's loss [nats]"),
            "sample_control": (
                (*_CELLS, "sample"),
                unsorted.mean(1) if unsorted.shape[1] else np.full(unsorted.shape[:1] + unsorted.shape[2:], np.nan),
                "mean change of each text's loss over the random groups [nats]",
            ),
            "baseline": (
                ("language",),
                np.nansum(self.clean, 1) / np.where(seen, self.counts, np.nan),
                "mean negative log-likelihood [nats]",
            ),
            "neurons": (("group",), [int(masks[0].sum()) for masks in self.sets.values()], "neurons of the group"),
        }

    @staticmethod
    def _spread(drawn: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Mean [group, language] and both ends [2, group, language] of the random groups' deltas."""
        if not drawn.shape[1]:
            nothing = np.full((drawn.shape[0], drawn.shape[2]), np.nan)
            return nothing, np.stack([nothing, nothing])
        return drawn.mean(1), np.quantile(drawn, ((1 - level) / 2, (1 + level) / 2), axis=1)


def _named(members: Members, groups: dict[str, np.ndarray]) -> Any:
    """What the provenance keeps of the groups: where they came from, or the neurons themselves."""
    if isinstance(members, xr.Dataset):
        return {"method": members.attrs.get("method"), "provenance": members.attrs.get("provenance")}
    return {name: np.argwhere(mask).tolist() for name, mask in groups.items()}
