"""What the commands share: types of arguments with their help and completion, and how they become options."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench import shipped
from workbench.errors import BadArgument

if TYPE_CHECKING:
    from workbench.studies.options import Options


def complete_languages(incomplete: str) -> Iterable[tuple[str, str]]:
    """Codes that continue what was typed, each with its name."""
    from workbench.text.languages import DEFAULT, name

    before, comma, last = incomplete.rpartition(",")
    return [(f"{before}{comma}{code}", name(code)) for code in DEFAULT if code.startswith(last.lower())]


def complete_models(incomplete: str) -> list[str]:
    """Shipped models that begin so."""
    return [name for name in shipped.models() if name.startswith(incomplete)]


def complete_corpora(incomplete: str) -> list[str]:
    """Shipped corpora that begin so."""
    from workbench.text.readers import SHIPPED

    return [name for name in SHIPPED if name.startswith(incomplete)]


ModelName = Annotated[
    str,
    typer.Argument(help="A shipped model, a folder or a hub name.", autocompletion=complete_models),
]
CorpusName = Annotated[
    str,
    typer.Argument(
        help="A shipped corpus, or a folder, TSV, CSV, JSONL or XQuAD file.",
        autocompletion=complete_corpora,
    ),
]
PairsName = Annotated[str, typer.Argument(help="A TSV, CSV or JSONL file, or words:de-fr.")]
Languages = Annotated[
    str | None,
    typer.Option(help="Codes with commas, such as de,fr; all by default.", autocompletion=complete_languages),
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


def run_options(
    batch_size: str, device: str | None, dtype: str | None, seed: int, truncate: bool, quiet: bool
) -> "Options":
    """The options of a study, checked.

    Raises:
        BadArgument: a batch size or seed that is no such number.
    """
    if batch_size != "auto" and not (batch_size.isdecimal() and int(batch_size)):
        raise BadArgument(f"--batch-size {batch_size}: it is a whole number from 1, or auto")
    if seed < 0:
        raise BadArgument(f"--seed {seed}: it is a whole number from 0")
    from workbench.studies.options import Options

    size = "auto" if batch_size == "auto" else int(batch_size)
    return Options(size, device, dtype, seed, progress=not quiet, truncate=truncate)


def run_folder(command: str, *names: str) -> Path:
    """runs/heads-polyglot-parallel."""
    return Path("runs") / "-".join([command, *(re.sub(r"[^\w.-]+", "-", Path(name).stem) for name in names)])
