"""An analysis of a command: its cells, and the report of their results; one function runs every analysis."""

import inspect
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import xarray as xr
from tqdm.auto import tqdm

from workbench.model.memory import budget, readable
from workbench.studies.forecast import Clock, Forecast, Work, duration, seconds
from workbench.studies.report import Recipe, Section, recipe, write_report
from workbench.studies.runs import PARTS, Run, run_folder
from workbench.text.display.words import listed

P = ParamSpec("P")
_NAMED = inspect.Parameter.KEYWORD_ONLY
Results = Mapping[str, xr.Dataset]
"""cell -> its Result"""
SHARED = """
    Every analysis takes:
        model: what `load_model` takes, or a Model.
        corpus: what `load_corpus` takes.
        pairs: what `load_pairs` takes, or "words:de-fr" for translation pairs made of the shipped words.
        out: the run folder; cells that are there already with the same key are not computed again.
        languages: to keep; all when None.
        limit: first texts to keep of each language, or first pairs.
        options: how to compute.

    Raises:
        CannotWrite: the folder cannot be written; before anything is computed.
        TooFewLanguages: fewer than two languages, where languages are compared.
        Interrupted: Ctrl-C, SIGTERM or SIGHUP; the line says what is finished and where.
"""
OF_TEXTS = ("truncate", "deduplicate", "columns")  # options that commands without a corpus do not have


@dataclass(frozen=True)
class Parts:
    """How a cell can be divided among workers: each computes some of the parts, and what they give is merged.

    Attributes:
        names: Of the parts; each names a folder.
        cell: The part of a name; it needs no cell before it.
        merge: Makes the divided cell's Result of those of all parts, in their order.
    """

    names: Sequence[str]
    cell: Callable[[str], "Cell"]
    merge: Callable[[Sequence[xr.Dataset]], xr.Dataset]


@dataclass(frozen=True)
class Cell:
    """A Result of an analysis, computed once and saved as `<name>.nc`.

    Attributes:
        name: Of the file, without `.nc`.
        key: All that its numbers depend on.
        compute: Makes it, of the cells before it.
        works: What it runs through a model; none for nothing, None where it is not known before.
        parts: How it can be divided; None where it cannot.
    """

    name: str
    key: Mapping[str, Any]
    compute: Callable[[Results], xr.Dataset]
    works: Sequence[Work] | None = None
    parts: Parts | None = None


@dataclass(frozen=True)
class Analysis:
    """What a command computes and reports.

    Attributes:
        title: Of the report.
        cells: In the order in which they are computed.
        sections: Makes the report's sections, with their findings and figures, of the results.
        question: What the analysis asks; the first section's question where it is empty.
        main: Cells whose answers are the report's; the first section's answer where there are none.
        beside: Writes what else the run has, such as the explorer, once all cells are there.
    """

    title: str
    cells: Sequence[Cell]
    sections: Callable[[Results], Sequence[Section]]
    question: str = ""
    main: Sequence[str] = ()
    beside: Callable[[Run, Results], Any] | None = None


def analysis(
    command: str,
    *,
    positional: Sequence[str] = (),
    as_options: Sequence[str] = (),
    only_python: Sequence[str] = (),
) -> Callable[[Callable[P, Analysis]], Callable[P, Path]]:
    """Decorate a function that returns an Analysis: callers get the folder in which it was run, the argument `out`.

    The run folder is opened and locked before the function is called, so that nothing is loaded for a folder that
    cannot be written. How the function was called is recorded as the report's recipe. The arguments
    that all these functions take are documented once, in `SHARED`, which is added to each docstring. The undecorated
    function is the attribute `build`.

    Args:
        command: Words after `workbench` that do the same, such as `heads find`.
        positional: Keyword arguments that are positional at the command line.
        as_options: Positional arguments that are options at the command line.
        only_python: Names of arguments and options that the command does not have.
    """

    def decorate(build: Callable[P, Analysis]) -> Callable[P, Path]:
        signature = inspect.signature(build)

        @wraps(build)
        def run(*given: P.args, **named: P.kwargs) -> Path:
            bound = signature.bind(*given, **named)
            bound.apply_defaults()
            arguments = dict(bound.arguments)
            how = {name: arguments.pop(name) for name in ("out", "options")}
            by_place = [
                name for name in arguments if signature.parameters[name].kind is not _NAMED and name not in as_options
            ]
            first = [arguments.pop(name) for name in by_place]
            reproduction = recipe(
                run, command, *first, positional=positional, only_python=only_python, **how, **arguments
            )
            with run_folder(how["out"], reproduction.command) as folder:
                run_analysis(folder, build(*given, **named), reproduction, progress=how["options"].progress)
            return folder.folder

        run.build = build  # pyright: ignore[reportAttributeAccessIssue]
        run.__doc__ = f"{build.__doc__}{SHARED}"
        run.__signature__ = signature.replace(return_annotation=Path)  # pyright: ignore[reportAttributeAccessIssue]
        return run

    return decorate


def run_analysis(run: Run, analysis: Analysis, recipe: Recipe | None = None, *, progress: bool = False) -> None:
    """Compute the cells that a run lacks, then write its report.

    Args:
        run: the folder, opened.
        analysis: what is computed and reported.
        recipe: how it was called, for its report.
        progress: print first what is to compute, on stderr.

    Raises:
        Interrupted: Ctrl-C, SIGTERM or SIGHUP; the line says what is finished and where.
        CannotWrite: a file cannot be written.
    """
    expected = {}
    if progress and analysis.cells:
        missing = [cell for cell in analysis.cells if not run.has(cell.name, cell.key)]
        known = {cell.name: cell.works for cell in missing if cell.works is not None}
        expected = dict(zip(known, seconds(list(known.values())), strict=True))
        tqdm.write(plan(analysis.cells, missing, sum(expected.values())), file=sys.stderr)
    results = compute_cells(run, analysis.cells, expected)
    sections = analysis.sections(results)
    if analysis.beside is not None:
        analysis.beside(run, results)
    named = {"title": analysis.title, "question": analysis.question, "main": analysis.main}
    write_report(run.folder, sections=sections, recipe=recipe, **named)


def plan(cells: Sequence[Cell], missing: Sequence[Cell], expected: float) -> str:
    """Which results a run lacks and how many it has, and what the missing ones cost, in a line.

    Args:
        cells: all of the run.
        missing: those that are computed.
        expected: seconds that those of known cost take.
    """
    names, there = [cell.name for cell in missing], len(cells) - len(missing)
    inside = f" ({', '.join(names)})" if names else ""
    have = f"; {there} {'is' if there == 1 else 'are'} there already" if there else ""
    line = f"{len(missing)} {'result' if len(missing) == 1 else 'results'} to compute{inside}{have}"
    if time_needed := duration(expected):
        model = next(work.model for cell in missing for work in cell.works or ())
        line += f"; this takes {time_needed} on this machine and up to {readable(budget(model))} for activations"
    if unknown := [cell.name for cell in missing if cell.works is None]:
        line += f"; how long {listed(unknown)} {'takes' if len(unknown) == 1 else 'take'} is not known beforehand"
    return line


def compute_cells(
    run: Run, cells: Sequence[Cell], expected: Mapping[str, float] | None = None, *, clock: Clock = time.monotonic
) -> dict[str, xr.Dataset]:
    """The results of cells, each from its file where that is there, else computed and saved.

    Args:
        run: the folder, opened.
        cells: in their order.
        expected: cell -> seconds that it may take; after a cell the time that is left is printed, if it is long.
        clock: gives seconds.
    """
    results: dict[str, xr.Dataset] = {}
    forecast = Forecast(expected or {})
    for cell in cells:
        start = clock()
        results[cell.name] = run.cell(cell.name, cell.key, lambda cell=cell: _computed(run, cell, results))
        if cell.parts is not None:
            shutil.rmtree(run.folder / PARTS / cell.name, ignore_errors=True)
            with suppress(OSError):  # it is not there, or holds parts of another cell
                (run.folder / PARTS).rmdir()
        if cell.name in forecast.expected and (left := duration(forecast.left(cell.name, clock() - start))):
            tqdm.write(f"{cell.name} is ready; {left} left", file=sys.stderr)
    return results


def compute_part(folder: Path, cell: Cell, name: str) -> xr.Dataset:
    """A part of a cell, from the part's own run folder below the cell's, else computed and saved there.

    Args:
        folder: run folder of the cell; it is not locked, so that several parts are computed at the same time.
        cell: the cell, with parts.
        name: of the part.

    Raises:
        Busy: another process computes the part.
    """
    assert cell.parts is not None, f"{cell.name} has no parts"
    part = cell.parts.cell(name)
    with run_folder(folder / PARTS / cell.name / name) as run:
        return run.cell(part.name, part.key, lambda: part.compute({}))


def _computed(run: Run, cell: Cell, results: Results) -> xr.Dataset:
    """A cell's Result: of its parts where it was divided, those that are missing included."""
    if cell.parts is None or not (run.folder / PARTS / cell.name).is_dir():
        return cell.compute(results)
    return cell.parts.merge([compute_part(run.folder, cell, name) for name in cell.parts.names])
