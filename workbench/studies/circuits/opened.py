"""How a study opens a transcoder with its model, and what its numbers depend on."""

from collections.abc import Sequence
from typing import Any

from workbench.circuits.layouts.load import files_of, load
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.model.model import Model
from workbench.studies.options import Options, common_key, open_model
from workbench.text.corpus import Corpus
from workbench.text.languages import language_list

SHIPPED = "polyglot-transcoder"
OPTIONS = ("model", "corpus")
"""Positional arguments of the studies that are options of their commands."""


def open_both(transcoder: Any, model: Any, options: Options) -> tuple[Transcoder, Model]:
    """A transcoder, checked against its model, and the model.

    Raises:
        BadTranscoder: there are no such files, before the model is loaded; or it does not fit the model.
    """
    if not isinstance(transcoder, Transcoder):
        files_of(str(transcoder))
    loaded = open_model(model, options)
    return transcoder if isinstance(transcoder, Transcoder) else load(transcoder, loaded), loaded


def key_of(transcoder: Transcoder, model: Model, options: Options, corpus: Corpus | None = None) -> dict[str, Any]:
    """What the numbers of all cells of such a study depend on."""
    return {**common_key(model, options, corpus), "transcoder": transcoder.digest}


def name_of(transcoder: Any) -> str:
    """A transcoder's name in titles."""
    return "a transcoder" if isinstance(transcoder, Transcoder) else str(transcoder)


def codes(languages: str | Sequence[str] | None) -> list[str]:
    """Languages with commas, or in a list, as a list; none when None."""
    return [] if languages is None else language_list(languages)
