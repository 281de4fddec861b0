"""The commands `workbench circuits`: `train`, `quality`, `graph`, `languages`, `swap`, `accept`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.cli.options import (
    OF_CORPUS,
    OF_WORDS,
    Common,
    complete_corpora,
    complete_languages,
    complete_models,
    takes,
)
from workbench.terminal import seen, show_findings, show_table, single_line

HELP = """Features in place of MLPs: train transcoders, trace predictions, compare languages, and judge circuits.

\b
workbench circuits train --model polyglot --out runs/transcoder
workbench circuits quality --transcoder runs/transcoder
workbench circuits graph --prompt 'Deutsch: "Hund" - Français: "'
workbench circuits languages --languages de,en,fr
workbench circuits swap --source en --target de --to fr
workbench circuits accept --heads 2.3,4.1 --languages de,fr,it
"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=HELP)
OF_FEATURES = OF_CORPUS | {"languages"}
_TEXTS = "A shipped corpus, a folder, a TSV, CSV or JSONL file"
ModelOption = Annotated[
    str, typer.Option(help="A shipped model, a folder or a hub name.", autocompletion=complete_models)
]
CorpusOption = Annotated[str, typer.Option(help=f"{_TEXTS}.", autocompletion=complete_corpora)]
Dictionary = Annotated[
    str, typer.Option(help="Of the model: a shipped name, a folder, a Gemma Scope file or a hub name.")
]


# Long: a parameter for each option.
@app.command()
@takes(OF_FEATURES - {"out", "truncate"})
def train(
    out: Annotated[Path, typer.Option(help="The folder to write, which is not there yet.")],
    model: ModelOption = "polyglot",
    corpus: Annotated[
        list[str] | None,
        typer.Option(help=f"{_TEXTS}; several may be given.", autocompletion=complete_corpora, show_default="parallel"),
    ] = None,
    shares: Annotated[str | None, typer.Option(help="How often a token is of each corpus: 0.5,0.5.")] = None,
    kind: Annotated[str, typer.Option(help="cross_layer, or per_layer.")] = "cross_layer",
    features: Annotated[int | None, typer.Option(help="Of each layer; six times the width by default.")] = None,
    steps: Annotated[int, typer.Option(help="Of training, with 1024 tokens each.")] = 3000,
    bf16: Annotated[
        bool, typer.Option("--bf16", help="Multiply in bfloat16, where the hardware is fast at it.")
    ] = False,
    layout: Annotated[
        str, typer.Option(help="circuit_tracer, saelens, gemma_scope, gemma_scope_2 or multilingual_clts.")
    ] = "circuit_tracer",
    stored: Annotated[str, typer.Option("--store", help="Stored weights: float32, float16 or bfloat16.")] = "float32",
    *,
    common: Common,
) -> None:
    """Train a transcoder on half of the texts, and say what it explains of the other half; run again to continue.

    \b
    workbench circuits train --model polyglot --out runs/transcoder
    workbench circuits train --corpus texts/ --corpus prompts.tsv --shares 0.7,0.3 --kind per_layer --out runs/mixed
    workbench circuits train --model gemma-3-270m --features 4096 --steps 20000 --bf16 --out runs/gemma
    """  # noqa: D301 (click reads the backspace)
    from workbench.arguments import numbers
    from workbench.studies.circuits.train import train_transcoder
    from workbench.studies.findings.circuits.quality import predictions, quality_table

    how: Any = {"shares": None if shares is None else numbers("--shares", shares, like="0.5,0.5"), "kind": kind}
    how |= {"features": features, "steps": steps, "bf16": bf16, "layout": layout, "dtype": stored}
    measured = train_transcoder(model, corpus or ["parallel"], out=out, **how, **common.texts)
    show_table(quality_table(measured), None, common.quiet)
    if not common.quiet:
        typer.echo(single_line(predictions(measured).text))
    typer.echo(seen(out))


@app.command()
@takes(OF_FEATURES | {"table"})
def quality(
    transcoder: Dictionary = "polyglot-transcoder",
    model: ModelOption = "polyglot",
    corpus: CorpusOption = "parallel",
    *,
    common: Common,
) -> None:
    """Measure what a transcoder explains of each layer and language, and what predictions lose with it.

    \b
    workbench circuits quality
    workbench circuits quality --transcoder runs/transcoder --corpus texts/ --languages de,fr --table quality.tsv
    """  # noqa: D301 (click reads the backspace)
    from workbench.results.files import load_result
    from workbench.studies import run_circuit_quality
    from workbench.studies.findings.circuits.quality import quality_table

    folder = common.folder("circuits-quality", transcoder, model, corpus)
    run_circuit_quality(model, corpus, transcoder=transcoder, out=folder, **common.texts)
    table = quality_table(load_result(folder / "quality.nc"))
    show_findings(folder, table, to=common.table, quiet=common.quiet)


# Long: a parameter for each option.
@app.command()
@takes(OF_FEATURES | {"table"})
def graph(
    prompt: Annotated[list[str], typer.Option(help="A text before the prediction; several may be given.")],
    target: Annotated[
        list[str] | None,
        typer.Option(help="A word that may follow, or one for each prompt; the likeliest tokens by default."),
    ] = None,
    foil: Annotated[list[str] | None, typer.Option(help="A word to compare the target with, or one for each.")] = None,
    towards: Annotated[
        str | None,
        typer.Option(help="In place of a word: the direction of this language.", autocompletion=complete_languages),
    ] = None,
    transcoder: Dictionary = "polyglot-transcoder",
    model: ModelOption = "polyglot",
    corpus: Annotated[
        str, typer.Option(help="Texts in which features are shown.", autocompletion=complete_corpora)
    ] = "parallel",
    nodes: Annotated[float, typer.Option(help="Share of the influence that the nodes carry which are shown.")] = 0.8,
    edges: Annotated[float, typer.Option(help="The same of edges.")] = 0.98,
    max_features: Annotated[int, typer.Option(help="Features of a prompt that become nodes.")] = 4096,
    export: Annotated[bool, typer.Option("--export", help="Also write circuit-tracer's JSON.")] = False,
    *,
    common: Common,
) -> None:
    """Trace predictions to tokens, features and errors, with a page that shows what each feature reacts to.

    \b
    workbench circuits graph --prompt 'English: "dog" - Deutsch: "' --target Hund --foil Katze
    workbench circuits graph --prompt 'Deutsch: "groß" - Français: "' --prompt 'Deutsch: "groß" - Italiano: "' --export
    workbench circuits graph --prompt 'English: "water" - Français: "' --towards fr
    """  # noqa: D301 (click reads the backspace)
    from workbench.results.files import load_result
    from workbench.studies import run_circuit_graph
    from workbench.studies.findings.circuits.graph import graphs_table

    folder = common.folder("circuits-graph", transcoder, model)
    how: Any = {"target": target or (), "foil": foil or (), "towards": towards, "nodes": nodes, "edges": edges}
    how |= {"max_features": max_features, "export": export, "transcoder": transcoder}
    run_circuit_graph(model, corpus, prompt=prompt, out=folder, **how, **common.texts)
    results = [load_result(folder / f"graph_{number}.nc") for number in range(1, len(prompt) + 1)]
    show_findings(folder, graphs_table(results), to=common.table, quiet=common.quiet)
    for path in sorted(folder.glob("graph_*.json")) if export else ():
        typer.echo(seen(path))


@app.command()
@takes(OF_FEATURES | {"table"})
def languages(
    transcoder: Dictionary = "polyglot-transcoder",
    model: ModelOption = "polyglot",
    corpus: CorpusOption = "parallel",
    permutations: Annotated[int, typer.Option(help="Of the rows, for p-values of the overlap.")] = 999,
    *,
    common: Common,
) -> None:
    """Compare the features of languages: how evenly they fire, what translations share, and whose they are.

    \b
    workbench circuits languages
    workbench circuits languages --transcoder runs/transcoder --languages de,en,fr --limit 40 --table overlap.tsv
    """  # noqa: D301 (click reads the backspace)
    from workbench.results.files import load_result
    from workbench.studies import run_circuit_languages
    from workbench.studies.findings.circuits.features import overlap_table

    folder = common.folder("circuits-languages", transcoder, model, corpus)
    run_circuit_languages(model, corpus, transcoder=transcoder, permutations=permutations, out=folder, **common.texts)
    table = overlap_table(load_result(folder / "overlap.nc"))
    show_findings(folder, table, to=common.table, quiet=common.quiet)


# Long: a parameter for each option.
@app.command()
@takes(OF_FEATURES | {"table"})
def swap(
    source: Annotated[str, typer.Option(help="Language of the words shown.", autocompletion=complete_languages)] = "en",
    target: Annotated[
        str, typer.Option(help="Language of the answer, which is switched off.", autocompletion=complete_languages)
    ] = "de",
    to: Annotated[str, typer.Option(help="Language that is switched on.", autocompletion=complete_languages)] = "fr",
    transcoder: Dictionary = "polyglot-transcoder",
    model: ModelOption = "polyglot",
    corpus: CorpusOption = "parallel",
    words: Annotated[str, typer.Option(help="A word list: words, or a TSV or CSV file.")] = "words",
    neurons: Annotated[bool, typer.Option(help="Swap neurons too, to compare.")] = True,
    top_rate: Annotated[float, typer.Option(help="Share of features, and of neurons, that LAPE selects.")] = 0.05,
    shots: Annotated[int, typer.Option(help="Translations shown before each question.")] = 5,
    concepts: Annotated[int, typer.Option(help="Most concepts.")] = 60,
    controls: Annotated[int, typer.Option(help="Random sets that fire as often.")] = 20,
    *,
    common: Common,
) -> None:
    """Switch the features of one language off and another's on, and see in which language the model answers.

    \b
    workbench circuits swap --source en --target de --to fr
    workbench circuits swap --transcoder runs/transcoder --target it --to ja --top-rate 0.02 --no-neurons
    """  # noqa: D301 (click reads the backspace)
    from workbench.results.files import load_result
    from workbench.studies import run_circuit_swap
    from workbench.studies.findings.circuits.swap import swap_table

    folder = common.folder("circuits-swap", transcoder, model, f"{source}-{target}-{to}")
    how: Any = {"source": source, "target": target, "to": to, "transcoder": transcoder, "words": words}
    how |= {"neurons": neurons, "top_rate": top_rate, "shots": shots, "concepts": concepts, "controls": controls}
    run_circuit_swap(model, corpus, out=folder, **how, **common.texts)
    show_findings(folder, swap_table(load_result(folder / "swap.nc")), to=common.table, quiet=common.quiet)


# Long: a parameter for each option.
@app.command()
@takes(OF_WORDS | {"table"})
def accept(
    heads: Annotated[
        str | None, typer.Option(help="The circuit, by layer and head: 2.3,4.1; searched for by default.")
    ] = None,
    source: Annotated[str, typer.Option(help="Language of the words shown.", autocompletion=complete_languages)] = "en",
    search: Annotated[
        str | None,
        typer.Option(help="Language into which a circuit is searched for.", autocompletion=complete_languages),
    ] = None,
    model: ModelOption = "polyglot",
    words: Annotated[str, typer.Option(help="A word list: words, or a TSV or CSV file.")] = "words",
    how: Annotated[str, typer.Option(help="What an ablated head gives: mean, zero or patch.")] = "mean",
    least_necessity: Annotated[float, typer.Option(help="Share that must be lost without the circuit.")] = 0.5,
    least_sufficiency: Annotated[float, typer.Option(help="Share that it must do alone.")] = 0.5,
    shots: Annotated[int, typer.Option(help="Translations shown before each question.")] = 3,
    controls: Annotated[int, typer.Option(help="Random sets of as many heads, 19 or more.")] = 20,
    *,
    common: Common,
) -> None:
    """Accept or reject a circuit of heads: necessary and sufficient in every language, and more than random heads?

    \b
    workbench circuits accept --heads 2.3,4.1 --languages de,fr,it
    workbench circuits accept --source de --search fr --limit 40 --table verdict.tsv
    """  # noqa: D301 (click reads the backspace)
    from workbench.results.files import load_result
    from workbench.studies import run_circuit_accept
    from workbench.studies.circuits.accept import PAIRS
    from workbench.studies.findings.circuits.accept import accept_table

    folder = common.folder("circuits-accept", model, heads or f"search-{search or 'first'}")
    rest: Any = {"heads": heads, "source": source, "search": search, "words": words, "how": how}
    rest |= {"least_necessity": least_necessity, "least_sufficiency": least_sufficiency}
    rest |= {"shots": shots, "limit": common.limit or PAIRS, "controls": controls, "languages": common.languages}
    run_circuit_accept(model, out=folder, options=common.options, **rest)
    show_findings(folder, accept_table(load_result(folder / "accept.nc")), to=common.table, quiet=common.quiet)
