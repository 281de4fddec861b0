"""The command `workbench card`."""

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import Common, complete_models, takes
from workbench.terminal import show_table


@takes({"table", "quiet"})
def card(
    model: Annotated[
        str, typer.Argument(help="A shipped model or a folder with an evaluation.", autocompletion=complete_models)
    ] = "polyglot",
    corpus: Annotated[
        Path | None, typer.Option(help="The training corpus; without it what needs it is shown as stored.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Store the new numbers in the model's folder, and write its card.")
    ] = False,
    *,
    common: Common,
) -> None:
    """Measure again what a shipped model's card states, and say which numbers were reproduced.

    Exits with 1 where one was not.

    \b
    workbench card polyglot
    workbench card polyglot --corpus ../shared/corpus
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.cards.card import run_card, verdict

    numbers = run_card(model, corpus=corpus, write=write, progress=common.options.progress)
    show_table(numbers, common.table, common.quiet)
    typer.echo(verdict(numbers))
    if not write and "no" in set(numbers["reproduced"]):
        raise typer.Exit(1)
