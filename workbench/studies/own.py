"""A report of Results that the caller brings: a section for each, with the figure of its score."""

import re
from collections.abc import Mapping
from pathlib import Path

import xarray as xr

from workbench import figures
from workbench.arguments import checked, shown
from workbench.errors import BadArgument
from workbench.results.hdf5.checksums import checksums
from workbench.results.scores import read_score
from workbench.studies.analysis import Analysis, Cell, Results, run_analysis
from workbench.studies.findings import heads as findings
from workbench.studies.report import Section
from workbench.studies.runs import run_folder
from workbench.studies.sections import drawing, section


@checked
def report(results: Mapping[str, xr.Dataset], *, out: str | Path, title: str = "Scores by language") -> Path:
    """Write a report of your own Results: a section for each, and its file beside the page.

    Args:
        results: Results by name, letters, digits, `_` and `-`; each has a score [language, layer, head] or [language,
            layer, neuron], as `heads.HeadScore` and `neurons.NeuronScore` say.
        out: the run folder; a file of this name with other numbers is put aside, into `others/`.
        title: of the page.

    Returns:
        The path of the page, `report.html`.

    Raises:
        BadArgument: no result, a name that is no file name, or a Result without a score.
        BadResult: a Dataset without provenance.
        CannotWrite: the folder is read-only or the disk is full.

    Example:
        >>> wb.report({"output_norm": output_norm(model, corpus)}, out="runs/mine")              # doctest: +SKIP
    """
    if not results:
        raise BadArgument(f"results={shown(results)} holds nothing to report; give Results by name")
    scores = {name: _score(name, result) for name, result in results.items()}
    cells = [
        Cell(name, {"checksums": checksums(result)}, lambda _, result=result: result)
        for name, result in results.items()
    ]

    def sections(saved: Results) -> list[Section]:
        return [_section(name, result, scores[name]) for name, result in saved.items()]

    with run_folder(out) as run:
        run_analysis(run, Analysis(title, cells, sections))
    return run.folder / "report.html"


def _section(name: str, result: xr.Dataset, values: xr.DataArray) -> Section:
    """A Result's section: its score as a heatmap, and the strongest cells."""
    reading = (
        f"Each panel is a language, each cell a {values.dims[2]}: the brighter, the higher its score. Point at a cell "
        "for its number."
    )
    shown = drawing(figures.heatmap, result, str(values.name))
    return section(name, result, shown, reading=reading, finding=findings.strongest(result, values))


def _score(name: str, result: xr.Dataset) -> xr.DataArray:
    if not re.fullmatch(r"[\w-]+", name):
        raise BadArgument(f"results has the name {shown(name)}; give letters, digits, _ and -: it names a file")
    return read_score(result, ("language", "layer", "neuron" if "neuron" in result.dims else "head"))
