"""The command `workbench`: parse, call the public functions, print. Heavy imports wait until a command runs."""

import os
import re
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import workbench
from workbench import shipped
from workbench.errors import BadArgument
from workbench.terminal import Refusing, show_run, show_table, warn

if TYPE_CHECKING:
    from workbench.studies.options import Options


def _complete_languages(incomplete: str) -> Iterable[tuple[str, str]]:
    from workbench.text.languages import DEFAULT, name

    before, comma, last = incomplete.rpartition(",")
    return [(f"{before}{comma}{code}", name(code)) for code in DEFAULT if code.startswith(last.lower())]


def _complete_models(incomplete: str) -> list[str]:
    return [name for name in shipped.models() if name.startswith(incomplete)]


def _complete_corpora(incomplete: str) -> list[str]:
    from workbench.text.readers import SHIPPED

    return [name for name in SHIPPED if name.startswith(incomplete)]


ModelName = Annotated[
    str,
    typer.Argument(help="A shipped model, a folder or a hub name.", autocompletion=_complete_models),
]
CorpusName = Annotated[
    str,
    typer.Argument(
        help="A shipped corpus, or a folder, TSV, CSV, JSONL or XQuAD file.",
        autocompletion=_complete_corpora,
    ),
]
PairsName = Annotated[str, typer.Argument(help="A TSV, CSV or JSONL file, or words:de-fr.")]
Languages = Annotated[
    str | None,
    typer.Option(help="Codes with commas, such as de,fr; all by default.", autocompletion=_complete_languages),
]
Out = Annotated[Path | None, typer.Option(help="The run folder; runs/<command>-<model>-<corpus> by default.")]
Table = Annotated[Path | None, typer.Option(help="Also write the table here, as TSV.")]
Limit = Annotated[int | None, typer.Option(help="Only the first texts of each language, or the first pairs.")]
Batch = Annotated[str, typer.Option(help="Texts side by side: a number or auto.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 ...; a GPU where there is one.")]
Dtype = Annotated[str | None, typer.Option(help="float32 (default), bfloat16 or float16.")]
Seed = Annotated[int, typer.Option(help="Of every random draw.")]
Truncate = Annotated[bool, typer.Option("--truncate", help="Cut texts that are longer than the model's context.")]
Unused = Annotated[str | None, typer.Option(help="Taken by every command; nothing here depends on it.", hidden=True)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table: print only paths.")]

app = typer.Typer(
    cls=Refusing,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
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
    warnings.showwarning = warn


@app.command()
def demo(
    model: Annotated[str, typer.Option(help="A shipped model, a folder or a hub name.")] = "polyglot",
    corpus: Annotated[str, typer.Option(help="A shipped corpus, folder or file.")] = "parallel",
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
    """Run every analysis once and write runs/demo/report.html; run again, it goes on where it stopped.

    \b
    workbench demo
    workbench demo --languages de,fr,ja --limit 20 --out runs/small
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.demo import run_demo

    options = _options(batch_size, device, dtype, seed, truncate, quiet)
    folder = run_demo(
        out or Path("runs/demo"), model=model, corpus=corpus, languages=languages, limit=limit, **vars(options)
    )
    show_run(folder, quiet)


@app.command()
def heads(
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

    options = _options(batch_size, device, dtype, seed, truncate, quiet)
    folder = out or _folder("heads", model, corpus)
    show_run(run_heads(model, corpus, out=folder, languages=languages, limit=limit, options=options), quiet)


@app.command()
def neurons(
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

    options = _options(batch_size, device, dtype, seed, truncate, quiet)
    folder = out or _folder("neurons", model, corpus)
    show_run(run_neurons(model, corpus, out=folder, languages=languages, limit=limit, options=options), quiet)


@app.command()
def patch(
    model: ModelName,
    pairs: PairsName,
    languages: Annotated[
        str | None, typer.Option(help="With PAIRS = words: from,to, such as de,fr.", autocompletion=_complete_languages)
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

    options = _options(batch_size, device, dtype, seed, False, quiet)
    if languages is not None:
        if pairs != "words" or languages.count(",") != 1:
            raise BadArgument(f"--languages {languages} with {pairs!r}: write for example words --languages de,fr")
        pairs = "words:" + languages.replace(",", "-")
    folder = out or _folder("patch", model, pairs)
    show_run(run_patch(model, pairs, out=folder, limit=limit, options=options), quiet)


@app.command(name="languages")
def languages_(
    corpus: CorpusName = "parallel",
    languages: Languages = None,
    out: Table = None,
    batch_size: Unused = None,
    device: Unused = None,
    dtype: Unused = None,
    seed: Unused = None,
    quiet: Quiet = False,
) -> None:
    """List the languages of a corpus, with their scripts, texts and lengths.

    \b
    workbench languages parallel
    workbench languages texts/ --out languages.tsv
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.tables import corpus_table

    show_table(corpus_table(corpus, languages), out, quiet)


@app.command()
def check(
    model: ModelName = "polyglot",
    languages: Unused = None,
    out: Table = None,
    batch_size: Unused = None,
    device: Device = None,
    dtype: Dtype = None,
    seed: Unused = None,
    quiet: Quiet = False,
) -> None:
    """Load a model, say what can be done with it, and how near it is to Hugging Face.

    \b
    workbench check polyglot
    workbench check ./my-model --dtype bfloat16
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.tables import model_table

    show_table(model_table(model, device=device, dtype=dtype), out, quiet)


@app.command()
def version() -> None:
    """Print the versions of the workbench and of what numbers depend on."""
    from workbench.results.make import versions

    for name, number in versions().items():
        typer.echo(f"{name} {number}")


def main() -> None:
    """Run the command line."""
    app()


def _options(
    batch_size: str, device: str | None, dtype: str | None, seed: int, truncate: bool, quiet: bool
) -> "Options":
    if batch_size != "auto" and not (batch_size.isdecimal() and int(batch_size)):
        raise BadArgument(f"--batch-size {batch_size}: it is a whole number from 1, or auto")
    if seed < 0:
        raise BadArgument(f"--seed {seed}: it is a whole number from 0")
    from workbench.studies.options import Options

    size = "auto" if batch_size == "auto" else int(batch_size)
    return Options(size, device, dtype, seed, progress=not quiet, truncate=truncate)


def _folder(command: str, *names: str) -> Path:
    """runs/heads-polyglot-parallel."""
    return Path("runs") / "-".join([command, *(re.sub(r"[^\w.-]+", "-", Path(name).stem) for name in names)])


if __name__ == "__main__":
    sys.exit(main())
