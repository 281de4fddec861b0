"""The command `workbench neurons`."""

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
    Truncate,
    run_folder,
    run_options,
)
from workbench.terminal import Room, show_run

HELP = """Which neurons fire for which language, and what happens without them.

\b
workbench neurons polyglot parallel            (`classify` where no command is named)
workbench neurons knockout polyglot parallel
workbench neurons look polyglot parallel 3 17
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


TopRate = Annotated[float, typer.Option(help="Share of the neurons that are selected.")]


@app.command("stages")
def stages(
    model: ModelName,
    corpus: CorpusName,
    top_rate: TopRate = 0.05,
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
    """Find the parts into which the layers fall by their neurons, and how many parts there are.

    \b
    workbench neurons stages polyglot parallel
    workbench neurons stages Qwen/Qwen2-0.5B texts.tsv --top-rate 0.01
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.neurons_effects import run_stages

    options = run_options(batch_size, device, dtype, seed, truncate, quiet)
    folder = out or run_folder("stages", model, corpus)
    show_run(
        run_stages(model, corpus, out=folder, languages=languages, limit=limit, top_rate=top_rate, options=options),
        quiet,
    )


@app.command("knockout")
def knockout(
    model: ModelName,
    corpus: CorpusName,
    method: Annotated[str, typer.Option(help="How neurons are chosen: lape or ternary.")] = "lape",
    top_rate: TopRate = 0.05,
    controls: Annotated[int, typer.Option(help="Random groups for each group.")] = 20,
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
    """Switch off each language's neurons and measure every language, against random neurons.

    \b
    workbench neurons knockout polyglot parallel --languages de,fr,ja
    workbench neurons knockout polyglot parallel --method ternary --controls 5
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.neurons_effects import run_knockout

    options = run_options(batch_size, device, dtype, seed, truncate, quiet)
    folder = out or run_folder("knockout", model, corpus)
    chosen = {"method": method, "top_rate": top_rate, "controls": controls}
    show_run(
        run_knockout(model, corpus, out=folder, languages=languages, limit=limit, options=options, **chosen), quiet
    )


@app.command("compare")
def compare(
    before: ModelName,
    after: ModelName,
    corpus: CorpusName,
    trained: Annotated[str | None, typer.Option(help="Languages trained on between them, with commas.")] = None,
    top_rate: TopRate = 0.05,
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
    """Compare the neurons of two checkpoints: which changed their class, and for which languages.

    \b
    workbench neurons compare polyglot-base polyglot-aligned parallel
    workbench neurons compare ./base ./tuned texts.tsv --trained de,fr
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.neurons_effects import run_compare

    options = run_options(batch_size, device, dtype, seed, truncate, quiet)
    folder = out or run_folder("compare", before, after, corpus)
    chosen = {"trained": trained, "top_rate": top_rate}
    show_run(
        run_compare(before, after, corpus, out=folder, languages=languages, limit=limit, options=options, **chosen),
        quiet,
    )


@app.command("look")
def look(
    model: ModelName,
    corpus: CorpusName,
    layer: Annotated[int, typer.Argument(help="Layer of the neuron, from 0.")],
    neuron: Annotated[int, typer.Argument(help="Its number in the layer, from 0.")],
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
    """Look at one neuron: its strongest texts in every language, its logits, what four methods call it.

    \b
    workbench neurons look polyglot parallel 3 17
    workbench neurons look polyglot parallel 5 200 --languages ar,hi,ja
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.neurons_effects import run_look

    options = run_options(batch_size, device, dtype, seed, truncate, quiet)
    folder = out or run_folder(f"neuron-{layer}-{neuron}", model, corpus)
    where = {"layer": layer, "neuron": neuron}
    show_run(run_look(model, corpus, out=folder, languages=languages, limit=limit, options=options, **where), quiet)
