"""The command `workbench report`."""

from pathlib import Path
from typing import Annotated

import typer

from workbench.terminal import seen

Form = Annotated[str, typer.Option("--format", help="html, md (markdown and pictures) or pdf-ready (for a printer).")]


def report(
    run: Annotated[Path, typer.Argument(help="A run folder, such as runs/demo.")],
    form: Form = "html",
    out: Annotated[
        Path | None,
        typer.Option(help="The file; report.html, report.md or report-print.html in the run folder by default."),
    ] = None,
) -> None:
    """Make a run's report again from its folder alone, on any machine, without the model.

    \b
    workbench report runs/demo
    workbench report runs/demo --format md --out docs/demo.md
    workbench report runs/demo --format pdf-ready
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.report import render

    typer.echo(seen(render(run, form, out=out)))
