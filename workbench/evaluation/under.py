"""Under edits: what each language can do without a group of units or with a direction added, against random ones."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, cast, get_args

import numpy as np
import pandas as pd
import xarray as xr
from tqdm.auto import tqdm

from workbench.arguments import checked, finite, one_of, whole_number
from workbench.errors import BadArgument
from workbench.evaluation import edit_measures
from workbench.evaluation.changes import changes_of
from workbench.evaluation.edit_measures import NOUNS, Measure, OfPrompts, OfTask
from workbench.evaluation.picks import NORMALIZE, warn_of_tokens
from workbench.evaluation.scoring.formats import Format
from workbench.model.batching import texts_per_batch
from workbench.model.edits import edited
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.results.controls import OWNERS, beyond_controls
from workbench.results.groups import Groups
from workbench.results.make import Variables, make_result
from workbench.results.proportions import mcnemar
from workbench.results.resuming.progress import resumed
from workbench.results.statistics import corrected, mean_of_known
from workbench.text.tasks.task import Task
from workbench.text.tokens.segment import Segmenters

_CELLS = ("group", "language")
_OF_TASK = {"format": "cloze", "normalize": "none", "shots": 0}
_OF_PROMPTS = ("identify", "words", "segment", "respond")


# Long: the options are those of the scoring, of the edit and of the statistics.
@checked
@alone
def under(
    model: Model,
    task: Task | pd.DataFrame,
    groups: Groups | Mapping[Any, xr.Dataset],
    *,
    measure: str | None = None,
    unit: Literal["head", "neuron"] | None = None,
    scale: float = 0.0,
    fill: Any = None,
    controls: int = 20,
    format: Format = "cloze",
    normalize: str = "none",
    shots: int = 0,
    truncate: bool = False,
    identify: Callable | None = None,
    words: Collection[str] | None = None,
    segment: Segmenters | None = None,
    bar: float = 0.3,
    respond: Mapping[str, Any] | None = None,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Measure a task or responses without each group of heads or neurons: the knock-out matrix, in what a model can do.

    Each group is compared with `controls` random groups of as many units in each layer, drawn outside it. Directions
    may take the place of groups: each is added to the residual stream, and compared with random directions, which are
    it turned as a whole: of the same length in each layer, and with the same angles between layers.

    A task is measured by its `"accuracy"`; by the `"agreement"` of each language, the mean over the other languages of
    the share of items with the same option picked; or by its `"consistency"`, that less what independent picks of these
    accuracies would agree in: both are means over the other languages of what `consistency` gives as `agreement` and
    `excess`. Agreement falls with accuracy alone, consistency does not. Prompts are answered under each edit, with the
    same seed, and measured by `"line_pass"`, `"word_pass"` or `"lines_right"`, the means over sources of `confusion`.

    Args:
        model: the model.
        task: of kind choice; or prompts of `wb.load_prompts` or `openings`, of one task.
        groups: a Result with `member` or a score of heads or neurons, whose languages become the groups, or a dict of
            group -> (layer, unit) pairs, such as `wb.heads.top(scores)`. Of directions: a Result with
            `direction[language, layer, d]`, or a dict of group -> Result with `direction[layer, d]`, each added times
            its attribute `strength` (1 where it has none).
        measure: one of these; accuracy of a task and line_pass of prompts when None.
        unit: of the pairs; read from a Result, else heads. Not of directions, nor are the next two.
        scale: what the outputs of the units are multiplied by: 0 switches off.
        fill: what takes their place where it is not zero, such as means over a corpus: [layer, head, d_head] or
            [layer, neuron].
        controls: random groups for each group; with 0 their variables are NaN.
        format: as of `accuracy`.
        normalize: as of `choose`.
        shots: as of `accuracy`.
        truncate: as of `accuracy`.
        identify: of prompts, as of `confusion`, as the next three; `words` are needed for word_pass alone.
        words: English dictionary.
        segment: functions from text to words.
        bar: a line whose score is at most this fails.
        respond: options of `respond`, such as `{"tokens": 20, "temperature": 0}`.
        batch_size: as of `accuracy`, or as of `respond`.

    Returns:
        In points (hundredths) of the measure, changes against the model without an edit: `delta[group, language]` with
        `low`, `high`; `control_mean`, `control_low`, `control_high`; `excess` = delta - control_mean with
        `excess_low`, `excess_high` and `p_value` (t-test over items against the mean of the controls, corrected over
        all cells: a group is beyond the random groups themselves only where `delta` is outside `control_low` to
        `control_high` too); `control_delta[group, control, language]`; `sample_delta[group, language, item]`;
        `baseline[language]`; `units[group]`, of a direction its layers. Of accuracy also `mcnemar[group, language]`,
        the exact p-value of delta alone, corrected. Of prompts also `skipped[group, language]` and
        `baseline_skipped[language]`, counts of responses without a line that counts. The numbers of items of agreement
        and rates are linearized (delta method), so that their mean is the change; it is NaN where, with the group or
        one of its random ones, no response counts.

    Raises:
        BadArgument: an option out of range, one of a task for prompts or the reverse, a unit that does not exist, or a
            group that leaves too few for controls.
        BadResult: `groups` belongs to another model, or a direction has numbers that are NaN or infinite.
        BadTask: a generated task.
        BadResult, TooFewLanguages: agreement or consistency of a task that `consistency` refuses.
        BadCorpus: no prompts, or those of several tasks.

    Example:
        >>> effects = wb.evaluation.under(model, task, wb.heads.top(scores))                     # doctest: +SKIP
        >>> wb.figures.matrix(effects, "excess")                                                 # doctest: +SKIP
    """
    whole_number("controls", controls)
    finite("scale", scale)
    finite("bar", bar, above=0, below=1)
    one_of("normalize", normalize, NORMALIZE)
    warn_of_tokens(normalize)
    measured = _measure(
        model,
        task,
        measure,
        of_task={"format": format, "normalize": normalize, "shots": shots, "truncate": truncate},
        of_prompts={"identify": identify, "words": words, "segment": segment, "bar": bar},
        respond=respond,
        batch_size=batch_size,
        seed=seed,
    )
    changes = changes_of(model, groups, unit=unit, scale=scale, fill=fill, controls=controls, seed=seed)
    clean, skipped = measured.read()
    values = np.full((len(changes.sets), 1 + controls, *clean.shape), np.nan)
    skips = np.full((len(changes.sets), len(clean)), np.nan)
    runs = [(group, control) for group in range(len(changes.sets)) for control in range(1 + controls)]
    with tqdm(total=len(runs), desc="under edits", unit="pass", disable=not progress) as progress_bar:
        done = {"values": values, "skips": skips}
        for group, control in resumed(runs, done, skip=lambda _: progress_bar.update()):
            change = list(changes.sets.values())[group][control]
            if change.any():
                with edited(model, **changes.arguments(change)):
                    values[group, control], own = measured.read()
            else:
                values[group, control], own = clean, skipped
            if control == 0 and own is not None:
                skips[group] = own
            progress_bar.update()
    variables = _variables(values, clean, measured.name, changes.kind, level, seed)
    variables["units"] = (("group",), changes.sizes, changes.sizes_are)
    if skipped is not None:
        words_of = "responses without a line of five tokens"
        variables["skipped"] = (_CELLS, skips, f"{words_of}, without the group")
        variables["baseline_skipped"] = (("language",), skipped, f"{words_of}, without an edit")
    return make_result(
        variables,
        {"group": list(changes.sets), "language": measured.languages, "item": measured.items},
        method="evaluation.under",
        owners=OWNERS,
        parameters={
            "measure": measured.name,
            **changes.parameters,
            "controls": controls,
            "level": level,
            **measured.parameters,
        },
        model=model.info,
        corpus=measured.corpus,
        seed=seed,
        attrs={"unit": changes.kind, "measure": measured.name},
    )


# Long: the options of both kinds of questions.
def _measure(
    model: Model,
    task: Task | pd.DataFrame,
    name: str | None,
    *,
    of_task: Mapping[str, Any],
    of_prompts: Mapping[str, Any],
    respond: Mapping[str, Any] | None,
    batch_size: int | str,
    seed: int,
) -> Measure:
    """The measure of this name, of a task or of prompts, with its options.

    Raises:
        BadArgument: no such measure, or an option of the other kind, which would be ignored without a word.
    """
    if isinstance(task, pd.DataFrame):
        unused, kind = [name for name, default in _OF_TASK.items() if of_task[name] != default], "a task"
    else:
        given = {**of_prompts, "respond": respond}
        unused, kind = [name for name in _OF_PROMPTS if given[name] is not None], "prompts"
    if unused:
        raise BadArgument(f"{', '.join(unused)}: of {kind} only")
    if isinstance(task, pd.DataFrame):
        name = cast(OfPrompts, one_of("measure", name or "line_pass", get_args(OfPrompts)))
        responding = {"seed": seed, "progress": False, "batch_size": batch_size, **(respond or {})}
        return edit_measures.of_prompts(model, task, name, responding=responding, **of_prompts)
    name = cast(OfTask, one_of("measure", name or "accuracy", get_args(OfTask)))
    size = texts_per_batch(batch_size, auto=64)
    return edit_measures.of_task(model, task, name, size=size, **of_task)


def _variables(values: np.ndarray, clean: np.ndarray, name: str, kind: str, level: float, seed: int) -> Variables:
    """The Result's variables, from numbers [group, itself and controls, language, item] and those without an edit."""
    change = values - clean
    undefined = (~np.isnan(change)).sum(-1).min(1) == 0  # [group, language]
    counts = np.where(undefined, np.nan, (~np.isnan(clean)).sum(1))
    variables = beyond_controls(
        100 * change, counts, axis="group", changed=f"{kind}s", noun=NOUNS[name], unit="points", level=level, seed=seed
    )
    if name == "accuracy":
        gained, lost = (change[:, 0] > 0).sum(-1), (change[:, 0] < 0).sum(-1)
        exact = corrected(mcnemar(gained, lost))
        variables["mcnemar"] = (_CELLS, exact, "p-value of McNemar's exact test of delta, corrected")
    words = "change of each item" + (": 1 gained, -1 lost" if name == "accuracy" else ", linearized")
    return {
        **variables,
        "sample_delta": ((*_CELLS, "item"), change[:, 0], words),
        "baseline": (("language",), mean_of_known(clean, 1), f"{NOUNS[name]} without an edit"),
    }
