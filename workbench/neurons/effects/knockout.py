"""Knock-out: what each language loses without a group of neurons, against random neurons of the same layers."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
import xarray as xr

from workbench.arguments import checked, whole_number
from workbench.model.batching import texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.metrics import Metric, nll
from workbench.model.model import Model
from workbench.neurons.effects.sweep import Step, Sweep
from workbench.neurons.groups import random_groups, read_groups
from workbench.results.groups import Groups
from workbench.text.corpus import Corpus


@checked
@alone
def knockout(
    model: Model,
    corpus: Corpus,
    members: Groups,
    *,
    metric: Metric = nll,
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
        members: a Result with `member[language, layer, neuron]`, whose languages become the groups, or with a score in
            these axes (see `NeuronScore`), of which each language's strongest 1 % are taken, or a dict of
            group -> (layer, neuron) pairs. A group without neurons changes nothing.
        metric: what is measured of each text, with and without each group.
        controls: random groups for each group; with 0 their variables are NaN.

    Returns:
        In nats, or the metric's unit: `delta[group, language]`, mean over texts; `low`, `high`, its bootstrap interval;
        `control_mean`, the mean over the random groups; `control_low`, `control_high`, the central `level` of the
        random groups' deltas; `excess` = delta - control_mean, with `excess_low`, `excess_high` over texts and
        `p_value`, the t-test over texts that it is 0, Benjamini-Hochberg corrected over all cells (in both, texts that
        repeat one another are one);
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
        >>> effects = wb.neurons.knockout(model, corpus, wb.neurons.lape(counts))                  # doctest: +SKIP
        >>> wb.figures.matrix(effects, "excess")                                                 # doctest: +SKIP
    """
    whole_number("controls", controls)
    size = texts_per_batch(batch_size)
    model.require("neuron")
    groups = read_groups(members, model.n_layers, model.n_neurons)
    sets = {
        name: np.concatenate([mask[None], random_groups(name, mask, controls, seed=seed)])
        for name, mask in groups.items()
    }
    encoded = model.encode(corpus, truncate=truncate)
    sweep = Sweep(model, corpus, "group", list(sets), controls, metric)
    sizes = [int(mask.sum()) for mask in groups.values()]

    def steps() -> Iterator[Step]:
        for group, masks in enumerate(sets.values()):
            places = [(group, control) for control in range(len(masks))]
            yield places, 1.0 - torch.from_numpy(masks).float() if masks.any() else None, None

    result = partial(
        sweep.result,
        "neurons.knockout",
        {"neurons": (("group",), sizes, "neurons of the group")},
        level=level,
        seed=seed,
        members=_named(members, groups),
        controls=controls,
        batch_size=size,
        truncate=truncate,
    )
    return sweep.run(encoded, steps, result, count=len(sets), size=size, bar="knock-out", progress=progress)


def _named(members: Groups, groups: dict[str, np.ndarray]) -> Any:
    """What provenance records of the groups: where they came from, or the neurons themselves."""
    if isinstance(members, xr.Dataset):
        return {"method": members.attrs.get("method"), "provenance": members.attrs.get("provenance")}
    return {name: np.argwhere(mask).tolist() for name, mask in groups.items()}
