"""Options shared by many calls, documented once: the command line takes its help and defaults from here."""

from collections.abc import Mapping
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
        "Texts per batch: a number or auto. Affects results by rounding only.",
    ] = "auto"
    device: Annotated[
        str | None,
        "cpu, cuda, cuda:1 ...; default: a GPU if available.",
    ] = None
    dtype: Annotated[
        str | None,
        "Data type of the weights: float32 (default), bfloat16 or float16.",
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
        "Cut texts that are longer than the model's context.",
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
    progress: Annotated[
        bool,
        "Show progress bars.",
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
