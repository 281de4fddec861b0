"""The command `workbench lens`."""

from typing import Annotated

import typer

from workbench.cli.options import OF_WORDS, Common, ModelName, complete_corpora, complete_languages, takes
from workbench.terminal import show_run


@takes(OF_WORDS)
def lens(
    model: ModelName = "polyglot",
    source: Annotated[
        str, typer.Option(help="Language of the words that are shown.", autocompletion=complete_languages)
    ] = "de",
    target: Annotated[
        str, typer.Option(help="Language of the words that are asked for.", autocompletion=complete_languages)
    ] = "fr",
    words: Annotated[str, typer.Option(help="A word list: words, or a TSV or CSV file.")] = "words",
    shots: Annotated[int, typer.Option(help="Translations shown before each question.")] = 5,
    tuned: Annotated[
        str | None,
        typer.Option(help="Train a tuned lens on this corpus, and read with it.", autocompletion=complete_corpora),
    ] = None,
    *,
    common: Common,
) -> None:
    """Read what every layer would say while the model translates: in which language, and how sure.

    \b
    workbench lens polyglot --source de --target ja --limit 24
    workbench lens polyglot --languages de,fr,en --tuned parallel
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.lens import run_lens

    folder = common.folder("lens", model, f"{source}-{target}")
    run_lens(model, source=source, target=target, out=folder, words=words, shots=shots, tuned=tuned, **common.texts)
    show_run(folder, common.quiet)
