"""Heads and neurons as the parts of a circuit: any of them kept, the others ablated."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.circuits.acceptance.parts import Measure, Parts
from workbench.circuits.acceptance.patched import metric_keeping_only
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
        if how == "patch":
            return lambda sets: metric_keeping_only(model, prompts, metric, batch_size, _split(masks, sets))
        task = Task(model, prompts, range(len(prompts)), metric, batch_size, kinds)
        task.share_means(task)
        if how == "zero":
            task.means = {}

        return lambda sets: task.metric_keeping_only([_units(masks, row) for row in sets])

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


def _split(masks: Mapping[str, np.ndarray], sets: np.ndarray) -> dict[str, np.ndarray]:
    """Sets [..., unit] by kind, [..., layer, unit]."""
    parts = np.split(sets, np.cumsum([mask.size for mask in masks.values()])[:-1], axis=-1)
    return {
        kind: part.reshape(*sets.shape[:-1], *mask.shape)
        for (kind, mask), part in zip(masks.items(), parts, strict=True)
    }


def _units(masks: Mapping[str, np.ndarray], row: np.ndarray) -> list[Unit]:
    """The units of a set [unit], by kind, numbered layer by layer."""
    return [Unit(kind, tuple(np.flatnonzero(own).tolist())) for kind, own in _split(masks, row).items()]
