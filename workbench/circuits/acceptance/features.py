"""Features of a transcoder as the parts of a circuit: any of them kept, what the others write taken away."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from workbench.arguments import shown
from workbench.circuits.acceptance.parts import Measure, Parts
from workbench.circuits.transcoders.states import before_text, check_fits, read_and_written
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadArgument
from workbench.model.forward.record import record
from workbench.model.forward.recording import Recording, stack
from workbench.model.forward.rerun import run_from_layer
from workbench.model.hooks import after, hooked
from workbench.model.metrics import Metric
from workbench.model.model import Model
from workbench.patching.engine.cells import read
from workbench.patching.engine.prompts import PairBatch, Prompts, batches, cells_at_once
from workbench.results.groups import is_pair
from workbench.text.batches import Batch

_MOST = 32_000_000  # activations of one layer in memory at once: 128 MB


def features(
    transcoder: Transcoder,
    model: Model,
    cells: Iterable[Sequence[int]],
    prompts: Sequence[Prompts],
    *,
    how: str,
    batch_size: int | str,
) -> Parts:
    """The parts of (layer, feature) pairs. Controls are drawn among the features that are active on the prompts.

    Tokens that the tokenizer puts before every text are left as they are: transcoders are not made for those.
    """
    check_fits(model, transcoder)
    transcoder = transcoder.to(model.device)
    member = _member(transcoder, cells)
    active = torch.stack([_means(transcoder, model, some, batch_size) > 0 for some in prompts]).any(0)
    layers = np.broadcast_to(np.arange(len(transcoder.layers))[:, None], member.shape)

    def measure(some: Prompts, metric: Metric) -> Measure:
        means = _means(transcoder, model, some, batch_size) if how == "mean" else torch.zeros(member.shape)

        def fill(batch: PairBatch) -> Tensor:
            if how != "patch":
                return means.to(model.device)[:, None, None]
            states, _ = read_and_written(model, transcoder, batch.target)
            return torch.stack([transcoder.encode(place, own) for place, own in enumerate(states)])

        return partial(_keeping_only, transcoder, model, some, metric, fill, batch_size)

    chosen = [[transcoder.layers[place], int(feature)] for place, feature in np.argwhere(member)]
    return Parts(
        "features",
        member.ravel(),
        np.where(active.cpu().numpy() | member, layers, -1).ravel(),
        measure,
        {"features": chosen, "transcoder": transcoder.info},
    )


def _member(transcoder: Transcoder, cells: Iterable[Sequence[int]]) -> np.ndarray:
    """[place, feature] bool."""
    member = np.zeros((len(transcoder.layers), transcoder.n_features), dtype=bool)
    for cell in cells:
        if not is_pair(cell) or cell[0] not in transcoder.layers or not 0 <= cell[1] < transcoder.n_features:
            raise BadArgument(f"{shown(cell)} is no (layer, feature) pair of {transcoder!r}")
        member[transcoder.layers.index(cell[0]), cell[1]] = True
    return member


def _means(transcoder: Transcoder, model: Model, prompts: Prompts, batch_size: int | str) -> Tensor:
    """The mean activation of every feature over the tokens of the source prompts, [place, feature]."""
    total, count = torch.zeros(len(transcoder.layers), transcoder.n_features, device=transcoder.device).double(), 0
    for batch in batches(model, prompts, batch_size):
        states, _ = read_and_written(model, transcoder, batch.source)
        real = _own_tokens(model, batch.source)
        total += torch.stack([transcoder.encode(place, own[real]).double().sum(0) for place, own in enumerate(states)])
        count += int(real.sum())
    return (total / count).float()


def _own_tokens(model: Model, batch: Batch) -> Tensor:
    """Tokens of the texts themselves, [sample, position] bool."""
    return batch.mask.bool() & ~before_text(model, batch)


def _keeping_only(
    transcoder: Transcoder,
    model: Model,
    prompts: Prompts,
    metric: Metric,
    fill: Callable[[PairBatch], Tensor],
    batch_size: int | str,
    sets: np.ndarray,
) -> np.ndarray:
    """The metric [set, pair]; features outside a set are at `fill` of the batch at every token of a text."""
    values = np.empty((len(sets), len(prompts)))
    shape = (len(sets), len(transcoder.layers), transcoder.n_features)
    left = torch.from_numpy(sets).reshape(shape).to(transcoder.device)
    for batch in batches(model, prompts, batch_size):
        recording, given = record(model, batch.source, heads=True), fill(batch)
        positions = recording.n_positions
        size = cells_at_once(model, recording.n_samples, positions, positions)
        size = max(1, min(size, _MOST // (recording.n_samples * positions * transcoder.n_features)))
        for start in range(0, len(sets), size):
            some = left[start : start + size]
            states = _states(transcoder, recording, some, given)
            rows = list(batch.rows)
            values[start : start + size, rows] = read(recording, metric, states).double().cpu().numpy()
    return values


def _states(transcoder: Transcoder, recording: Recording, left: Tensor, fill: Tensor) -> Tensor:
    """The final residual stream [set, sample, position, d]; features outside `left` [set, place, feature] at `fill`."""
    model, places = recording.model, range(len(transcoder.layers))
    tokens = _own_tokens(model, recording.batch)
    change: dict[int, Tensor] = {}

    def reading(place: int, states: Tensor) -> None:
        own = transcoder.encode(place, states.reshape(len(left), *tokens.shape, -1))
        moved = (fill[place] - own) * ~left[:, place, None, None] * tokens[..., None]
        for target in transcoder.targets(place):
            written = transcoder.decoder[place][:, target - place] / transcoder.output_scale[target]
            change[target] = change.get(target, 0) + moved @ written

    def writing(place: int, states: Tensor) -> Tensor:
        return states + change[place].reshape(states.shape).to(states)

    sites = [(site, edit) for site, edit in ((transcoder.reads, reading), (transcoder.writes, writing))]
    hooks = [
        after(model.hook_point(site, transcoder.layers[place]), partial(edit, place))
        for site, edit in sites
        for place in places
    ]
    with hooked(hooks, once="sites of the transcoder"):
        return run_from_layer(recording, 0, stack(recording.residual[0], len(left)), copies=len(left))
