"""Several models on one task, such as experts, their merges and controls: accuracy and paired differences."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadArgument
from workbench.evaluation import accuracy
from workbench.evaluation import compare as paired
from workbench.evaluation.scoring.formats import Format
from workbench.model.load import load_model
from workbench.model.model import Model
from workbench.results.make import Variables, make_result, provenance
from workbench.results.proportions import mcnemar
from workbench.results.statistics import corrected
from workbench.text.tasks.task import Task

_BY_MODEL = ("accuracy", "low", "high", "chance", "items")
_CHANGES = ("change", "change_low", "change_high", "gained", "lost")


@checked
def compare(
    models: Mapping[str, Model | str | Path],
    task: Task,
    *,
    format: Format = "cloze",
    normalize: str = "none",
    shots: int = 0,
    truncate: bool = False,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Measure the same items with several models, and each model against the first, item by item.

    Args:
        models: name to a Model, or to what `load_model` takes; those are loaded one after another. The first is what
            the others are compared with: the task expert, or the base.
        task: of `load_task`, in the language of the language expert.
        format: as in `wb.evaluation.accuracy`.
        normalize: see `wb.evaluation.choose`.
        shots: so many first items stand, solved, before each of the others.

    Returns:
        `accuracy[model, language]` with `low`, `high` (Wilson), `chance`, `items`; against the first model, whose row
        is NaN: `change`, in points, with `change_low`, `change_high` (bootstrap over items, of which an aligned one is
        drawn with all its languages) and `p_value` (McNemar's exact test, corrected over models and languages);
        `gained`, `lost`, items that are right in one of the two models only.

    Raises:
        BadArgument: fewer than two models.
        UnknownModel, BrokenModel, BadTask: as `load_model` and `wb.evaluation.accuracy`.

    Example:
        >>> models = {"task": "polyglot-aligned", "language": "polyglot", "swapped": "runs/swapped"}  # doctest: +SKIP
        >>> wb.merging.compare(models, wb.load_task("words", languages="de,fr"))                  # doctest: +SKIP
    """
    _check_names(models)
    how: dict[str, Any] = {"format": format, "normalize": normalize, "shots": shots, "truncate": truncate}
    how |= {"level": level, "progress": progress, "batch_size": batch_size, "seed": seed}
    results = {
        name: accuracy(model if isinstance(model, Model) else load_model(model), task, **how)
        for name, model in models.items()
    }
    return compared(results, level=level, seed=seed)


def compared(results: Mapping[str, xr.Dataset], *, level: float = 0.95, seed: int = 0) -> xr.Dataset:
    """What `compare` returns, of a Result of `wb.evaluation.accuracy` for each model.

    Raises:
        BadArgument: fewer than two models.
        BadResult: results of other items.
    """
    _check_names(results)
    before, *others = results.values()
    languages = before["language"].values.tolist()
    pairs = [paired(before, after, level=level, seed=seed) for after in others]
    rows: dict[str, np.ndarray] = {
        name: np.stack([np.broadcast_to(result[name].values, len(languages)) for result in results.values()])
        for name in _BY_MODEL
    }
    for name in _CHANGES:
        values = [pair[name.removeprefix("change_")].values.astype(float) for pair in pairs]
        rows[name] = np.stack([np.full(len(languages), np.nan), *values])
    p = np.full(rows["change"].shape, np.nan)
    known = ~np.isnan(rows["gained"])
    p[known] = mcnemar(rows["gained"][known], rows["lost"][known])
    rows["p_value"] = corrected(p)
    first = next(iter(results))
    ends = f"end of the {level:.0%} interval"
    words = {
        "accuracy": "accuracy",
        "low": f"lower {ends} of the accuracy",
        "high": f"upper {ends} of the accuracy",
        "chance": "chance",
        "items": "items",
        "change": f"change of the accuracy against {first} [points]",
        "change_low": f"lower {ends} of the change over items [points]",
        "change_high": f"upper {ends} of the change over items [points]",
        "gained": f"items that only this model has right, and not {first}",
        "lost": f"items that only {first} has right",
        "p_value": "p-value of McNemar's exact test, corrected over the table",
    }
    cells = ("model", "language")
    variables: Variables = {name: (cells, rows[name], text) for name, text in words.items()}
    return make_result(
        variables,
        {"model": list(results), "language": languages},
        method="merging.compare",
        parameters={
            "models": {name: provenance(result).get("model") for name, result in results.items()},
            "accuracy": provenance(before).get("parameters"),
        },
        corpus=provenance(before).get("corpus"),
        seed=seed,
        attrs={"level": level, "first": first},
        owners={"accuracy": ("low", "high"), "change": ("change_low", "change_high", "p_value")},
    )


def _check_names(models: Mapping[str, Any]) -> None:
    if len(models) < 2:
        raise BadArgument(
            f"models has {len(models)} entries; give two or more, the first being what others are compared with"
        )
