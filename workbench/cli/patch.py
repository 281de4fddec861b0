"""The command `workbench patch`."""

from typing import Annotated

import typer

from workbench.cli.options import (
    BASE,
    OF_PAIRS,
    OF_WORDS,
    Common,
    Limit,
    ModelName,
    PairsName,
    complete_languages,
    takes,
)
from workbench.errors import BadArgument
from workbench.terminal import DefaultCommandGroup, show_run

HELP = """Put activations of one prompt into another: where does a concept become a word?

\b
workbench patch polyglot words:de-fr --limit 16   (`sweep` where no command is named)
workbench patch concepts polyglot --source de-it --target fr-zh
workbench patch onsets polyglot --languages de,fr,ja
workbench patch path polyglot words:de-fr --receiver q:4.2
workbench patch cross-position polyglot words:de-fr --layer 3
workbench patch edges polyglot words:de-fr --steps 8
"""

app = typer.Typer(cls=DefaultCommandGroup, no_args_is_help=True, rich_markup_mode=None, help=HELP)


@app.command("sweep")
@takes(OF_PAIRS)
def sweep(
    model: ModelName,
    pairs: PairsName,
    languages: Annotated[
        str | None, typer.Option(help="With PAIRS = words: from,to, such as de,fr.", autocompletion=complete_languages)
    ] = None,
    *,
    common: Common,
) -> None:
    """Patch activations of one prompt into another, over layers, positions and heads.

    \b
    workbench patch polyglot words:de-fr --limit 16
    workbench patch polyglot words --languages de,fr
    workbench patch ./my-model pairs.tsv --out runs/mine
    workbench patch Qwen/Qwen2-0.5B-Instruct words:de-fr --chat
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.patching.sweeps import run_patch

    if languages is not None:
        if pairs != "words" or languages.count(",") != 1:
            raise BadArgument(f"--languages {languages} with {pairs!r}: write for example words --languages de,fr")
        pairs = "words:" + languages.replace(",", "-")
    folder = common.folder("patch", model, pairs)
    show_run(run_patch(model, pairs, out=folder, limit=common.limit, options=common.options), common.quiet)


@app.command("concepts")
@takes(BASE)
def concepts(
    model: ModelName,
    source: Annotated[
        str, typer.Option(help="Route of the source prompts: language shown, language wanted, such as de-it.")
    ] = "de-it",
    target: Annotated[str, typer.Option(help="Route of the target prompts.")] = "fr-zh",
    mean_over: Annotated[
        str | None,
        typer.Option(help="Average over these languages too, such as de,es,ru.", autocompletion=complete_languages),
    ] = None,
    words: Annotated[str, typer.Option(help="A word list: words, or a TSV or CSV file.")] = "words",
    shots: Annotated[int, typer.Option(help="Translations shown before each question.")] = 5,
    *,
    common: Common,
) -> None:
    """Exchange the concept or the language of a translation, layer by layer.

    \b
    workbench patch concepts polyglot --source de-it --target fr-zh --limit 32
    workbench patch concepts polyglot --mean-over de,es,ru --out runs/mine
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.patching.concepts import run_concepts
    from workbench.text.languages import language_list

    folder = run_concepts(
        model,
        source=source,
        target=target,
        out=common.folder("concepts", model, f"{source}-{target}"),
        mean_over=language_list(mean_over) if mean_over else (),
        words=words,
        shots=shots,
        limit=common.limit,
        options=common.options,
    )
    show_run(folder, common.quiet)


@app.command("onsets")
@takes(OF_WORDS - {"limit"})
def onsets(
    model: ModelName,
    words: Annotated[str, typer.Option(help="A word list: words, or a TSV or CSV file.")] = "words",
    shots: Annotated[int, typer.Option(help="Translations shown before each question.")] = 2,
    limit: Limit = 16,
    *,
    common: Common,
) -> None:
    """Find the layers at which concept and language arrive, for all pairs of languages.

    \b
    workbench patch onsets polyglot --languages de,fr,ja --limit 16
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.patching.concepts import run_onsets

    folder = common.folder("onsets", model, words)
    chosen = {"languages": common.languages, "words": words, "shots": shots, "limit": limit}
    run_onsets(model, out=folder, options=common.options, **chosen)
    show_run(folder, common.quiet)


@app.command("path")
@takes(OF_PAIRS)
def path(
    model: ModelName,
    pairs: PairsName,
    receiver: Annotated[
        str, typer.Option(help="final, residual:4 (a layer), or q:4.2, k:4.2, v:4.2 (layer and head).")
    ] = "final",
    *,
    common: Common,
) -> None:
    """Patch each head of the source run into one receiver alone: path patching.

    \b
    workbench patch path polyglot words:de-fr --limit 8
    workbench patch path polyglot words:de-fr --receiver q:4.2
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.patching.paths import run_path

    folder = common.folder("path", model, pairs)
    run_path(model, pairs, out=folder, receiver=receiver, limit=common.limit, options=common.options)
    show_run(folder, common.quiet)


@app.command("cross-position")
@takes(OF_PAIRS)
def cross_position(
    model: ModelName,
    pairs: PairsName,
    layer: Annotated[int | None, typer.Option(help="Where states are taken and put; the middle by default.")] = None,
    *,
    common: Common,
) -> None:
    """Put the state of every position of the source run at every position of the target run, at one layer.

    \b
    workbench patch cross-position polyglot words:de-fr --layer 3 --limit 8
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.patching.paths import run_cross_position

    folder = common.folder("cross-position", model, pairs)
    run_cross_position(model, pairs, out=folder, layer=layer, limit=common.limit, options=common.options)
    show_run(folder, common.quiet)


@app.command("edges")
@takes(OF_PAIRS)
def edges(
    model: ModelName,
    pairs: PairsName,
    steps: Annotated[int, typer.Option(help="Of integrated gradients; 0 takes one slope.")] = 0,
    *,
    common: Common,
) -> None:
    """Estimate how much of the answer passes along every edge between parts of the model, and check some exactly.

    \b
    workbench patch edges polyglot words:de-fr --limit 16
    workbench patch edges polyglot words:de-fr --steps 8
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.patching.paths import run_edges

    folder = common.folder("edges", model, pairs)
    run_edges(model, pairs, out=folder, steps=steps, limit=common.limit, options=common.options)
    show_run(folder, common.quiet)
