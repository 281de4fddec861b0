"""Steering: switch one language's neurons off and set another's to their means there, at several doses."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
import xarray as xr

from workbench.arguments import checked, finite, whole_number
from workbench.errors import BadArgument, BadCounts
from workbench.model.batching import texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.metrics import Metric, nll
from workbench.model.model import Model
from workbench.neurons.counts.strength import means
from workbench.neurons.effects.sweep import Step, Sweep
from workbench.neurons.groups import random_groups, read_groups
from workbench.results.groups import Groups
from workbench.text.corpus import Corpus
from workbench.text.languages import required


# Long: the parameters are the method's own options.
@checked
@alone
def steer(
    model: Model,
    corpus: Corpus,
    members: Groups,
    firing: xr.Dataset,
    *,
    off: str | None,
    on: str,
    doses: Sequence[float] = (0.25, 0.5, 0.75, 1.0),
    metric: Metric = nll,
    controls: int = 10,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Measure every language's loss while the model is steered from one language towards another (LAPE, section 4.4).

    At dose d an `off` neuron's activation x becomes (1 - d) x, and an `on` neuron's becomes x + d (m - x), with m its
    mean in texts of `on`; at 1 the first are 0 and the second constant. A neuron of both is an `on` neuron. The
    controls do the same with random neurons, set to their own means in `on`: as many in each layer, drawn outside `off`
    for those to switch off and outside `on` for the others; a neuron drawn for both is an `on` neuron.

    Args:
        model: the model.
        corpus: texts by language, to measure on.
        members: groups by language, as for `knockout`.
        firing: counts with moments, whose means are set; better from other texts than `corpus`.
        off: the group to switch off; none when None.
        on: the group to set to its means, a language of `firing`.
        doses: from 0, which changes nothing; above 1 overshoots.
        metric: what is measured of each text, with and without the edit.
        controls: random controls.

    Returns:
        The variables of `knockout`, with the axis `dose` in place of `group`.

    Raises:
        UnknownLanguage: `off` or `on` is no group, or `on` was not counted.
        BadArgument: an option out of range, or no neuron to change.
        BadCounts: the counts have no moments, or are of another model.
        UnsupportedSite: edits of neurons do not work in this architecture.
        NotFinite: a loss is NaN or infinite.
        Interrupted: `partial` holds the (dose, language) cells that were finished, NaN elsewhere.

    Example:
        >>> counts = firing(model, texts, moments=True)                                          # doctest: +SKIP
        >>> steer(model, corpus, lape(counts), counts, off="en", on="de").delta                  # doctest: +SKIP
    """
    whole_number("controls", controls)
    amounts = [finite("doses", dose, at_least=0) for dose in doses]
    if not amounts or len({*amounts}) < len(amounts):
        raise BadArgument(f"doses={list(doses)!r}; give different numbers from 0")
    size = texts_per_batch(batch_size)
    model.require("neuron")
    off, on = _sides(read_groups(members, model.n_layers, model.n_neurons), off, on)
    edits = steering(model, members, firing, off=off, on=on, controls=controls, seed=seed)
    encoded = model.encode(corpus, truncate=truncate)
    sweep = Sweep(model, corpus, "dose", amounts, controls, metric)

    dose = torch.tensor(amounts)[:, None, None]

    def steps() -> Iterator[Step]:
        for control, (scale, fill) in enumerate(edits):
            yield [(cell, control) for cell in range(len(amounts))], 1 - dose * (1 - scale), fill

    about = {"off": str(off), "on": on, "neurons": int((edits[0][0] != 1).sum())}
    recorded = {"off": off, "on": on, "controls": controls, "truncate": truncate}
    result = partial(sweep.result, "neurons.steer", {}, level=level, seed=seed, attrs=about, **recorded)
    return sweep.run(encoded, steps, result, count=len(edits), size=size, bar="steering", progress=progress)


def _sides(groups: Mapping[str, Any], off: str | None, on: str) -> tuple[str | None, str]:
    """The groups that `off` and `on` mean, in whatever spelling of their languages."""
    names = list(groups)
    return None if off is None else required(off, names, "is not a group"), required(on, names, "is not a group")


def steering(
    model: Model, members: Groups, firing: xr.Dataset, *, off: str | None, on: str, controls: int = 0, seed: int = 0
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The full dose as scale and fill, both [layer, neuron], and that of every control; for `edits.edited`.

    Raises:
        UnknownLanguage: `off` or `on` is no group, or `on` was not counted.
        BadArgument: no neuron to change.
        BadCounts: the counts have no moments, or are of another model.
    """
    groups: dict[str, Any] = read_groups(members, model.n_layers, model.n_neurons)
    off, on = _sides(groups, off, on)
    averages = means(firing)[0].transpose("language", "layer", "neuron")
    counted = [str(code) for code in firing["language"].to_numpy()]
    counted_as = required(on, counted, "was not counted, so its means are unknown")
    mean = averages.values[counted.index(counted_as)]
    if mean.shape != groups[on].shape:
        raise BadCounts(f"the counts have the shape {list(mean.shape)}, the model {list(groups[on].shape)}")
    switched_off = np.zeros_like(groups[on]) if off is None else groups[off] & ~groups[on]
    if not (groups[on] | switched_off).any():
        raise BadArgument(f"neither {on!r} nor {off!r} has a neuron to steer with; use larger groups")
    pairs = [(switched_off, groups[on])]
    random_off, random_on = (
        random_groups(f"{name} {code}", mask, controls, seed=seed)
        for name, code, mask in (("off", off, switched_off), ("on", on, groups[on]))
    )
    pairs += list(zip(random_off, random_on, strict=True))
    return [
        (
            1.0 - torch.from_numpy(off_mask | on_mask).float(),
            torch.from_numpy(np.where(on_mask, mean, 0.0)).float().to(model.device, model.dtype),
        )
        for off_mask, on_mask in pairs
    ]
