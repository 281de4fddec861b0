"""The command `workbench neurons`."""

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

HELP = """Which neurons fire for which language, and what happens without them.

\b
workbench neurons polyglot parallel   (`classify` where no command is named)
"""

app = typer.Typer(cls=Room, no_args_is_help=True, rich_markup_mode=None, help=HELP)


@app.command("classify")
def classify(
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
    """Count how often every neuron fires in every language, and sort neurons into classes.

    \b
    workbench neurons polyglot parallel
    workbench neurons Qwen/Qwen2-0.5B texts.tsv --languages de,fr,ja --device cuda
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.neurons import run_neurons

    options = run_options(batch_size, device, dtype, seed, truncate, quiet)
    folder = out or run_folder("neurons", model, corpus)
    show_run(run_neurons(model, corpus, out=folder, languages=languages, limit=limit, options=options), quiet)
