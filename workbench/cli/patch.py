"""The command `workbench patch`."""

from typing import Annotated

import typer

from workbench.cli.options import (
    Batch,
    Device,
    Dtype,
    Languages,
    Limit,
    ModelName,
    Out,
    PairsName,
    Quiet,
    Seed,
    Unused,
    complete_languages,
    run_folder,
    run_options,
)
from workbench.errors import BadArgument
from workbench.terminal import Room, show_run

HELP = """Put activations of one prompt into another: where does a concept become a word?

\b
workbench patch polyglot words:de-fr --limit 16   (`sweep` where no command is named)
workbench patch concepts polyglot --source de-it --target fr-zh
workbench patch onsets polyglot --languages de,fr,ja
"""

app = typer.Typer(cls=Room, no_args_is_help=True, rich_markup_mode=None, help=HELP)


@app.command("sweep")
def sweep(
    model: ModelName,
    pairs: PairsName,
    languages: Annotated[
        str | None, typer.Option(help="With PAIRS = words: from,to, such as de,fr.", autocompletion=complete_languages)
    ] = None,
    out: Out = None,
    limit: Limit = None,
    batch_size: Batch = "auto",
    device: Device = None,
    dtype: Dtype = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Patch activations of one prompt into another, over layers, positions and heads.

    \b
    workbench patch polyglot words:de-fr --limit 16
    workbench patch polyglot words --languages de,fr
    workbench patch ./my-model pairs.tsv --out runs/mine
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.patches import run_patch

    options = run_options(batch_size, device, dtype, seed, False, quiet)
    if languages is not None:
        if pairs != "words" or languages.count(",") != 1:
            raise BadArgument(f"--languages {languages} with {pairs!r}: write for example words --languages de,fr")
        pairs = "words:" + languages.replace(",", "-")
    folder = out or run_folder("patch", model, pairs)
    show_run(run_patch(model, pairs, out=folder, limit=limit, options=options), quiet)


@app.command("concepts")
def concepts(
    model: ModelName,
    source: Annotated[str, typer.Option(help="Route of the source prompts: shown-asked, such as de-it.")] = "de-it",
    target: Annotated[str, typer.Option(help="Route of the target prompts.")] = "fr-zh",
    mean_over: Annotated[
        str | None,
        typer.Option(help="Average over these languages too, such as de,es,ru.", autocompletion=complete_languages),
    ] = None,
    words: Annotated[str, typer.Option(help="A word list: words, or a TSV or CSV file.")] = "words",
    shots: Annotated[int, typer.Option(help="Translations shown before each question.")] = 5,
    languages: Unused = None,
    out: Out = None,
    limit: Limit = None,
    batch_size: Batch = "auto",
    device: Device = None,
    dtype: Dtype = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Exchange the concept or the language of a translation, layer by layer: tongue and thought.

    \b
    workbench patch concepts polyglot --source de-it --target fr-zh --limit 32
    workbench patch concepts polyglot --mean-over de,es,ru --out runs/thought
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.patch_concepts import run_concepts

    options = run_options(batch_size, device, dtype, seed, False, quiet)
    folder = run_concepts(
        model,
        source=source,
        target=target,
        out=out or run_folder("concepts", model, f"{source}-{target}"),
        mean_over=mean_over.split(",") if mean_over else (),
        words=words,
        shots=shots,
        limit=limit,
        options=options,
    )
    show_run(folder, quiet)


@app.command("onsets")
def onsets(
    model: ModelName,
    languages: Languages = None,
    words: Annotated[str, typer.Option(help="A word list: words, or a TSV or CSV file.")] = "words",
    shots: Annotated[int, typer.Option(help="Translations shown before each question.")] = 2,
    out: Out = None,
    limit: Limit = 16,
    batch_size: Batch = "auto",
    device: Device = None,
    dtype: Dtype = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Find the layers at which concept and language arrive, for all pairs of languages.

    \b
    workbench patch onsets polyglot --languages de,fr,ja --limit 16
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.patch_concepts import run_onsets

    options = run_options(batch_size, device, dtype, seed, False, quiet)
    folder = out or run_folder("onsets", model, words)
    run_onsets(model, out=folder, languages=languages, words=words, shots=shots, limit=limit, options=options)
    show_run(folder, quiet)
