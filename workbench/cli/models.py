"""Commands about whole models: `workbench card`, `workbench compare`."""

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import OF_TEXTS, Common, CorpusName, ModelName, complete_models, takes
from workbench.terminal import show_run, show_table


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


@takes(OF_TEXTS)
def compare(
    before: ModelName,
    after: ModelName,
    corpus: CorpusName = "parallel",
    pairs: Annotated[
        str | None, typer.Option(help="Prompts for an exchange of states: a file of pairs, or words:de-fr.")
    ] = None,
    metric: Annotated[
        str, typer.Option(help="Read in the exchange: logit_difference, answer_probability or nll.")
    ] = "logit_difference",
    top_rate: Annotated[float, typer.Option(help="Share of the neurons that are selected.")] = 0.05,
    *,
    common: Common,
) -> None:
    """Compare two models side by side: outputs, states, heads, neurons, and states of one put into the other.

    \b
    workbench compare polyglot-base polyglot-aligned parallel
    workbench compare ./base ./tuned texts.tsv --languages de,fr --pairs words:de-fr
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.merging.side_by_side import run_side_by_side

    folder = common.folder("side-by-side", before, after, corpus)
    how = {"out": folder, "pairs": pairs, "metric": metric, "top_rate": top_rate, **common.texts}
    show_run(run_side_by_side(before, after, corpus, **how), common.quiet)
