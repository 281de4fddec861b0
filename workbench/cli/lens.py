"""The commands of the residual stream: `workbench lens`, which reads it, and `workbench steer`, which adds to it."""

from typing import Annotated

import typer

from workbench.cli.options import (
    OF_CORPUS,
    OF_WORDS,
    Common,
    CorpusName,
    ModelName,
    complete_corpora,
    complete_languages,
    takes,
)
from workbench.errors import BadArgument
from workbench.terminal import show_run, show_study, show_table


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


# Long: a parameter for each option.
@takes(OF_CORPUS | {"languages"})
def steer(
    model: ModelName = "polyglot",
    corpus: CorpusName = "parallel",
    to: Annotated[str, typer.Option(help="Language to steer towards.", autocompletion=complete_languages)] = "de",
    source: Annotated[
        str, typer.Option(help="Language of the beginnings that are continued.", autocompletion=complete_languages)
    ] = "en",
    kind: Annotated[str, typer.Option(help="Of direction: difference, pca, subspace or sparse.")] = "difference",
    strengths: Annotated[str, typer.Option(help="1 adds as much as a state is long on average.")] = "0.25,0.5,1,2",
    layers: Annotated[str | None, typer.Option(help="Steered one by one, such as 2,4; every one by default.")] = None,
    prompts: Annotated[int, typer.Option(help="Beginnings to continue, four or more.")] = 12,
    opening: Annotated[int, typer.Option(help="Tokens of a beginning.")] = 8,
    tokens: Annotated[int, typer.Option(help="Most tokens to write.")] = 20,
    positions: Annotated[str, typer.Option(help="Where to add: all, or generated tokens alone.")] = "all",
    instruction: Annotated[
        str | None, typer.Option(help='A baseline: a prompt with {prompt} in it, such as "Auf Deutsch: {prompt}".')
    ] = None,
    neurons: Annotated[
        str | None,
        typer.Option(help="A baseline: a saved result with groups or a score of neurons; the target's are amplified."),
    ] = None,
    heads: Annotated[str | None, typer.Option(help="The same of heads.")] = None,
    identify: Annotated[
        str, typer.Option(help="Who names the language: fasttext or lingua (the extra identify), or trigram.")
    ] = "fasttext",
    *,
    common: Common,
) -> None:
    """Add the direction of a language to the residual stream, and score what the model then writes.

    \b
    workbench steer polyglot --to de --source en --identify trigram
    workbench steer polyglot --neurons runs/neurons/lape.nc --heads runs/heads/importance.nc
    workbench steer gemma-3-270m --to fr --layers 6,9 --strengths 0.1,0.2,0.3 --prompts 8
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.findings.evaluation.steering import chosen_table
    from workbench.studies.steering.steer import run_steer

    folder = common.folder("steer", model, f"{source}-{to}")
    how = {"to": to, "source": source, "kind": kind, "strengths": strengths, "layers": layers, "prompts": prompts}
    how |= {"opening": opening, "tokens": tokens, "positions": positions, "instruction": instruction}
    how |= {"neurons": neurons, "heads": heads}
    run_steer(model, corpus, out=folder, identify=identify, **how, **common.texts)
    show_study(folder, "curve", chosen_table, to=None, quiet=common.quiet)
