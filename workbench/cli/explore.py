"""The command `workbench explore`."""

from pathlib import Path
from typing import Annotated

import typer

from workbench.terminal import announce, seen


def explore(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(help="A run folder: runs/demo, or what another command wrote.")],
    out: Annotated[Path | None, typer.Option(help="The page; explorer.html in the run folder by default.")] = None,
) -> None:
    """Write a page in which a click on a head shows what it attends to, in every language, beside its numbers.

    \b
    workbench explore runs/demo
    workbench explore runs/demo --out heads.html
    """  # noqa: D301 (click reads the backspace)
    announce(context, f"reading {run}")
    from workbench.studies.explore import explore as write

    typer.echo(seen(write(run, out=out)))
