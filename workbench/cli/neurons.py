"""The command `workbench neurons`."""

from typing import Annotated

import typer

from workbench.cli.options import OF_TEXTS, Common, CorpusName, ModelName, takes
from workbench.terminal import DefaultCommandGroup, show_run

HELP = """Which neurons fire for which language, and what happens without them.

\b
workbench neurons polyglot parallel            (`classify` where no command is named)
workbench neurons knockout polyglot parallel
workbench neurons look polyglot parallel 3 17
"""

app = typer.Typer(cls=DefaultCommandGroup, no_args_is_help=True, rich_markup_mode=None, help=HELP)


@app.command("classify")
@takes(OF_TEXTS)
def classify(
    model: ModelName,
    corpus: CorpusName,
    *,
    common: Common,
) -> None:
    """Count how often every neuron fires in every language, and sort neurons into classes.

    \b
    workbench neurons polyglot parallel
    workbench neurons Qwen/Qwen2-0.5B texts.tsv --languages de,fr,ja --device cuda
    workbench neurons Qwen/Qwen2-0.5B-Instruct texts.tsv --chat
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.neurons.classes import run_neurons

    folder = common.folder("neurons", model, corpus)
    show_run(run_neurons(model, corpus, out=folder, **common.texts), common.quiet)


TopRate = Annotated[float, typer.Option(help="Share of the neurons that are selected.")]


@app.command("stages")
@takes(OF_TEXTS)
def stages(
    model: ModelName,
    corpus: CorpusName,
    top_rate: TopRate = 0.05,
    *,
    common: Common,
) -> None:
    """Find the parts into which the layers fall by their neurons, and how many parts there are.

    \b
    workbench neurons stages polyglot parallel
    workbench neurons stages Qwen/Qwen2-0.5B texts.tsv --top-rate 0.01
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.neurons.effects import run_stages

    folder = common.folder("stages", model, corpus)
    show_run(run_stages(model, corpus, out=folder, top_rate=top_rate, **common.texts), common.quiet)


@app.command("knockout")
@takes(OF_TEXTS)
def knockout(
    model: ModelName,
    corpus: CorpusName,
    method: Annotated[str, typer.Option(help="How neurons are chosen: lape or ternary.")] = "lape",
    top_rate: TopRate = 0.05,
    controls: Annotated[int, typer.Option(help="Random groups for each group.")] = 20,
    *,
    common: Common,
) -> None:
    """Switch off each language's neurons and measure every language, against random neurons.

    \b
    workbench neurons knockout polyglot parallel --languages de,fr,ja
    workbench neurons knockout polyglot parallel --method ternary --controls 5
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.neurons.effects import run_neuron_knockout

    folder = common.folder("knockout", model, corpus)
    run_neuron_knockout(model, corpus, out=folder, method=method, top_rate=top_rate, controls=controls, **common.texts)
    show_run(folder, common.quiet)


@app.command("compare")
@takes(OF_TEXTS)
def compare(
    before: ModelName,
    after: ModelName,
    corpus: CorpusName,
    trained: Annotated[str | None, typer.Option(help="Languages trained on between them, with commas.")] = None,
    top_rate: TopRate = 0.05,
    *,
    common: Common,
) -> None:
    """Compare the neurons of two checkpoints: which changed their class, and for which languages.

    \b
    workbench neurons compare polyglot-base polyglot-aligned parallel
    workbench neurons compare ./base ./tuned texts.tsv --trained de,fr
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.neurons.effects import run_compare

    folder = common.folder("compare", before, after, corpus)
    show_run(
        run_compare(before, after, corpus, out=folder, trained=trained, top_rate=top_rate, **common.texts), common.quiet
    )


@app.command("routing")
@takes(OF_TEXTS)
def routing(
    model: ModelName,
    corpus: CorpusName,
    permutations: Annotated[int, typer.Option(help="Exchanges of the texts' languages in each test.")] = 1000,
    *,
    common: Common,
) -> None:
    """Count which experts of a mixture each language's tokens take, and test whether languages differ.

    \b
    workbench neurons routing allenai/OLMoE-1B-7B-0924 parallel --device cuda
    workbench neurons routing ./my-mixture texts.tsv --languages de,fr,ja
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.neurons.routing import run_routing

    folder = common.folder("routing", model, corpus)
    show_run(run_routing(model, corpus, out=folder, permutations=permutations, **common.texts), common.quiet)


@app.command("look")
@takes(OF_TEXTS)
def look(
    model: ModelName,
    corpus: CorpusName,
    layer: Annotated[int, typer.Argument(help="Layer of the neuron, from 0.")],
    neuron: Annotated[int, typer.Argument(help="Its number in the layer, from 0.")],
    *,
    common: Common,
) -> None:
    """Look at one neuron: its strongest texts in every language, its logits, what four methods call it.

    \b
    workbench neurons look polyglot parallel 3 17
    workbench neurons look polyglot parallel 5 200 --languages ar,hi,ja
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.neurons.look import run_look

    folder = common.folder(f"neuron-{layer}-{neuron}", model, corpus)
    show_run(run_look(model, corpus, out=folder, layer=layer, neuron=neuron, **common.texts), common.quiet)
