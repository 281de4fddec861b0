"""The command `workbench`: parse, call the public functions, print. Heavy imports wait until a command runs."""

import os
import warnings
from pathlib import Path
from typing import Annotated

import typer

import workbench
from workbench.cli import atlas, evaluate, explore, lens, models, neurons, patch, report, study
from workbench.cli.circuits import circuits
from workbench.cli.heads import heads
from workbench.cli.laboratories import lab
from workbench.cli.merging import merge
from workbench.cli.options import LOADING, OF_TEXTS, Common, CorpusName, ModelName, takes
from workbench.terminal import ErrorReportingGroup, show_run, show_table, warn

app = typer.Typer(
    cls=ErrorReportingGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(requested: bool) -> None:
    if requested:
        typer.echo(workbench.__version__)
        raise typer.Exit


@app.callback()
def start(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", callback=_version)] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """See how a language model handles languages: its heads, its neurons, its layers.

    \b
    workbench demo                      everything once, on the shipped model
    workbench heads polyglot parallel   which heads matter for which language
    """  # noqa: D301 (click reads the backspace)
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads take cores from other processes
    warnings.showwarning = warn


@app.command()
@takes(OF_TEXTS)
def demo(
    model: Annotated[str, typer.Option(help="A shipped or packaged model, a folder or a hub name.")] = "polyglot",
    corpus: Annotated[str, typer.Option(help="A shipped corpus, folder or file.")] = "parallel",
    *,
    common: Common,
) -> None:
    """Run every analysis once and write runs/demo/report.html; run again, it continues where it stopped.

    \b
    workbench demo
    workbench demo --languages de,fr,ja --limit 20 --out runs/small
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.demo import run_demo

    folder = run_demo(common.out or Path("runs/demo"), model=model, corpus=corpus, **common.texts)
    show_run(folder, common.quiet)


app.command()(models.card)
app.command()(models.compare)
app.command()(evaluate.evaluate)
app.command()(evaluate.tokens)
app.command()(evaluate.confusion)
app.command()(evaluate.barriers)
app.command()(evaluate.cypher)
app.command()(explore.explore)
app.command()(lens.lens)
app.command()(lens.steer)
app.command()(lab.lab)
app.command()(report.report)
app.add_typer(heads.app, name="heads")
app.add_typer(neurons.app, name="neurons")
app.add_typer(patch.app, name="patch")
app.add_typer(merge.app, name="merge")
app.add_typer(circuits.app, name="circuits")
app.add_typer(atlas.app, name="atlas")
app.add_typer(study.app, name="study")
app.add_typer(study.runs, name="runs")


@app.command(name="languages")
@takes({"languages", "deduplicate", "columns", "table", "quiet"})
def languages_(corpus: CorpusName = "parallel", *, common: Common) -> None:
    """List the languages of a corpus, with their scripts, texts and lengths.

    \b
    workbench languages parallel
    workbench languages texts/ --table languages.tsv
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.tables import corpus_table

    how = {"deduplicate": common.options.deduplicate, "columns": common.options.columns}
    show_table(corpus_table(corpus, common.languages, **how), common.table, common.quiet)


@app.command()
@takes(LOADING | {"table", "quiet"})
def check(model: ModelName = "polyglot", *, common: Common) -> None:
    """Load a model, say what can be done with it, and how near it is to Hugging Face.

    \b
    workbench check polyglot
    workbench check ./my-model --dtype bfloat16
    workbench check gemma-3-270m
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.tables import model_table

    show_table(model_table(model, options=common.options), common.table, common.quiet)


@app.command()
@takes(LOADING | {"limit", "memory", "deduplicate", "columns", "table", "quiet"})
def bench(
    model: ModelName = "polyglot",
    corpus: Annotated[str, typer.Option(help="A shipped corpus, folder or file.")] = "parallel",
    *,
    common: Common,
) -> None:
    """Say what the usual analyses of a model will take on this machine, without running them.

    \b
    workbench bench polyglot --limit 100
    workbench bench gemma-3-270m --limit 20
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.study.bench import bench as measure

    show_table(measure(model, corpus=corpus, limit=common.limit, options=common.options), common.table, common.quiet)


@app.command()
def version() -> None:
    """Print the versions of the workbench and of what numbers depend on."""
    from workbench.results.make import versions

    for name, number in versions().items():
        typer.echo(f"{name} {number}")


def main() -> None:
    """Run the command line."""
    app()
