"""The command `workbench heads`."""

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
    Truncate,
    run_folder,
    run_options,
)
from workbench.terminal import Room, show_run

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
