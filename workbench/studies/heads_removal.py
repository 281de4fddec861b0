"""Studies of removal: knock-out of language groups and pruning, as tables."""

from pathlib import Path
from typing import Any

import pandas as pd

from workbench.heads import importance, knockout, prune, top
from workbench.studies.options import Options, at_least_two, codes
from workbench.text.readers import load_corpus


def knockout_table(
    model: Any,
    corpus: Any,
    *,
    languages: str | None = None,
    limit: int | None = None,
    share: float = 0.02,
    controls: int = 20,
    options: Options | None = None,
) -> pd.DataFrame:
    """What each language loses without each language's heads; chosen on one half of the texts, measured on the other.

    Returns:
        A row for each group and language: loss without the group, the range of random groups, the excess over them with
        its interval and corrected p-value. The attributes of `knockout`'s diagonal are in the frame's `attrs`.

    Raises:
        TooFewLanguages: fewer than two languages.
    """
    options = options or Options()
    texts = at_least_two(load_corpus(corpus, languages=codes(languages), limit=limit))
    loaded = options.load(model)
    scores = importance(loaded, texts.split("train"), **options.texts)
    found = knockout(loaded, texts.split("test"), top(scores, share=share), controls=controls, **options.texts)
    names = ("delta", "control_low", "control_high", "excess", "excess_low", "excess_high", "p_value")
    table = found[list(names)].to_dataframe().reset_index().round(4)
    table.attrs = {name: found.attrs[name] for name in ("diagonal", "diagonal_low", "diagonal_high", "diagonal_p")}
    return table


def prune_table(
    model: Any,
    corpus: Any,
    *,
    keep: str,
    drop: str = "",
    budget: float = 0.01,
    checkpoint: Path | None = None,
    limit: int | None = None,
    options: Options | None = None,
) -> pd.DataFrame:
    """The held-out curve of every order: a row for each order, number of removed heads and language."""
    options = options or Options()
    texts = load_corpus(corpus, limit=limit)
    loaded = options.load(model)
    found = prune(loaded, texts, keep=keep, drop=drop, budget=budget, out=checkpoint, **options.texts)
    return found[["rise", "low", "high"]].to_dataframe().reset_index().round(4)
