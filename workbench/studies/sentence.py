"""The study of sentences of one's own: what every layer would predict after every token."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from workbench import figures
from workbench.errors import BadArgument
from workbench.figures.lens_grid import lens_question
from workbench.lens import logit_lens, tune
from workbench.studies.analysis import OF_TEXTS, Analysis, Cell, analysis
from workbench.studies.findings.finding import Finding, finding
from workbench.studies.options import DEFAULTS, Options, common_key, open_model, refuse_chat
from workbench.studies.report import Section
from workbench.studies.sections import drawing, section
from workbench.text.corpus import Corpus
from workbench.text.display.words import count
from workbench.text.readers import load_corpus

_TUNING_TEXTS = 24  # of each language, for the tuned lens
_COLUMNS = 8  # tokens side by side on a terminal
_COLOURS = ("probability", "rank", "language")
_READING = (
    "Each cell is the token that a layer would predict next, read as if it were the last layer. Layer 0 is the "
    "embedding, the top row the model itself. Hover for probability, entropy, language and the target's rank. "
    "A language is named only where a token is a word of no other shipped language; else its script is named."
)


@analysis("lens", only_python=OF_TEXTS)
def run_sentence(
    model: Any,
    *,
    text: str | Sequence[str],
    out: str | Path,
    answer: str | None = None,
    foil: str | None = None,
    tuned: str | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Read texts at every layer through the lens, and write a report.

    Args:
        text: a text or several.
        answer: a word to follow through the layers; the next token of the text when None.
        foil: a word to compare it with.
        tuned: a corpus to train a tuned lens on, and read with it; the logit lens when None.

    Returns:
        The run folder, with `sentence.nc` and `report.html`.

    Raises:
        BadArgument: `answer` or `foil` is empty.
    """
    refuse_chat(options, "the lens")
    texts = _tuning_texts(tuned, answer=answer, foil=foil)
    loaded = open_model(model, options)
    how: dict[str, Any] = {"answer": answer, "foil": foil, "tuned": tuned}
    key = {**common_key(loaded, options), "method": "sentence", "text": text, **how}
    works = [] if texts is None else None  # one pass of a few texts, or a lens is trained
    how["tuned"] = texts
    cell = Cell("sentence", key, lambda _: read_sentence(loaded, text, options=options, **how), works)
    return Analysis(
        title=f"What every layer of {loaded.name} would predict",
        cells=[cell],
        sections=lambda results: [_section(results["sentence"], colour, answer) for colour in _COLOURS],
        main=("sentence",),
    )


def _section(result: xr.Dataset, colour: str, answer: str | None) -> Section:
    """The grid of tokens and layers in one of its colours."""
    return section(
        "sentence",
        result,
        drawing(figures.lens_grid, result, question=lens_question(result, colour), prompt=None, colour=colour),
        reading=_READING,
        finding=findings(result, answer),
    )


def read_sentence(
    model: Any,
    text: str | Sequence[str],
    *,
    options: Options,
    answer: str | None = None,
    foil: str | None = None,
    tuned: str | Corpus | None = None,
) -> xr.Dataset:
    """Read texts at every layer; the arguments are those of `run_sentence`."""
    texts = _tuning_texts(tuned, answer=answer, foil=foil)
    loaded = open_model(model, options)
    how = {"progress": options.progress, "batch_size": options.batch_size, "truncate": options.truncate}
    trained = None if texts is None else tune(loaded, texts, seed=options.seed, **how)
    return logit_lens(loaded, text, tuned=trained, target=answer, foil=foil, **how)


def _tuning_texts(tuned: str | Corpus | None, **words: str | None) -> Corpus | None:
    """The texts to train a tuned lens on, None without one; refuses empty words too, before a model is loaded.

    Raises:
        BadArgument: a word is empty.
        BadCorpus: the texts cannot be read.
    """
    for name, word in words.items():
        if word is not None and not word.strip():
            raise BadArgument(f"{name}={word!r} is empty; give a word")
    return None if tuned is None else load_corpus(tuned, limit=_TUNING_TEXTS)


def findings(result: xr.Dataset, answer: str | None = None) -> Finding:
    """How often the output is right, and from which layer on its first choice stands, in sentences."""
    rank = result["rank"].transpose("prompt", "layer", "position").values
    places = np.isfinite(rank[:, -1])
    right = (rank[:, -1] == 1).sum()
    what = f"“{answer}”" if answer else "the next token of the text"
    first = f"The model's first choice is {what} after {right} of {count(int(places.sum()), 'token')}."
    same = (result.top_token == result.top_token.isel(layer=-1)).transpose("prompt", "layer", "position").values
    there = np.isfinite(result.entropy.transpose("prompt", "layer", "position").values[:, 0])
    stands = np.flip(np.cumprod(np.flip(same, 1), 1), 1).argmax(1)[there]  # lowest layer from which nothing changes
    return finding(
        first, f"Half of its first choices stand from layer {int(np.median(stands))} of {rank.shape[1] - 1} on."
    )


def sentence_tables(result: xr.Dataset) -> Iterator[pd.DataFrame]:
    """What every layer would predict, as tables for a terminal: the output on top, some tokens side by side."""
    layers = result.layer.values.tolist()
    names = ["output", *map(str, reversed(layers[1:-1])), "embedding"]
    for number in range(result.sizes["prompt"]):
        cells = result.isel(prompt=number).transpose("layer", "position", ...)
        length = int(np.isfinite(cells.entropy.values[0]).sum())
        for start in range(0, length, _COLUMNS):
            part = cells.isel(position=slice(start, min(length, start + _COLUMNS)))
            rows = [
                [f"{_shown(token)} {value:.2f}" for token, value in zip(tokens, likely, strict=True)]
                for tokens, likely in zip(part.top_token.values[::-1], part.probability.values[::-1], strict=True)
            ]
            columns = [f"{place} {_shown(token)}" for place, token in enumerate(part.token.values, start)]
            yield pd.DataFrame(rows, index=pd.Index(names), columns=pd.Index(columns))


def _shown(token: Any) -> str:
    """A token whose spaces and line ends can be seen."""
    return str(token).replace(" ", "␣").replace("\n", "↵").replace("\t", "⇥") or "∅"
