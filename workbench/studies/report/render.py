"""Make a run's report of its `report.json` alone: a page, markdown with pictures, or a page to print."""

import os
from pathlib import Path

from workbench.errors import BadArgument
from workbench.results.files import write_whole
from workbench.studies.report.markdown import markdown
from workbench.studies.report.page import page
from workbench.studies.report.pictures import pictures
from workbench.studies.report.print_page import printed
from workbench.studies.report.store import load_report

FORMATS = {"html": "report.html", "md": "report.md", "pdf-ready": "report-print.html"}
# Pages that some runs have beside their report, and what is on them.
_BESIDE = {
    "explorer.html": "Explore it: click a head to see what it attends to",
    "graphs.html": "Explore the graphs: click a node to see what its feature reacts to",
    "neuron.html": "The neuron's card: its strongest texts in every language",
}


def render(folder: str | Path, form: str = "html", *, out: str | Path | None = None) -> Path:
    """Make a run's report again, on any machine, without its model.

    Args:
        folder: The run folder; it may have been moved.
        form: `html`, the page with interactive figures; `md`, markdown and a folder of PNG pictures beside
            it; `pdf-ready`, a page without scripts for a printer or a PDF.
        out: The file; by default `report.html`, `report.md` or `report-print.html` in the run folder.

    Returns:
        The path of the file.

    Raises:
        BadArgument: No such form, or pictures are needed and the extra `docs` or a Chromium is not installed.
        BadResult: The folder has no `report.json`; the error names the command that writes it.
        CannotWrite: The file cannot be written.

    Example:
        >>> render("runs/demo", "md")                                                            # doctest: +SKIP
    """
    if form not in FORMATS:
        raise BadArgument(f"there is no form {form!r} of a report (has: {', '.join(FORMATS)})")
    folder = Path(folder).expanduser()
    report = load_report(folder)
    out = folder / FORMATS[form] if out is None else Path(out).expanduser()
    if out.is_dir():
        out = out / FORMATS[form]
    run = os.path.relpath(folder, out.parent)  # links are relative, so that the folder can move
    beside = {f"{run}/{name}": words for name, words in _BESIDE.items() if (folder / name).is_file()}
    if (folder / "study.json").is_file():  # a study: the pages of its jobs
        jobs = [path.relative_to(folder) for path in sorted(folder.glob("*/**/report.html"))]
        beside |= {f"{run}/{path.as_posix()}": path.parent.as_posix() for path in jobs}
    if form == "html":
        return write_whole(out, page(report, run=run, beside=beside))
    if form == "pdf-ready":
        return write_whole(out, printed(report, pictures(report, "svg", width=760), run=run, beside=beside))
    names = []
    for number, picture in enumerate(pictures(report, "png", width=920), start=1):
        names.append(f"{out.stem}-figures/{number:02}.png" if picture else "")
        if picture:
            write_whole(out.parent / names[-1], picture)
    return write_whole(out, markdown(report, names, run=run, beside=beside))
