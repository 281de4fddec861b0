"""What the commands share: types of arguments with their help and completion, and how they become options."""

import hashlib
import inspect
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench import packaged, shipped
from workbench.errors import BadArgument

if TYPE_CHECKING:
    from workbench.studies.options import Options


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
Table = Annotated[Path | None, typer.Option(help="Also write the table here, as TSV.")]
Limit = Annotated[int | None, typer.Option(help="Only the first texts of each language, or the first pairs.")]
Batch = Annotated[str, typer.Option(help="Texts side by side: a number or auto. Results differ by rounding alone.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 ...; a GPU where there is one.")]
Dtype = Annotated[str | None, typer.Option(help="float32 (default), bfloat16 or float16.")]
Memory = Annotated[
    str,
    typer.Option(
        help="What activations may take, such as 4GB; half of what is free by default. Changes rounding alone."
    ),
]
Seed = Annotated[int, typer.Option(help="Of every random draw.")]
Truncate = Annotated[bool, typer.Option("--truncate", help="Cut texts that are longer than the model's context.")]
Chat = Annotated[
    bool, typer.Option("--chat", help="Put texts through the tokenizer's chat template; its tokens are not counted.")
]
Deduplicate = Annotated[
    bool, typer.Option("--deduplicate", help="Drop texts that come again; else they count as one in every test.")
]
Columns = Annotated[
    str | None,
    typer.Option(help="What columns of a table hold, such as src=en,ref=de,note= (nothing: leave it out)."),
]
_NO_NUMBERS = {"out", "table", "batch_size", "memory", "quiet"}  # options that a result depends on by rounding at most
Unused = Annotated[str | None, typer.Option(help="Taken by every command; nothing here depends on it.", hidden=True)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table: print only paths.")]


@dataclass(frozen=True)
class Common:
    """What every command that runs an analysis takes.

    Attributes:
        languages: codes with commas; all when None.
        out: the run folder that was asked for.
        limit: first texts of each language, or first pairs.
        options: how to compute.
        quiet: print only paths.
        given: every option of the command that numbers depend on, as it was given.
    """

    languages: str | None
    out: Path | None
    limit: int | None
    options: "Options"
    quiet: bool
    given: dict[str, Any] = field(default_factory=dict)

    def folder(self, command: str, *names: str) -> Path:
        """The run folder: the one that was asked for, or one such as runs/heads-polyglot-parallel-1f3c9a.

        Its end stands for where the names lead and for the options, so that other texts go into another folder.
        """
        if self.out:
            return self.out
        given = {name: _place(value) for name, value in self.given.items()}
        key = json.dumps([command, [_place(name) for name in names], given], sort_keys=True, default=str)
        end = hashlib.sha256(key.encode()).hexdigest()[:6]
        chat = ["chat"] * self.options.chat
        words = [Path(name).name if Path(name).exists() else name for name in (*names, *chat)]
        return Path("runs") / "-".join([command, *(re.sub(r"[^\w.]+", "-", word)[-80:] for word in words), end])

    @property
    def texts(self) -> dict[str, Any]:
        """What a study of texts takes beside its model, its corpus and its folder."""
        return {"languages": self.languages, "limit": self.limit, "options": self.options}


def _place(value: Any) -> Any:
    """Where a name leads, if it is a file or a folder; anything else as it is."""
    return str(Path(value).resolve()) if isinstance(value, str | Path) and Path(value).exists() else value


def common_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the common options; it receives them as its last argument, `common: Common`.

    A command that declares one of them itself, with a help of its own, receives that one as it declared it. One about
    prompts, which has no `corpus`, has no texts to cut; one with neither a corpus nor pairs, or with questions, has no
    chat.
    """
    own = [p for p in inspect.signature(command).parameters.values() if p.name != "common"]
    taken = {p.name for p in own}
    chats = bool(taken & {"corpus", "pairs"}) and not taken & {"tasks", "conflicts"}
    of_texts = set() if "corpus" in taken else {"truncate", "deduplicate", "columns"}
    taken |= of_texts | (set() if chats else {"chat"})
    shared = [p for p in inspect.signature(_common).parameters.values() if p.name not in taken]

    @wraps(command)
    def run(**given: Any) -> None:
        numbers = {name: value for name, value in given.items() if name not in _NO_NUMBERS}
        mine = {p.name: given.pop(p.name) for p in own}
        command(**mine, common=replace(_common(**given), given=numbers))

    run.__signature__ = inspect.Signature([*own, *shared])  # pyright: ignore[reportAttributeAccessIssue]
    run.__annotations__ = {p.name: p.annotation for p in [*own, *shared]}
    return run


def _common(
    languages: Languages = None,
    out: Out = None,
    limit: Limit = None,
    batch_size: Batch = "auto",
    device: Device = None,
    dtype: Dtype = None,
    memory: Memory = "auto",
    seed: Seed = 0,
    truncate: Truncate = False,
    chat: Chat = False,
    deduplicate: Deduplicate = False,
    columns: Columns = None,
    quiet: Quiet = False,
) -> Common:
    """The common options, checked.

    Raises:
        BadArgument: a batch size, memory or seed that is no such number, or columns without what they hold.
    """
    if batch_size != "auto" and not (batch_size.isdecimal() and int(batch_size)):
        raise BadArgument(f"--batch-size {batch_size}: it is a whole number from 1, or auto")
    if seed < 0:
        raise BadArgument(f"--seed {seed}: it is a whole number from 0")
    from workbench.model.memory import check_memory
    from workbench.studies.options import Options

    size = "auto" if batch_size == "auto" else int(batch_size)
    options = Options(
        size,
        device,
        dtype,
        seed,
        progress=not quiet,
        truncate=truncate,
        memory=check_memory(memory),
        chat=chat,
        deduplicate=deduplicate,
        columns=named_columns(columns),
    )
    return Common(languages, out, limit, options, quiet)


def named_columns(text: str | None) -> dict[str, str | None] | None:
    """Headers to what they hold, from 'src=en,note=': nothing behind the last sign means that it is left out.

    Raises:
        BadArgument: a header without the sign, or twice.
    """
    if text is None:
        return None
    found: dict[str, str | None] = {}
    for part in text.split(","):
        header, sign, content = (piece.strip() for piece in part.rpartition("="))
        if not sign or not header or header in found:
            raise BadArgument(f"--columns {text}: it takes each header once with what it holds, such as src=en,note=")
        found[header] = content or None
    return found
