"""Under edits: what each language can no longer do without a group of heads or neurons, against random groups."""

from typing import Any, Literal

import numpy as np
import torch
import xarray as xr
from tqdm.auto import tqdm

from workbench.arguments import checked, finite, one_of, shown, whole_number
from workbench.errors import BadArgument
from workbench.evaluation.measure import encoded, golds, lengths, scored
from workbench.evaluation.picks import NORMALIZE, picked, warn_of_tokens
from workbench.evaluation.rules import right
from workbench.evaluation.scoring.formats import Format
from workbench.model.batching import texts_per_batch
from workbench.model.edits import edited
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.results.controls import OWNERS, beyond_controls
from workbench.results.groups import Groups, random_groups, read_groups
from workbench.results.make import Variables, make_result
from workbench.results.proportions import mcnemar
from workbench.results.resuming.progress import resumed
from workbench.results.statistics import corrected
from workbench.text.tasks.task import Task

_SHARE = {"head": 0.02, "neuron": 0.01}  # of the units, taken from a score
_CELLS = ("group", "language")


# Long: the options are those of the scoring, of the edit and of the statistics.
@checked
@alone
def under(
    model: Model,
    task: Task,
    groups: Groups,
    *,
    unit: Literal["head", "neuron"] | None = None,
    scale: float = 0.0,
    fill: Any = None,
    controls: int = 20,
    format: Format = "cloze",
    normalize: str = "none",
    shots: int = 0,
    truncate: bool = False,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Measure a task without each group of heads or neurons: the knock-out matrix, in accuracy.

    Each group is compared with `controls` random groups of as many units in each layer, drawn outside it.

    Args:
        model: the model.
        task: of kind choice.
        groups: a Result with `member` or a score of heads or neurons, whose languages become the groups, or a dict of
            group -> (layer, unit) pairs, such as `wb.heads.top(scores)`.
        unit: of the pairs; read from a Result, else heads.
        scale: what the outputs of the units are multiplied by: 0 switches off.
        fill: what takes their place where it is not zero, such as means over a corpus: [layer, head, d_head] or
            [layer, neuron].
        controls: random groups for each group; with 0 their variables are NaN.
        format: as of `accuracy`.
        normalize: as of `choose`.
        shots: as of `accuracy`.
        truncate: as of `accuracy`.
        batch_size: as of `accuracy`.

    Returns:
        In points of accuracy, changes against the model without an edit: `delta[group, language]` with `low`, `high`;
        `control_mean`, `control_low`, `control_high`; `excess` = delta - control_mean with `excess_low`,
        `excess_high` and `p_value` (t-test over items against the mean of the controls, corrected over all cells: a
        group is beyond the random groups themselves only where `delta` is outside `control_low` to `control_high`
        too); `control_delta[group, control, language]`; `mcnemar[group, language]`, the exact p-value of delta alone,
        corrected; `sample_delta[group, language, item]`; `baseline[language]`; `units[group]`.

    Raises:
        BadArgument: an option out of range, a unit that does not exist, or a group that leaves too few for controls.
        BadResult: `groups` belongs to another model.
        BadTask: a generated task.

    Example:
        >>> effects = wb.evaluation.under(model, task, wb.heads.top(scores))                     # doctest: +SKIP
        >>> wb.figures.matrix(effects, "excess")                                                 # doctest: +SKIP
    """
    whole_number("controls", controls)
    finite("scale", scale)
    one_of("normalize", normalize, NORMALIZE)
    warn_of_tokens(normalize)
    size = texts_per_batch(batch_size, auto=64)
    kind = unit or _unit(groups)
    model.require(kind)
    width = model.n_heads if kind == "head" else model.n_neurons
    masks = {
        name: np.concatenate(
            [mask[None], random_groups(name, mask, controls, seed=seed, unit=kind, reuse_own=kind == "head")]
        )
        for name, mask in read_groups(groups, model.n_layers, width, unit=kind, share=_SHARE[kind]).items()
    }
    shaped, parts = encoded(
        model, task, format=format, shots=shots, answer_only=normalize == "unconditional", truncate=truncate
    )
    parts.pop("blind", None)
    sizes = lengths(shaped, parts["score"])
    right_options = golds(shaped)

    def measured() -> np.ndarray:
        tables = scored(model, parts, shaped, size, progress=False)
        return right(picked({**sizes, **tables}, normalize), right_options)

    clean = measured()
    correct = np.full((len(masks), 1 + controls, *clean.shape), np.nan)
    runs = [(group, control) for group in range(len(masks)) for control in range(1 + controls)]
    fills = {} if fill is None else {f"{kind}_fill": _fill(fill, model, kind)}
    with tqdm(total=len(runs), desc="under edits", unit="pass", disable=not progress) as bar:
        for group, control in resumed(runs, {"correct": correct}, skip=lambda _: bar.update()):
            mask = list(masks.values())[group][control]
            scales = {f"{kind}s": torch.from_numpy(np.where(mask, scale, 1.0)), **fills}
            if mask.any():
                with edited(model, **scales):
                    correct[group, control] = measured()
            else:
                correct[group, control] = clean
            bar.update()
    return make_result(
        _variables(correct, clean, kind, level, seed)
        | {"units": (("group",), [int(sets[0].sum()) for sets in masks.values()], f"{kind}s of the group")},
        {"group": list(masks), "language": list(shaped.languages), "item": list(shaped.ids)},
        method="evaluation.under",
        owners=OWNERS,
        parameters={
            "groups": {name: np.argwhere(sets[0]).tolist() for name, sets in masks.items()},
            "unit": kind,
            "scale": scale,
            "fill": fill is not None,
            "controls": controls,
            "format": format,
            "normalize": normalize,
            "shots": shots,
            "truncate": truncate,
            "level": level,
            "batch_size": size,
        },
        model=model.info,
        corpus=shaped.info,
        seed=seed,
        attrs={"unit": kind},
    )


def _fill(fill: Any, model: Model, kind: str) -> torch.Tensor:
    """What takes the place of outputs, as a tensor of the units' shape."""
    shape = (model.n_layers, model.n_heads, model.d_head) if kind == "head" else (model.n_layers, model.n_neurons)
    try:
        values = torch.as_tensor(fill, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError, IndexError, OverflowError):
        values = torch.empty(0)
    if tuple(values.shape) != shape:
        raise BadArgument(f"fill={shown(fill)}; give numbers of the shape {list(shape)}, one vector or value a {kind}")
    return values


def _unit(groups: Groups) -> Literal["head", "neuron"]:
    """The unit of a Result's groups; heads of a dict."""
    if isinstance(groups, xr.Dataset) and "neuron" in groups.dims and "head" in groups.dims:
        raise BadArgument("these groups have heads and neurons; name one with unit=")
    return "neuron" if isinstance(groups, xr.Dataset) and "neuron" in groups.dims else "head"


def _variables(correct: np.ndarray, clean: np.ndarray, kind: str, level: float, seed: int) -> Variables:
    """The Result's variables, from right answers [group, itself and controls, language, item] and without an edit."""
    change = correct - clean
    counts = (~np.isnan(clean)).sum(1)
    gained, lost = (change[:, 0] > 0).sum(-1), (change[:, 0] < 0).sum(-1)
    exact = np.vectorize(mcnemar)(gained, lost).astype(float)
    return {
        **beyond_controls(
            100 * change,
            counts,
            axis="group",
            changed=f"{kind}s",
            noun="accuracy",
            unit="points",
            level=level,
            seed=seed,
        ),
        "mcnemar": (_CELLS, corrected(exact), "p-value of McNemar's exact test of delta, corrected"),
        "sample_delta": ((*_CELLS, "item"), change[:, 0], "change of each item: 1 gained, -1 lost"),
        "baseline": (("language",), np.nanmean(clean, 1), "accuracy without an edit"),
    }
