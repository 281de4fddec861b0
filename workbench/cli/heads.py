"""The command `workbench heads`."""

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import (
    Batch,
    CorpusName,
    Device,
    Dtype,
    Languages,
    Limit,
    ModelName,
    Out,
    Quiet,
    Seed,
    Table,
    Truncate,
    Unused,
    run_folder,
    run_options,
)
from workbench.terminal import Room, show_run, show_table

HELP = """Which attention heads serve which language, and what happens without them.

\b
workbench heads polyglot parallel --languages de,fr   (`find` where no command is named)
"""

app = typer.Typer(cls=Room, no_args_is_help=True, rich_markup_mode=None, help=HELP)


@app.command("find")
def find(
    model: ModelName,
    corpus: CorpusName,
    languages: Languages = None,
    out: Out = None,
    limit: Limit = None,
    batch_size: Batch = "auto",
    device: Device = None,
    dtype: Dtype = None,
    seed: Seed = 0,
    truncate: Truncate = False,
    quiet: Quiet = False,
) -> None:
    """Find out which attention heads matter for which language, by LAHIS and by exact ablation.

    \b
    workbench heads polyglot parallel --languages de,fr
    workbench heads ./my-model texts/ --limit 100 --dtype bfloat16 --out runs/mine
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.heads import run_heads

    options = run_options(batch_size, device, dtype, seed, truncate, quiet)
    folder = out or run_folder("heads", model, corpus)
    show_run(run_heads(model, corpus, out=folder, languages=languages, limit=limit, options=options), quiet)


@app.command("knockout")
def knock_out(
    model: ModelName,
    corpus: CorpusName,
    languages: Languages = None,
    share: Annotated[float, typer.Option(help="Of all heads, in each language's group.")] = 0.02,
    controls: Annotated[int, typer.Option(help="Random groups of the same layers beside each group.")] = 20,
    out: Table = None,
    limit: Limit = None,
    batch_size: Batch = "auto",
    device: Device = None,
    dtype: Dtype = None,
    seed: Seed = 0,
    truncate: Truncate = False,
    quiet: Quiet = False,
) -> None:
    """Switch off each language's heads, chosen on half of the texts, and measure all languages on the other half.

    \b
    workbench heads knockout polyglot parallel --languages de,fr,ja --limit 20
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.heads_removal import knockout_table

    options = run_options(batch_size, device, dtype, seed, truncate, quiet)
    table = knockout_table(
        model, corpus, languages=languages, limit=limit, share=share, controls=controls, options=options
    )
    show_table(table, out, quiet)


@app.command("prune")
def prune(
    model: ModelName,
    corpus: CorpusName,
    keep: Annotated[str, typer.Option(help="Languages whose loss may not rise, such as de,fr.")],
    drop: Annotated[str, typer.Option(help="Languages that may be lost.")] = "",
    languages: Unused = None,
    budget: Annotated[float, typer.Option(help="Largest rise of the kept languages' loss, in nats.")] = 0.01,
    checkpoint: Annotated[Path | None, typer.Option(help="A new folder for the smaller model.")] = None,
    out: Table = None,
    limit: Limit = None,
    batch_size: Batch = "auto",
    device: Device = None,
    dtype: Dtype = None,
    seed: Seed = 0,
    truncate: Truncate = False,
    quiet: Quiet = False,
) -> None:
    """Remove the heads that the kept languages can spare, and compare with simpler orders on held-out texts.

    \b
    workbench heads prune polyglot parallel --keep de,fr --drop ja --budget 0.02 --checkpoint smaller
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.heads_removal import prune_table

    options = run_options(batch_size, device, dtype, seed, truncate, quiet)
    table = prune_table(
        model, corpus, keep=keep, drop=drop, budget=budget, checkpoint=checkpoint, limit=limit, options=options
    )
    show_table(table, out, quiet)


@app.command("search")
def find_top(
    model: ModelName,
    corpus: CorpusName,
    languages: Languages = None,
    top: Annotated[int, typer.Option(help="Heads of each language.")] = 20,
    confidence: Annotated[float, typer.Option(help="That all languages' sets are those of the full sweep.")] = 0.99,
    first: Annotated[int, typer.Option(help="Texts that every head is measured on.")] = 32,
    out: Table = None,
    limit: Limit = None,
    batch_size: Batch = "auto",
    device: Device = None,
    dtype: Dtype = None,
    seed: Seed = 0,
    truncate: Truncate = False,
    quiet: Quiet = False,
) -> None:
    """Find the heads whose removal costs each language most, without measuring every head on every text.

    \b
    workbench heads search polyglot parallel --languages de,ja --top 5
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.heads_search import search_table

    options = run_options(batch_size, device, dtype, seed, truncate, quiet)
    table = search_table(
        model,
        corpus,
        top=top,
        confidence=confidence,
        first=first,
        languages=languages,
        limit=limit,
        options=options,
    )
    show_table(table, out, quiet)


@app.command("kinds")
def look(
    model: ModelName,
    corpus: CorpusName,
    languages: Languages = None,
    out: Table = None,
    limit: Limit = None,
    batch_size: Batch = "auto",
    device: Device = None,
    dtype: Dtype = None,
    seed: Seed = 0,
    truncate: Truncate = False,
    quiet: Quiet = False,
) -> None:
    """Where each head looks in each language: previous, first, same token, induction, entropy, distance.

    \b
    workbench heads kinds polyglot parallel --languages de,ja --limit 20
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.heads_search import kinds_table

    options = run_options(batch_size, device, dtype, seed, truncate, quiet)
    show_table(kinds_table(model, corpus, languages=languages, limit=limit, options=options), out, quiet)
