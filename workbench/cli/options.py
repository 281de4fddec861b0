"""What the commands share: arguments with their help and completion, and the options of `workbench.options`."""

import hashlib
import inspect
import json
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import typer

from workbench import packaged, shipped
from workbench.errors import BadArgument
from workbench.options import UNSAFE, Options
from workbench.terminal import announce

LOADING = frozenset({"device", "dtype", "device_map", *UNSAFE})
BASE = LOADING | {"out", "limit", "batch_size", "memory", "seed", "quiet"}
OF_WORDS = BASE | {"languages"}
OF_PAIRS = BASE | {"chat"}
OF_CORPUS = BASE | {"truncate", "deduplicate", "columns"}  # a corpus in which nothing is compared by language
OF_TEXTS = OF_CORPUS | {"languages", "chat"}


def complete_languages(incomplete: str) -> Iterable[tuple[str, str]]:
    """Codes that continue what was typed, each with its name."""
    from workbench.text.languages import DEFAULT, name

    before, comma, last = incomplete.rpartition(",")
    return [(f"{before}{comma}{code}", name(code)) for code in DEFAULT if code.startswith(last.lower())]


def complete_models(incomplete: str) -> list[tuple[str, str]]:
    """Shipped and packaged models that begin so, each with where it comes from."""
    names = dict.fromkeys(shipped.models(), "shipped")
    names |= {name: f"packaged ({model.install})" for name, model in packaged.MODELS.items()}
    return [(name, origin) for name, origin in names.items() if name.startswith(incomplete)]


def complete_corpora(incomplete: str) -> list[str]:
    """Shipped corpora that begin so."""
    from workbench.text.readers import SHIPPED

    return [name for name in SHIPPED if name.startswith(incomplete)]


ModelName = Annotated[
    str,
    typer.Argument(
        help="A shipped or packaged model, a folder, a GGUF file or a hub name.", autocompletion=complete_models
    ),
]
CorpusName = Annotated[
    str,
    typer.Argument(
        help="A shipped corpus, a folder, a TSV, CSV, JSONL or XQuAD file, or hf:owner/name:config+config:split.",
        autocompletion=complete_corpora,
    ),
]
PairsName = Annotated[str, typer.Argument(help="A TSV, CSV or JSONL file, or words:de-fr.")]
Languages = Annotated[
    str | None,
    typer.Option(help="Codes with commas, such as de,fr; all by default.", autocompletion=complete_languages),
]
Out = Annotated[
    Path | None,
    typer.Option(help="The run folder; runs/<command>-<model>-<corpus>-<key> by default, with a key of the options."),
]
TableFile = Annotated[Path | None, typer.Option(help="Also write the table here, as TSV.")]
Limit = Annotated[int | None, typer.Option(help="Only the first texts of each language, or the first pairs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table: print only paths.")]
_MODELS = ("model", "before", "after")  # arguments that name a model
# options that a result depends on by rounding at most
_NO_NUMBERS = {"out", "table", "batch_size", "device_map", "memory", "quiet", *UNSAFE}


@dataclass(frozen=True)
class Common:
    """The shared options of a command, as they were given.

    Attributes:
        options: how to compute.
        languages: codes with commas; all when None.
        out: the run folder, if one was given.
        table: a file for the table.
        limit: first texts of each language, or first pairs.
        quiet: print only paths.
        given: every option of the command that numbers depend on, as it was given.
    """

    options: Options
    languages: str | None = None
    out: Path | None = None
    table: Path | None = None
    limit: int | None = None
    quiet: bool = False
    given: dict[str, Any] = field(default_factory=dict)

    def folder(self, command: str, *names: str) -> Path:
        """The run folder: the given one, or one such as runs/heads-polyglot-parallel-1f3c9a.

        Its last part is a hash of the inputs and the options, so that other texts go into another folder.
        """
        if self.out:
            return self.out
        given = {name: _full_path(value) for name, value in self.given.items()}
        key = json.dumps([command, [_full_path(name) for name in names], given], sort_keys=True, default=str)
        end = hashlib.sha256(key.encode()).hexdigest()[:6]
        chat = ["chat"] * self.options.chat
        words = [Path(name).name if Path(name).exists() else name for name in (*names, *chat)]
        return Path("runs") / "-".join([command, *(re.sub(r"[^\w.]+", "-", word)[-80:] for word in words), end])

    @property
    def texts(self) -> dict[str, Any]:
        """What a study of texts takes beside its model, its corpus and its folder."""
        return {"languages": self.languages, "limit": self.limit, "options": self.options}


def _full_path(value: Any) -> Any:
    """The full path of a file or a folder; any other value unchanged."""
    return str(Path(value).resolve()) if isinstance(value, str | Path) and Path(value).exists() else value


def option(name: str) -> Any:
    """The annotation of an option of the command line for a field of `Options`, with the field's documentation."""
    kind, documentation = get_args(get_type_hints(Options, include_extras=True)[name])
    flags = [f"--{name.replace('_', '-')}"] if kind is bool else []
    return Annotated[kind if kind in (bool, int, str | None) else str | None, typer.Option(*flags, help=documentation)]


def _own(
    languages: Languages = None,
    out: Out = None,
    table: TableFile = None,
    limit: Limit = None,
    quiet: Quiet = False,
) -> None:
    """Only its signature counts: the shared options that are not fields of `Options`."""


def takes(names: Collection[str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command these of the shared options; it receives them as its last argument, `common: Common`.

    A command has no other option of them: one that it does not use is an error at the command line.
    """
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    own = {name: part for name, part in inspect.signature(_own).parameters.items() if name in names}
    shared = [part.replace(kind=part.KEYWORD_ONLY) for part in own.values()]
    for part in fields(Options):
        if part.name in names:
            kind = inspect.Parameter.KEYWORD_ONLY
            shared.insert(-1, inspect.Parameter(part.name, kind, default=part.default, annotation=option(part.name)))

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        mine = [part for part in inspect.signature(command).parameters.values() if part.name != "common"]

        @wraps(command)
        def run(context: typer.Context, **given: Any) -> None:
            numbers = {name: value for name, value in given.items() if name not in _NO_NUMBERS}
            arguments = {part.name: given.pop(part.name) for part in mine}
            models = [str(arguments[name]) for name in _MODELS if name in arguments]
            corpus, study = str(arguments.get("corpus", "")), arguments.get("study")
            if models and not given.get("quiet"):
                announce(context, f"loading {' and '.join(models)}")  # first: next torch is imported, for seconds
            elif corpus.startswith("hf:") and not given.get("quiet"):  # a data set of the hub may be fetched first
                announce(context, f"reading {corpus}")
            elif study and not given.get("quiet"):
                announce(context, f"reading {study}")
            how = {name: given.pop(name) for name in list(given) if name not in own}
            options = Options(progress=not given.get("quiet"), **_read(how))
            command(**arguments, common=Common(options, **given, given=numbers))

        run.__signature__ = inspect.Signature([context, *mine, *shared])  # pyright: ignore[reportAttributeAccessIssue]
        run.__annotations__ = {part.name: part.annotation for part in [context, *mine, *shared]}
        return run

    return decorate


def _read(given: dict[str, Any]) -> dict[str, Any]:
    """Options as the functions take them, from the command line.

    Raises:
        BadArgument: a batch size, memory or seed out of range, or a column without its content.
    """
    size, seed = given.get("batch_size", "auto"), given.get("seed", 0)
    if size != "auto" and not (size.isdecimal() and int(size)):
        raise BadArgument(f"--batch-size {size}: it is a whole number from 1, or auto")
    if seed < 0:
        raise BadArgument(f"--seed {seed}: it is a whole number from 0")
    values = {
        **given,
        "batch_size": size if size == "auto" else int(size),
        "columns": named_columns(given.get("columns")),
    }
    if "memory" in given:
        from workbench.model.memory import check_memory

        values["memory"] = check_memory(given["memory"])
    return values


def named_columns(text: str | None) -> dict[str, str | None] | None:
    """Headers to what they hold, from 'src=en,note=': an empty content leaves the column out.

    Raises:
        BadArgument: a header without the sign, or twice.
    """
    if text is None:
        return None
    contents: dict[str, str | None] = {}
    for part in text.split(","):
        header, sign, content = (piece.strip() for piece in part.rpartition("="))
        if not sign or not header or header in contents:
            raise BadArgument(f"--columns {text}: it takes each header once with what it holds, such as src=en,note=")
        contents[header] = content or None
    return contents
