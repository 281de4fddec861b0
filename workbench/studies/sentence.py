"""The study of sentences of one's own: what every layer would say after every token."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from workbench import figures
from workbench.lens import logit_lens, tune
from workbench.studies.findings.words import count
from workbench.studies.options import Options, common_key
from workbench.studies.report import recipe, write_report
from workbench.studies.runs import locks_folder, open_run
from workbench.studies.sections import section
from workbench.text.readers import load_corpus

_COLUMNS = 8  # tokens side by side on a terminal


@locks_folder
def run_sentence(
    model: Any,
    *,
    text: str | Sequence[str],
    out: str | Path,
    answer: str | None = None,
    foil: str | None = None,
    tuned: str | None = None,
    options: Options | None = None,
) -> Path:
    """Read texts at every layer through the lens, and write a report.

    Args:
        model: what `load_model` takes, or a Model.
        text: a text or several.
        out: the run folder; a result that is there already with the same key is not computed again.
        answer: a word to follow through the layers; what really follows when None.
        foil: a word to compare it with.
        tuned: a corpus to train a tuned lens on, and read with it; the logit lens when None.
        options: how to compute.

    Returns:
        The run folder, with `sentence.nc` and `report.html`.

    Raises:
        CannotWrite: the folder cannot be written; before anything is computed.
        BadArgument: a word that is none.
    """
    options = (options or Options()).plain("the lens")
    run = open_run(out)
    loaded = options.load(model)
    given: dict[str, Any] = {"answer": answer, "foil": foil, "tuned": tuned}
    key = {**common_key(loaded, options), "method": "sentence", "text": text, **given}
    result = run.cell("sentence", key, lambda: read_sentence(loaded, text, options=options, **given))
    reading = (
        "Each cell is the token that a layer would say next, read as if it were the last layer. Layer 0 is the "
        "embedding, the top row the model itself. Hovering says probability, entropy, language and the target's rank. "
        "A language is named only where a token is a word of no other shipped language; else the script is."
    )
    sections = [
        section(
            "sentence",
            result,
            figures.lens_grid(result, prompt=None, colour=colour),
            reading=reading,
            finding=findings(result, answer),
        )
        for colour in ("probability", "rank", "language")
    ]
    several = not isinstance(text, str) and len(text) > 1
    words = text if isinstance(text, str) or several else text[0]
    write_report(
        run.folder,
        title=f"What every layer of {loaded.name} would say",
        question=sections[0].title,
        sections=sections,
        main=("sentence",),
        recipe=recipe(
            run_sentence,
            "lens",
            model,
            out=out,
            options=options,
            only_python=("text",) if several else (),
            text=words,
            **given,
        ),
    )
    return run.folder


def read_sentence(
    model: Any,
    text: str | Sequence[str],
    *,
    options: Options,
    answer: str | None = None,
    foil: str | None = None,
    tuned: str | None = None,
) -> xr.Dataset:
    """Read texts at every layer; the arguments are those of `run_sentence`."""
    loaded = options.load(model)
    how = {"progress": options.progress, "batch_size": options.batch_size, "truncate": options.truncate}
    lens = None if tuned is None else tune(loaded, load_corpus(tuned, limit=24), seed=options.seed, **how)
    return logit_lens(loaded, text, lens=lens, target=answer, foil=foil, **how)


def findings(result: xr.Dataset, answer: str | None = None) -> str:
    """How often the output is right, and from which layer on its first choice stands, in sentences."""
    rank = result["rank"].transpose("prompt", "layer", "position").values
    places = np.isfinite(rank[:, -1])
    right = (rank[:, -1] == 1).sum()
    what = f"“{answer}”" if answer else "what really follows"
    first = f"The model's first choice is {what} after {right} of {count(int(places.sum()), 'token')}."
    same = (result.top_token == result.top_token.isel(layer=-1)).transpose("prompt", "layer", "position").values
    there = np.isfinite(result.entropy.transpose("prompt", "layer", "position").values[:, 0])
    stands = np.flip(np.cumprod(np.flip(same, 1), 1), 1).argmax(1)[there]  # lowest layer from which nothing changes
    return f"{first} Half of its first choices stand from layer {int(np.median(stands))} of {rank.shape[1] - 1} on."


def sentence_tables(result: xr.Dataset) -> Iterator[pd.DataFrame]:
    """What every layer would say as tables for a terminal, the output on top: some tokens of a text side by side."""
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
