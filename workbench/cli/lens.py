"""The command `workbench lens`."""

from typing import Annotated

import typer

from workbench.cli.options import OF_WORDS, Common, ModelName, complete_corpora, complete_languages, takes
from workbench.errors import BadArgument
from workbench.terminal import show_run, show_table


@takes(OF_WORDS)
def lens(
    model: ModelName = "polyglot",
    source: Annotated[
        str, typer.Option(help="Language of the words that are shown.", autocompletion=complete_languages)
    ] = "de",
    target: Annotated[str, typer.Option(help="Language to translate into.", autocompletion=complete_languages)] = "fr",
    words: Annotated[str, typer.Option(help="A word list: words, or a TSV or CSV file.")] = "words",
    shots: Annotated[int, typer.Option(help="Translations shown before each question.")] = 5,
    tuned: Annotated[
        str | None,
        typer.Option(help="Train a tuned lens on this corpus, and read with it.", autocompletion=complete_corpora),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(help="Read this text, token by token, in place of translations; --out writes a report."),
    ] = None,
    answer: Annotated[
        str | None, typer.Option(help="With --text: a word to follow; by default the next token.")
    ] = None,
    foil: Annotated[str | None, typer.Option(help="With --text: a word to compare it with.")] = None,
    *,
    common: Common,
) -> None:
    """Read what every layer would predict, in which language and how surely; on translations or your own texts.

    \b
    workbench lens polyglot --source de --target ja --limit 24
    workbench lens polyglot --languages de,fr,en --tuned parallel
    workbench lens polyglot --text "Der Hund läuft" --text "Le chat mange" --out runs/mine
    """  # noqa: D301 (click reads the backspace)
    if text:
        _sentences(model, text, {"answer": answer, "foil": foil, "tuned": tuned}, common)
        return
    if answer is not None or foil is not None:
        raise BadArgument("--answer and --foil are for the texts of --text; give one")
    from workbench.studies.lens import run_lens

    folder = common.folder("lens", model, f"{source}-{target}")
    run_lens(model, source=source, target=target, out=folder, words=words, shots=shots, tuned=tuned, **common.texts)
    show_run(folder, common.quiet)


def _sentences(model: str, text: list[str], how: dict[str, str | None], common: Common) -> None:
    """Print what every layer would predict after every token of some texts; with --out, write a report too."""
    from workbench.results.files import load_result
    from workbench.studies.sentence import findings, read_sentence, run_sentence, sentence_tables

    if common.out is None:
        result = read_sentence(model, text, options=common.options, **how)
    else:
        folder = run_sentence(model, text=text, out=common.out, options=common.options, **how)
        result = load_result(folder / "sentence.nc")
    if not common.quiet or common.out is None:
        for table in sentence_tables(result):
            show_table(table, None, quiet=False)
        typer.echo(findings(result, how["answer"]).text)
    if common.out is not None:
        show_run(common.out, quiet=True)
