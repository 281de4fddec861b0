"""The study of knowledge barriers: what is lost when parts of a question change their language, and why."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from workbench import figures
from workbench.arguments import one_of
from workbench.evaluation import barriers, load_task
from workbench.evaluation.mixing.mixed import VARIANTS, mixed, targets
from workbench.studies.analysis import OF_TEXTS, Analysis, Cell, Results, analysis
from workbench.studies.findings.evaluation import barriers as findings
from workbench.studies.options import DEFAULTS, Options, common_key, open_model, refuse_chat
from workbench.studies.report import Section
from workbench.studies.sections import drawing, section
from workbench.text.languages import check, language_list

USUAL = "full,question,options,gt,gt_question,onewrong,threewrong"
_BARS = 48  # of the figure; more are cells
_MOST = 8  # bars of one name


@analysis("barriers", only_python=[name for name in OF_TEXTS if name != "truncate"])
def run_barriers(
    model: Any,
    task: Any = "words",
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    variants: str | Sequence[str] = USUAL,
    pivot: str = "en",
    format: str = "letters",
    shots: int = 0,
    options: Options = DEFAULTS,
) -> Analysis:
    """Put parts of a task's items into other languages, measure what is lost, and write a report.

    Args:
        task: what `load_task` takes; aligned, with the pivot among its languages.
        languages: to mix in, beside the pivot; all when None.
        variants: of `wb.evaluation.mixed`, a list or with commas.
        pivot: language of what stays.
        format: letters or cloze; see `wb.evaluation.accuracy`.
        shots: so many first items stand, solved, before each of the others.

    Returns:
        The run folder, with `barriers.nc` and `report.html`.

    Raises:
        BadTask: the task cannot be read or mixed.
        BadArgument: no such variant, or too few languages for it; before the model is loaded.
    """
    refuse_chat(options, "a task")
    one_of("format", format, ("letters", "cloze"))
    names = [part.strip() for part in variants.split(",")] if isinstance(variants, str) else list(variants)
    for name in names:
        one_of("variants", name, VARIANTS)
    pivot = check(pivot)
    wanted = None if languages is None else language_list(languages)
    given = None if wanted is None else [*({pivot} - set(wanted)), *wanted]
    loaded_task = load_task(task, languages=given, limit=limit)
    targets(loaded_task, None, pivot)
    for name in names:  # mixing takes no model and refuses what cannot be mixed
        mixed(loaded_task, name, pivot=pivot, shots=shots, shots_in="pivot", seed=options.seed)
    loaded_task.without_first(shots)
    loaded = open_model(model, options)
    how = {"variants": names, "pivot": pivot, "format": format, "shots": shots}
    key = {**common_key(loaded, options), "method": "barriers", "task": loaded_task.info, **how}
    cell = Cell("barriers", key, lambda _: barriers(loaded, loaded_task, **how, **options.texts))
    return Analysis(
        title=f"What {loaded.name} knows in one language and not in another: {loaded_task.name}",
        question="What is lost when parts of a question change their language?",
        cells=[cell],
        sections=_sections,
    )


def _sections(results: Results) -> list[Section]:
    made = results["barriers"]
    many = made["drop"].size > _BARS or made.sizes["variant"] > _MOST
    draw, how = (figures.heatmap, None) if many else (figures.bars, "language")
    sections = [
        section(
            "barriers",
            made,
            drawing(draw, made, "drop", question="What is lost when parts of a question change their language?", y=how),
            reading="Accuracy in the pivot less that of each version, on the same items: above 0 is a loss. In gt, "
            "gt_question and threewrong the right option is the odd one out, in onewrong a wrong one: read these "
            "beside `full`, `options` and `balanced`, in which each option in turn is the odd one.",
            finding=findings.barriers(made),
            control="Each item is compared with itself in the pivot (McNemar's exact test, corrected over the table); "
            "the odd option's share is measured with each option in turn.",
            table=findings.barriers_table(made),
        )
    ]
    if np.isfinite(made.odd_bias.values).any():
        sections.append(_odd_section(made))
    return sections


def _odd_section(result: xr.Dataset) -> Section:
    known = result.isel(language=np.isfinite(result.odd_bias.values))
    question = "Is the one option in another language picked more often than by chance?"
    return section(
        "barriers",
        result,
        drawing(figures.bars, known, "odd_bias", question=question),
        reading="How much more often than one in k the odd option is picked: above 0 the model likes it; below 0 it "
        "avoids it, or does not know the word where it is right. A model that knows all words is at 0.",
        finding=findings.odd(result),
    )
