"""The command `workbench report`."""

from pathlib import Path
from typing import Annotated

import typer

from workbench.terminal import announce, seen

Form = Annotated[str, typer.Option("--format", help="html, md (markdown and pictures) or pdf-ready (for a printer).")]


Figures = Annotated[
    str | None,
    typer.Option(help="pdf, svg or png: every figure for a paper, and every table as LaTeX and CSV, in RUN/figures/."),
]
Width = Annotated[str, typer.Option(help="Of those figures: column (85 mm), page (175 mm), or millimetres.")]


def report(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(help="A run folder, such as runs/demo.")],
    form: Form = "html",
    out: Annotated[
        Path | None,
        typer.Option(help="The file; report.html, report.md or report-print.html in the run folder by default."),
    ] = None,
    figures: Figures = None,
    width: Width = "column",
) -> None:
    """Make a run's report again from its folder alone, on any machine, without the model.

    \b
    workbench report runs/demo
    workbench report runs/demo --format md --out docs/demo.md
    workbench report runs/demo --format pdf-ready
    workbench report runs/demo --figures pdf --width page
    """  # noqa: D301 (click reads the backspace)
    announce(context, f"reading {run}")
    from workbench.studies.report import render
    from workbench.studies.report.paper import for_paper

    if figures is not None:
        for path in for_paper(run, figures, width=float(width) if width.replace(".", "", 1).isdigit() else width):
            typer.echo(seen(path))
        return
    typer.echo(seen(render(run, form, out=out)))
