"""Knowledge barriers: what accuracy is lost when parts of a question change their language."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from workbench.arguments import checked, one_of
from workbench.errors import BadArgument
from workbench.evaluation.accuracy import accuracy
from workbench.evaluation.mixing.mixed import MIXED, SEVERAL, VARIANTS, has_items, mixed, odd_option, targets
from workbench.evaluation.scoring.scales import recorded, scales_of
from workbench.model.model import Model
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.proportions import mcnemar, wilson
from workbench.results.statistics import corrected, interval, mean_of_known
from workbench.text.languages import meaning
from workbench.text.tasks.task import Task

_CELL = ("variant", "language")


# Long: its options are those of the mixing and of the accuracy.
@checked
def barriers(
    model: Model,
    task: Task,
    *,
    variants: Sequence[str] = ("full", "question", "options", "gt", "gt_question", "onewrong", "threewrong"),
    languages: Sequence[str] | None = None,
    pivot: str = "en",
    format: str = "letters",
    readout: str = "released",
    shots: int = 0,
    shots_in: str = "pivot",
    heads: Any = None,
    neurons: Any = None,
    directions: xr.Dataset | None = None,
    truncate: bool = False,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Measure accuracy with parts of each item in another language, and how far the odd option out explains it.

    In `gt`, only the right option is in the other language: a model that prefers the option which differs from the
    others gains, and in `onewrong` it loses. So each option in turn is put into the other language: `odd_bias` is how
    much more often than by chance the odd option is picked, and `balanced` the accuracy over all of these, in which
    the preference does not favour the right option; near accuracy 1 it still costs. Read `gt` beside `balanced`.

    Args:
        model: the model.
        task: aligned, of kind choice, with the pivot among its languages.
        variants: see `wb.evaluation.mixed`.
        languages: to mix in; all but the pivot when None.
        pivot: language of what stays.
        format: as in `wb.evaluation.accuracy`; the paper shows the options and reads letters.
        readout: of letters, as `variant` there: "released" compares the logits of the bare letters' last id.
        shots: first items that stand, solved, before the others.
        shots_in: these in the "pivot", or mixed as in the "variant".
        heads: heads to switch off or scale, as in `wb.evaluation.accuracy`.
        neurons: neurons, as there.
        directions: directions, as there.
        truncate: as there.
        batch_size: as there.
        seed: of what is drawn, and of the bootstrap.

    Returns:
        `accuracy[variant, language]` with `_low`, `_high` (Wilson); `drop[variant, language]`, the accuracy in the
        pivot less this on the same items, with `_low`, `_high` (bootstrap over items) and `p_value` (exact McNemar,
        corrected over the table); `left_out[variant, language]`, items of which a translated part is spelled as in the
        pivot; `odd_bias`, `balanced[language]` with intervals, NaN where an option is spelled as in the pivot in every
        item; `pivot_accuracy`; `chance`. "mixup" has the one
        language "mul".

    Raises:
        BadTask, BadArgument, UnknownLanguage: as `wb.evaluation.mixed` and `accuracy`.

    Source:
        Chua et al. 2024, Crosslingual capabilities and knowledge barriers in multilingual LLMs; odd_bias and balanced
        are ours.

    Example:
        >>> wb.evaluation.barriers(model, wb.load_task("belebele.jsonl"), shots=5)               # doctest: +SKIP
    """
    if not variants:
        raise BadArgument("variants=[]; give at least one (has: " + ", ".join(VARIANTS) + ")")
    for name in variants:
        one_of("variants", name, VARIANTS)
    pivot = meaning(pivot, task.languages)[0] or pivot
    others = targets(task, languages, pivot)
    how = {
        "format": format,
        "variant": readout if format == "letters" else "paper",
        "shots": shots,
        "heads": heads,
        "neurons": neurons,
        "directions": directions,
        "answer_only": False,
        "truncate": truncate,
        "progress": progress,
        "batch_size": batch_size,
    }

    def picks(of: Task) -> xr.Dataset:
        return accuracy(model, of, **how)[["choice", "correct", "score", "gold"]]

    base = picks(task.select(pivot))
    mixing = {"languages": list(others), "pivot": pivot, "shots": shots, "shots_in": shots_in, "seed": seed}
    tables = {name: picks(mixed(task, name, **mixing)) for name in variants}
    odd_tasks = [odd_option(task, j, others, pivot=pivot, shots=shots) for j in range(task.n_options)]
    odd = [picks(own) if has_items(own, shots) else base.isel(language=[]) for own in odd_tasks]
    codes = [*others, *([SEVERAL] if set(variants) & set(MIXED) else [])]
    correct = np.stack([tables[name]["correct"].reindex(language=codes).to_numpy() for name in variants])
    pivot_correct = base["correct"].to_numpy()[0]
    options = (~np.isnan(base["score"].to_numpy()[0])).sum(-1)
    odd_correct = np.stack([table["correct"].reindex(language=codes).to_numpy() for table in odd])
    odd_choice = np.stack([table["choice"].reindex(language=codes).fillna(-1).to_numpy() for table in odd])
    return make_result(
        {
            **_drops(correct, pivot_correct, level, seed),
            **_odd(odd_choice, odd_correct, options, level, seed),
            "pivot_accuracy": ((), float(np.nanmean(pivot_correct)), f"accuracy in {pivot}"),
            "chance": (
                (),
                float((base["gold"].to_numpy().sum(-1) / options).mean()),
                "accuracy of a random pick among the options",
            ),
        },
        {"variant": list(variants), "language": codes},
        method="evaluation.barriers",
        parameters={
            "variants": list(variants),
            "languages": list(others),
            "pivot": pivot,
            "readout": readout,
            "shots_in": shots_in,
            "level": level,
            **{name: how[name] for name in ("format", "shots", "truncate", "batch_size")},
            **recorded(scales_of(model, heads=heads, neurons=neurons, directions=directions)),
        },
        model=model.info,
        corpus=task.info,
        seed=seed,
        attrs={"pivot": pivot, "level": level},
        owners={"drop": ["p_value"]},
    )


def _drops(correct: np.ndarray, pivot_correct: np.ndarray, level: float, seed: int) -> Variables:
    """Accuracies [variant, language] and their paired differences to the pivot's, from answers [..., item]."""
    items = (~np.isnan(correct)).sum(-1)
    right = np.nansum(correct, -1)
    low, high = wilson(right, items, level=level)
    change = pivot_correct - correct
    lost, gained = (change == 1).sum(-1), (change == -1).sum(-1)
    p = np.where(items == 0, np.nan, mcnemar(gained, lost))
    span = f"{level:.0%}"
    return {
        "accuracy": (_CELL, mean_of_known(correct, -1), "share of items answered right"),
        "accuracy_low": (_CELL, low, f"lower end of Wilson's {span} interval"),
        "accuracy_high": (_CELL, high, f"upper end of Wilson's {span} interval"),
        "drop": (_CELL, _share(np.nansum(change, -1), items), "accuracy in the pivot less this, same items"),
        **interval_ends(_CELL, interval(change, axis=-1, level=level, seed=seed), "drop", level=level, name="drop"),
        "p_value": (_CELL, corrected(p), "p-value of the drop (exact McNemar), corrected over the table"),
        "left_out": (
            _CELL,
            np.where(items > 0, correct.shape[-1] - items, np.nan),
            "items with a part that is spelled as in the pivot; NaN where nothing is measured",
        ),
    }


def _odd(choice: np.ndarray, correct: np.ndarray, options: np.ndarray, level: float, seed: int) -> Variables:
    """How often the odd option is picked beyond chance, and accuracy over all odd options, [language].

    Args:
        choice: the picks [odd option, language, item]; -1 where an item is left out.
        correct: whether they are right; NaN there.
        options: of each item, [item]; one that lacks any of its odd options does not count.
        level: of the intervals, over items, each drawn with all its odd options.
        seed: of the draws.
    """
    present = choice >= 0
    whole = present.sum(0) == options
    picked = (present & (choice == np.arange(len(choice))[:, None, None])).sum(0)
    variables: Variables = {}
    for name, values, words in (
        ("odd_bias", (picked - 1) / options, "share of picks of the one option in the other language, less chance"),
        ("balanced", np.nansum(correct, 0) / options, "accuracy with each option in turn in the other language"),
    ):
        values = np.where(whole, values, np.nan)
        bounds = interval(values, axis=1, level=level, seed=seed)
        variables[name] = (("language",), _share(np.nansum(values, 1), whole.sum(1)), words)
        variables |= interval_ends(("language",), bounds, name, level=level, name=name)
    return variables


def _share(part: np.ndarray, of: np.ndarray) -> np.ndarray:
    return np.divide(part, of, out=np.full(np.shape(of), np.nan), where=of > 0)
