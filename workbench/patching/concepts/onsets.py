"""The onsets of concept and language for all pairs of languages: a matrix."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadPairs, TooFewLanguages
from workbench.model.batching import texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.patching.concepts.concept_pairs import ConceptPairs, make_pairs
from workbench.patching.concepts.concepts import AUTO, checked_at, measure
from workbench.patching.concepts.onset import LEVEL, leads, onset
from workbench.results.make import make_result
from workbench.results.resuming.stoppable import Stoppable
from workbench.text.corpus import chosen
from workbench.text.words import load_words


@checked
@alone
def onsets(
    model: Model,
    words: pd.DataFrame | str = "words",
    *,
    languages: str | Sequence[str] | None = None,
    shown: str | None = None,
    at: str = "last",
    shots: int = 5,
    limit: int | None = 16,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Run an experiment of `concepts` for every ordered pair of languages.

    Args:
        model: the model.
        words: frame of `load_words`, or what it reads.
        languages: the languages to compare; all of the words' when None.
        shown: the language in which all prompts show their words; by default English, or the first language that is
            neither of the two compared.
        at: `last` or `concept`, as in `concepts`.
        shots: translations shown before the question.
        limit: most pairs of concepts for each pair of languages.

    Returns:
        `onset[aspect, source_language, target_language]` in layers, for `concept` and `language`, with its 95 %
        bootstrap interval over pairs of concepts, `low` and `high`; `peak[source_language, target_language]`, the
        largest mean probability of the source concept in the target's language over layers, and `control_peak`, the
        same for random concepts; `unpatched` and `source_run`, what the two runs give their own answer; `pairs` and
        `collided`, counts. NaN on the diagonal, where all collide, and where a language is the shown one.

    Raises:
        UnsupportedSite: the model cannot be run from a layer on.
        BadArgument: an option outside its range.
        TooFewLanguages: fewer than two.
        UnknownLanguage: a language is not among the words.
        Interrupted: `partial` holds the pairs of languages that were finished.

    Source:
        Dumas et al. 2024 (arXiv 2411.08745).

    Example:
        >>> wb.figures.matrix(onsets(model, languages=["de", "fr", "ja"]), "onset", aspect="concept")  # doctest: +SKIP
    """
    frame = words if isinstance(words, pd.DataFrame) else load_words(words)
    codes = compared(frame, languages)
    if shown is not None:
        shown = chosen([shown], list(frame.columns), where="this word list")[0]
    model.require("restart")
    at, step, size = checked_at(at), texts_per_batch(batch_size, auto=AUTO), len(codes)
    onset_values = {name: np.full((2, size, size), np.nan) for name in ("onset", "low", "high")}
    single = {name: np.full((size, size), np.nan) for name in _SINGLE}
    done, every = np.zeros((), dtype=np.int64), size * (size - 1)

    def finished() -> str:
        return f"interrupted: {done} of {every} pairs of languages are finished; they are in .partial"

    couples = [(i, j) for i, j in permutations(range(size), 2) if shown not in (codes[i], codes[j])]
    with Stoppable("onsets", every, "language pair", finished, progress=progress) as loop:
        for i, j in loop.steps(couples, {**onset_values, **single, "done": done}, size=lambda _: 1):
            source, target = codes[i], codes[j]
            prefix = "" if shown is None else f"{shown}-"
            try:
                pairs = make_pairs(
                    model.tokenizer,
                    frame,
                    source=prefix + source,
                    target=prefix + target,
                    shots=shots,
                    seed=seed,
                    limit=limit,
                )
            except BadPairs:  # all concepts collide in these two
                single["pairs"][i, j], single["collided"][i, j] = 0, len(frame)
                continue
            parts = [measure(model, pairs.items[k : k + step], at) for k in range(0, len(pairs), step)]
            values, runs = (np.concatenate(each, 1) for each in zip(*parts, strict=True))
            _enter(pairs, values, runs, (i, j), at, seed, onset_values, single)
            done += 1
    parameters = {"at": at, "shots": shots, "shown": shown, "limit": limit}
    result = _result(model, frame, codes, onset_values, single, parameters, seed)
    return loop.result(result)


_SINGLE = {
    "peak": "largest mean probability of the source concept in the target language over layers [probability]",
    "control_peak": "the same after patches with random concepts [probability]",
    "unpatched": "mean probability of the target run's own answer [probability]",
    "source_run": "mean probability of the source run's own answer [probability]",
    "pairs": "pairs of concepts [pairs]",
    "collided": "concepts whose first tokens collide [concepts]",
}


def _enter(
    pairs: ConceptPairs,
    values: np.ndarray,
    runs: np.ndarray,
    cell: tuple[int, int],
    at: str,
    seed: int,
    onset_values: dict[str, np.ndarray],
    single: dict[str, np.ndarray],
) -> None:
    """Enter one pair of languages: values [patched or control, pair, answer, layer], runs [run, pair, answer]."""
    for number, lead in enumerate(leads(values[0], pairs.answers, at).values()):
        for name, value in zip(onset_values, onset(lead, seed=seed, clusters=pairs.clusters), strict=True):
            onset_values[name][(number, *cell)] = value
    into = 1  # the source concept in the target's language
    single["peak"][cell], single["control_peak"][cell] = values[:, :, into].mean(1).max(1)
    single["unpatched"][cell] = runs[0, :, 3].mean()
    single["source_run"][cell] = runs[1, :, 0].mean()
    single["pairs"][cell], single["collided"][cell] = len(pairs), pairs.collided


def _result(
    model: Model,
    frame: pd.DataFrame,
    languages: list[str],
    onset_values: dict[str, np.ndarray],
    single: dict[str, np.ndarray],
    parameters: dict[str, Any],
    seed: int,
) -> xr.Dataset:
    square = ("source_language", "target_language")
    texts = {
        "onset": "onset layer [layers]",
        "low": "lower end of the 95 % bootstrap interval of the onset [layers]",
        "high": "upper end of the 95 % bootstrap interval of the onset [layers]",
    }
    result = make_result(
        {
            **{name: (("aspect", *square), values, texts[name]) for name, values in onset_values.items()},
            **{name: (square, values, _SINGLE[name]) for name, values in single.items()},
        },
        {"aspect": ["concept", "language"], "source_language": languages, "target_language": languages},
        method="patching.onsets",
        owners={"onset": ["low", "high"]},
        parameters={**parameters, "level": LEVEL},
        model=model.info,
        corpus={
            "source": frame.attrs.get("source", "frame"),
            "hash": frame.attrs.get("hash"),
            "languages": languages,
            "counts": {"concepts": len(frame)},
        },
        seed=seed,
        attrs={"at": parameters["at"]},
    )
    result.onset.attrs["question"] = (
        "From which layer on is it the source's concept or language?"
        if parameters["at"] == "last"
        else "From which layer on has the shown word been read?"
    )
    return result


def compared(words: pd.DataFrame, languages: str | Sequence[str] | None) -> list[str]:
    """The languages of the words that are compared, all when None.

    Raises:
        UnknownLanguage: a language is not among the words.
        TooFewLanguages: fewer than two.
    """
    codes = list(words.columns) if languages is None else chosen(languages, list(words.columns), where="this word list")
    if len(codes) < 2:
        raise TooFewLanguages(f"onsets compare languages, and only {', '.join(codes)} was given; give two")
    return codes
