"""The options that many calls share, each documented once: the command line has its help and its defaults from here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any


@dataclass(frozen=True)
class Options:
    """How to compute. Beside the type of each field stands its documentation, which is also its option's help."""

    batch_size: Annotated[
        int | str,
        "Texts side by side: a number or auto. Results differ by rounding alone.",
    ] = "auto"
    device: Annotated[
        str | None,
        "cpu, cuda, cuda:1 ...; a GPU where there is one.",
    ] = None
    dtype: Annotated[
        str | None,
        "Of the weights: float32 (default), bfloat16 or float16.",
    ] = None
    memory: Annotated[
        int | str,
        "What activations may take, such as 4GB; half of what is free by default. Changes rounding alone.",
    ] = "auto"
    seed: Annotated[
        int,
        "Of every random draw.",
    ] = 0
    truncate: Annotated[
        bool,
        "Cut texts that are longer than the model's context.",
    ] = False
    chat: Annotated[
        bool,
        "Put texts through the tokenizer's chat template; its tokens are not counted.",
    ] = False
    deduplicate: Annotated[
        bool,
        "Drop texts that come again; else they count as one in every test.",
    ] = False
    columns: Annotated[
        Mapping[str, str | None] | None,
        "What columns of a table hold, such as src=en,ref=de,note= (nothing: leave it out).",
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
