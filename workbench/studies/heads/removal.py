"""Studies of removal: knock-out of language groups and pruning."""

from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from workbench import figures
from workbench.heads import importance, knockout, prune, top
from workbench.model.model import Model
from workbench.studies.findings import removal as findings
from workbench.studies.options import Options, at_least_two, common_key
from workbench.studies.report import Section
from workbench.studies.runs import Run
from workbench.studies.sections import section
from workbench.text.corpus import Corpus

_LEAST = 4  # texts of each language: two to choose heads by, two to judge them by


def study_knockout(
    run: Run, model: Model, corpus: Corpus, options: Options, *, heads: int = 3, texts: int = 8, controls: int = 5
) -> list[Section]:
    """Switch off each language's own heads against random ones, into a run, and write its section.

    Heads are chosen on one half of the texts and switched off on the first of the other half.

    Args:
        run: where the cell goes.
        model: the model.
        corpus: texts by language; with fewer than four of a language there is nothing to split, and no section.
        options: how to compute.
        heads: of each language's group.
        texts: most texts of each language to measure on.
        controls: random groups for each group.
    """
    if min(corpus.counts.values()) < _LEAST:
        return []
    train, test = corpus.split("train"), corpus.split("test").limit(texts)

    def measure() -> xr.Dataset:
        scores = importance(model, train, **options.texts)
        groups = top(scores, share=min(1.0, heads / (model.n_layers * model.n_heads)), own=True)
        return knockout(model, test, groups, controls=controls, **options.texts)

    key = {**common_key(model, options, test), "method": "knockout", "train": train.info, "heads": heads}
    found = run.cell("knockout", {**key, "controls": controls}, measure)
    return [
        section(
            "knockout",
            found,
            figures.matrix(found, "excess", title="What does each language lose without a language's own heads?"),
            reading="A row a language whose own heads are off, a column a language that is measured, on texts that "
            "chose no head. Own heads weigh more in this language's importance than in the others'. The number is the "
            "rise of the loss beyond that without random heads of the same layers. A red row is a group that everyone "
            "needs; what speaks for a language is its own cell against the rest of its row, which the table has.",
            finding=f"{findings.diagonal(found)} {findings.hits(found)}",
            table=findings.contrasts(found),
        )
    ]


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
    texts = at_least_two(options.corpus(corpus, languages=languages, limit=limit))
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
    texts = options.corpus(corpus, limit=limit)
    loaded = options.load(model)
    found = prune(loaded, texts, keep=keep, drop=drop, budget=budget, out=checkpoint, **options.texts)
    return found[["rise", "low", "high"]].to_dataframe().reset_index().round(4)
