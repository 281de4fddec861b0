"""The command `workbench patch`."""

from typing import Annotated

import typer

from workbench.cli.options import (
    Batch,
    Device,
    Dtype,
    Limit,
    ModelName,
    Out,
    PairsName,
    Quiet,
    Seed,
    complete_languages,
    run_folder,
    run_options,
)
from workbench.errors import BadArgument
from workbench.terminal import Room, show_run

HELP = """Put activations of one prompt into another: where does a concept become a word?

\b
workbench patch polyglot words:de-fr --limit 16   (`sweep` where no command is named)
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
