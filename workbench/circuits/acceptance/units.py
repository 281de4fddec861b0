"""Heads and neurons as the parts of a circuit: any of them kept, the others mean-ablated or zeroed."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.circuits.acceptance.parts import Measure, Parts
from workbench.model.metrics import Metric
from workbench.model.model import Model
from workbench.patching.circuits.mean_ablated_task import Task, Unit
from workbench.patching.engine.prompts import Prompts


def units(model: Model, masks: Mapping[str, np.ndarray], *, how: str, batch_size: int | str) -> Parts:
    """The parts of masks [layer, unit] of kind "head", "neuron" or both. Other kinds of unit are left as they are."""
    kinds = list(masks)
    for kind in (*kinds, "head", "restart"):
        model.require(kind)

    def measure(prompts: Prompts, metric: Metric) -> Measure:
        task = Task(model, prompts, range(len(prompts)), metric, batch_size, kinds)
        task.share_means(task)
        if how == "zero":
            task.means = {}

        def keeping_only(sets: np.ndarray) -> np.ndarray:
            return task.metric_keeping_only([_units(kinds, masks, row) for row in sets])

        return keeping_only

    layers = [
        np.arange(mask.size) // mask.shape[1] + model.n_layers * place for place, mask in enumerate(masks.values())
    ]
    record: dict[str, Any] = {f"{kind}s": np.argwhere(mask).tolist() for kind, mask in masks.items()}
    return Parts(
        " and ".join(f"{kind}s" for kind in kinds),
        np.concatenate([mask.ravel() for mask in masks.values()]),
        np.concatenate(layers),
        measure,
        record,
    )


def _units(kinds: list[str], masks: Mapping[str, np.ndarray], row: np.ndarray) -> list[Unit]:
    """The units of a set [unit], head after head, then neuron after neuron."""
    cut = np.cumsum([mask.size for mask in masks.values()])[:-1]
    return [
        Unit(kind, tuple(np.flatnonzero(own).tolist())) for kind, own in zip(kinds, np.split(row, cut), strict=True)
    ]
