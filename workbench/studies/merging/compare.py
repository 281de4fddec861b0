"""The study of merges: experts, their merges and controls on one task, each against the first."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from workbench import figures
from workbench.arguments import one_of
from workbench.errors import BadArgument
from workbench.evaluation import accuracy, load_task
from workbench.evaluation.generated.measure import check_options
from workbench.evaluation.picks import NORMALIZE
from workbench.evaluation.scoring.formats import Format
from workbench.merging.compare import compared
from workbench.model.load import files_hash
from workbench.options import UNSAFE
from workbench.studies.analysis import OF_TEXTS, Analysis, Cell, Results, analysis
from workbench.studies.evaluation.tokens import short_name
from workbench.studies.findings.merging import compare as findings
from workbench.studies.options import DEFAULTS, Options, open_model, refuse_chat
from workbench.studies.report import Section
from workbench.studies.sections import Drawing, drawing, section

_BARS, _MODELS = 48, 8  # of the figure; more are cells
_CELL = "compare"


# Long: a parameter for each option of the command.
@analysis("merge compare", only_python=[name for name in OF_TEXTS if name != "truncate"])
def run_merge_compare(
    models: Sequence[str],
    *,
    out: str | Path,
    task: Any = "words",
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    format: Format = "cloze",
    normalize: str = "none",
    shots: int = 0,
    options: Options = DEFAULTS,
) -> Analysis:
    """Measure several models on one task, each against the first on the same items, and write a report.

    Args:
        models: what `load_model` takes, two or more; loaded one after another. The first is what others are compared
            with.
        task: what `load_task` takes, in the language of the language expert.
        format: cloze, question or letters; see `wb.evaluation.accuracy`.
        normalize: see `wb.evaluation.choose`.
        shots: so many first items stand, solved, before each of the others.

    Returns:
        The run folder, with a file for each model, `compare.nc` and `report.html`.

    Raises:
        BadArgument: fewer than two models, or two of one name.
        BadTask: the task cannot be read or measured.
        UnknownModel, BrokenModel: a model is not there; before any is measured.
    """
    refuse_chat(options, "a task")
    given = [models] if isinstance(models, str) else list(models)
    named = {short_name(name): name for name in given}
    if len(given) < 2 or len(named) < len(given):
        raise BadArgument(f"models={given}; give two or more, each with a name of its own")
    loaded_task = load_task(task, languages=languages, limit=limit)
    how = {"format": format, "normalize": normalize, "shots": shots}
    one_of("normalize", normalize, NORMALIZE)
    check_options(loaded_task, format=format, normalize=normalize, tokens=None)
    loaded_task.without_first(shots)
    own = {"seed": options.seed, "truncate": options.truncate, "dtype": options.dtype, "device": options.device}
    key = {**own, **how, "task": loaded_task.info}
    allowed = {name: getattr(options, name) for name in UNSAFE}
    cells = {}
    for number, (name, source) in enumerate(named.items()):
        cells[name] = Cell(
            f"{number}_{re.sub(r'[^a-zA-Z0-9]+', '_', name)}"[:80],
            {**key, "method": "accuracy", "model": files_hash(source, **allowed)},
            lambda _, source=source: accuracy(open_model(source, options), loaded_task, **how, **options.texts),
        )
    together = Cell(
        _CELL,
        {"method": "merging.compare", "cells": [cell.key for cell in cells.values()], "names": list(cells)},
        lambda results: compared({name: results[cell.name] for name, cell in cells.items()}, seed=options.seed),
        [],
    )
    first, *others = named
    return Analysis(
        title=f"What {', '.join(others)} can do against {first}: {loaded_task.name}",
        question="Which models answer better than the first, on the same items?",
        cells=[*cells.values(), together],
        sections=_sections,
        main=(_CELL,),
    )


def _sections(results: Results) -> list[Section]:
    made = results[_CELL]
    others = made.isel(model=slice(1, None))
    return [
        section(
            _CELL,
            made,
            _drawn(others, "change", f"Which models answer better than {made.attrs['first']}, on the same items?"),
            reading=f"Points of accuracy above {made.attrs['first']}, with 95 % intervals over items: 0 is no change.",
            finding=findings.changes(made),
            control="Items are compared one by one (McNemar's exact test, corrected over models and languages). A "
            "merge is to be compared with its experts, their mean, the mirrored map, and random maps of equal size.",
            table=findings.merge_table(made),
        ),
        section(
            _CELL,
            made,
            _drawn(made, "accuracy", "In which languages are the answers of each model right?"),
            reading="The share of items whose right answer is given; whiskers are 95 % intervals (Wilson).",
            finding=findings.best(made),
        ),
    ]


def _drawn(result: xr.Dataset, variable: str, question: str) -> Drawing:
    """Bars by language; cells where there would be too many bars."""
    many = result[variable].size > _BARS or result.sizes["model"] > _MODELS
    return drawing(figures.heatmap if many else figures.bars, result, variable, question=question)
