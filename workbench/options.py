"""Options shared by many calls, documented once: the command line and docstrings take their text from here."""

import re
from collections.abc import Collection, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated, Any

TYPED: ContextVar[tuple[str, ...]] = ContextVar("TYPED", default=())
"""The words of the running command after `workbench`, as they were typed; empty in Python."""


@dataclass(frozen=True)
class Options:
    """How to compute. Each field is annotated with its documentation, which is also the help of its option."""

    batch_size: Annotated[
        int | str,
        "Texts, prompts or pairs per batch: a number, or auto for at most 32. Affects results by rounding only.",
    ] = "auto"
    device: Annotated[
        str | None,
        "cpu, cuda, cuda:1 ...; default: a GPU if available.",
    ] = None
    dtype: Annotated[
        str | None,
        "Data type of the weights: float32 (default), bfloat16 or float16.",
    ] = None
    device_map: Annotated[
        str | None,
        "auto: spread a model larger than one GPU over all of them, and over memory and disk; excludes device.",
    ] = None
    memory: Annotated[
        int | str,
        "Memory limit for activations, such as 4GB; default: half of the free memory. Affects rounding only.",
    ] = "auto"
    seed: Annotated[
        int,
        "Seed of every random draw.",
    ] = 0
    truncate: Annotated[
        bool,
        "Cut texts longer than the model's context instead of refusing them.",
    ] = False
    chat: Annotated[
        bool,
        "Apply the tokenizer's chat template; template tokens are not counted.",
    ] = False
    deduplicate: Annotated[
        bool,
        "Drop repeated texts; otherwise repeats count as one text in every test.",
    ] = False
    columns: Annotated[
        Mapping[str, str | None] | None,
        "Contents of table columns, such as src=en,ref=de,note= (empty: ignore the column).",
    ] = None
    allow_pickle: Annotated[
        bool,
        "Load pickled weights, which can run any code; otherwise only safetensors.",
    ] = False
    trust_remote_code: Annotated[
        bool,
        "Run the Python code that a model brings with it; otherwise such a model is refused.",
    ] = False
    progress: Annotated[
        bool,
        "Show progress bars while computing.",
    ] = True

    @property
    def sweep(self) -> dict[str, Any]:
        """Arguments that every analysis takes."""
        return {"batch_size": self.batch_size, "seed": self.seed, "progress": self.progress}

    @property
    def texts(self) -> dict[str, Any]:
        """Arguments of the analyses that read a corpus."""
        return {**self.sweep, "truncate": self.truncate}


DEFAULTS = Options()
UNSAFE = ("allow_pickle", "trust_remote_code")
"""Options that let a model run code: a caller sets them, never a file. No number depends on them."""
SHARED = {
    "level": "Confidence level of every interval.",
    **{name: Options.__annotations__[name].__metadata__[0] for name in ("progress", "batch_size", "seed", "truncate")},
}
"""Option of analyses -> its documentation, where a docstring does not give its own."""
_SECTION = re.compile(r"^( *)Args:(?:\n\1 .*)+", re.MULTILINE)


def with_shared(docstring: str, parameters: Collection[str]) -> str:
    """A docstring whose `Args:` has a line for each shared option among the parameters; its own lines stay.

    A docstring without `Args:` is unchanged.
    """
    section = _SECTION.search(docstring)
    if section is None:
        return docstring
    missing = [name for name in parameters if name in SHARED and name not in documented(docstring)]
    lines = [f"\n{section[1]}    {name}: {SHARED[name][0].lower()}{SHARED[name][1:]}" for name in missing]
    return docstring[: section.end()] + "".join(lines) + docstring[section.end() :]


def documented(docstring: str) -> list[str]:
    """The parameters that a docstring's `Args:` documents, one with two lines twice."""
    section = _SECTION.search(docstring)
    return re.findall(rf"^{section[1]}    \*{{0,2}}(\w+)(?: \(.*?\))?:", section[0], re.MULTILINE) if section else []
