"""Knock-out: what each language loses without a group of features, against features matched in layer and rate."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.arguments import checked, whole_number
from workbench.circuits.features.groups import matched_groups, read_feature_groups, read_matched
from workbench.circuits.features.intervene import intervene
from workbench.circuits.features.reading import fitting
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.model.batching import texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.forward.record import record
from workbench.model.forward.recording import Recording
from workbench.model.metrics import Metric, nll
from workbench.model.model import Model
from workbench.neurons.effects.sweep import Step, Sweep
from workbench.results.groups import Groups
from workbench.text.corpus import Corpus


# Long: the parameters are the method's own options.
@checked
@alone
def knockout(
    transcoder: Transcoder,
    model: Model,
    corpus: Corpus,
    groups: Groups,
    *,
    firing: xr.Dataset,
    metric: Metric = nll,
    controls: int = 20,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Switch off each group of features and measure every language, against random features that fire as often.

    A feature that is off has activation 0 at every token but those that the tokenizer puts before a text (see
    `intervene`); the model then reacts as it does. Beside each group run `controls` random groups: for each of its
    features one outside it, of the same layer and of the same decile of the layer's rates over all languages. A feature
    set that matters does so beyond those: a set of features that fire often always costs something.

    Args:
        transcoder: the features.
        model: the model that it was made for.
        corpus: texts by language; 30 or more of each for a claim.
        groups: a Result with `member[language, layer, feature]`, or a score in these axes, whose languages become the
            groups, or a dict of group -> (layer, feature) pairs, such as the features of a pruned attribution graph.
        firing: counts of the features, whose rates the random groups match; or a whole attribution graph: then random
            groups match the influence on it, and are of features that are active there.
        metric: what is measured of each text, with and without each group.
        controls: random groups for each group; with 0 their variables are NaN.

    Returns:
        The variables of `wb.neurons.knockout`: `delta[group, language]` with its interval and controls, `excess`,
        `p_value`, `sample_delta`, `baseline[language]` ...; and `features[group]`, their number.

    Raises:
        BadTranscoder: it is of a model of another shape.
        BadArgument: an option out of range, a feature that does not exist, a group that leaves too few for controls.
        BadResult: `groups` are of another transcoder.
        BadCounts: the counts are not of this transcoder's features.
        NotFinite: a loss is NaN or infinite.
        Interrupted: `partial` holds the (group, language) cells that were finished, NaN elsewhere.

    Example:
        >>> counts = wb.circuits.firing(transcoder, model, corpus)                               # doctest: +SKIP
        >>> wb.circuits.knockout(transcoder, model, texts, wb.neurons.lape(counts), firing=counts)  # doctest: +SKIP
    """
    whole_number("controls", controls)
    size = texts_per_batch(batch_size)
    moved = fitting(transcoder, model)
    masks = read_feature_groups(transcoder, groups)
    rate = read_matched(transcoder, firing)
    sets = {
        name: np.concatenate([mask[None], matched_groups(name, mask, rate, controls, seed=seed)])
        for name, mask in masks.items()
    }
    encoded = model.encode(corpus, truncate=truncate)
    rerun = partial(_without, moved)
    sweep = Sweep(model, corpus, "group", list(sets), controls, metric, changed="features", rerun=rerun)
    sizes = [int(mask.sum()) for mask in masks.values()]

    def steps() -> Iterator[Step]:
        for group, each in enumerate(sets.values()):
            places = [(group, control) for control in range(len(each))]
            yield places, 1.0 - torch.from_numpy(each).float() if each.any() else None, None

    named = {name: np.argwhere(mask).tolist() for name, mask in masks.items()}
    result = partial(
        sweep.result,
        "circuits.knockout",
        {"features": (("group",), sizes, "features of the group")},
        level=level,
        seed=seed,
        transcoder=transcoder.info,
        groups=groups.attrs.get("provenance") if isinstance(groups, xr.Dataset) else named,
        controls=controls,
        truncate=truncate,
    )
    return sweep.run(encoded, steps, result, count=len(sets), size=size, bar="knock-out", progress=progress)


def _without(transcoder: Transcoder, recording: Recording, scales: Tensor, fill: Tensor | None) -> Tensor:
    """The residual streams before the last norm where features of scale 0 are off, one for each of the scales."""
    states = []
    for scale in scales:
        off = {(transcoder.layers[place], feature): 0.0 for place, feature in (scale == 0).nonzero().tolist()}
        with intervene(transcoder, recording.model, off):
            states.append(record(recording.model, recording.batch).residual[-1])
    return torch.stack(states)
