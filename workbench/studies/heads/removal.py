"""Studies of removal: knock-out of language groups and pruning."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from workbench import figures
from workbench.arguments import finite, whole_number
from workbench.heads import importance, knockout, prune, save_smaller, top
from workbench.heads.removal.prune import keep_and_drop
from workbench.model.model import Model
from workbench.studies.analysis import Analysis, Cell, Results, analysis
from workbench.studies.findings import removal as findings
from workbench.studies.forecast import GRADIENT, Work
from workbench.studies.options import DEFAULTS, Options, common_key, open_model, open_texts
from workbench.studies.report import Section
from workbench.studies.runs import Run
from workbench.studies.sections import drawing, section
from workbench.text.corpus import Corpus

_LEAST = 4  # texts of each language: two to choose heads by, two to judge them by
_MATRIX = (
    "The number is the rise of the loss beyond that without random heads of the same layers. A red row is a group that "
    "every language needs; the evidence for a language is its own cell against the rest of its row, as in the table."
)


@analysis("heads knockout")
def run_head_knockout(
    model: Any,
    corpus: Any = "parallel",
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    share: float = 0.02,
    controls: int = 20,
    options: Options = DEFAULTS,
) -> Analysis:
    """Switch off each language's heads, chosen on half of the texts, and measure all languages on the other half.

    Args:
        share: of all heads, in each language's group.
        controls: random groups for each group.

    Returns:
        The run folder, with `knockout.nc` and `report.html`.
    """
    finite("share", share, above=0, at_most=1)
    whole_number("controls", controls)
    texts = open_texts(corpus, options, languages=languages, limit=limit)
    loaded = open_model(model, options)
    train, test = texts.split("train"), texts.split("test")
    reading = (
        f"Each row is a language whose heads are off, the {share:g} of all that LAHIS ranks first for it; each column "
        f"a language that is measured, on texts that chose no head. {_MATRIX}"
    )
    title = f"Knock-outs of heads of {loaded.name} on {texts.source}"
    return _knockout(title, loaded, train, test, options, reading=reading, share=share, own=False, controls=controls)


def own_heads_analysis(
    model: Model, corpus: Corpus, options: Options, *, heads: int = 3, texts: int = 8, controls: int = 5
) -> Analysis:
    """Switch off each language's own heads against random ones, as the demo does.

    Heads are chosen on one half of the texts and switched off on the first of the other half.

    Args:
        model: the model.
        corpus: texts by language; with fewer than four of a language there is nothing to split, and no section.
        options: how to compute.
        heads: of each language's group.
        texts: most texts of each language to measure on.
        controls: random groups for each group.
    """
    title = f"Knock-outs of heads of {model.name}"
    if min(corpus.counts.values()) < _LEAST:
        return Analysis(title, [], lambda _: [])
    train, test = corpus.split("train"), corpus.split("test").limit(texts)
    share = min(1.0, heads / (model.n_layers * model.n_heads))
    reading = (
        "Each row is a language whose own heads are off, each column a language that is measured, on texts that chose "
        f"no head. Own heads weigh more in this language's importance than in the others'. {_MATRIX}"
    )
    return _knockout(title, model, train, test, options, reading=reading, share=share, own=True, controls=controls)


def _knockout(
    title: str,
    model: Model,
    train: Corpus,
    test: Corpus,
    options: Options,
    *,
    reading: str,
    share: float,
    own: bool,
    controls: int,
) -> Analysis:
    """Choose heads on one half of the texts, switch them off on the other, and show the matrix."""

    def measure(_: Results) -> xr.Dataset:
        groups = top(importance(model, train, **options.texts), share=share, own=own)
        return knockout(model, test, groups, controls=controls, **options.texts)

    def sections(results: Results) -> list[Section]:
        result, question = results["knockout"], "What does each language lose without a language's own heads?"
        figure = drawing(figures.matrix, result, "excess", question=question)
        finding, table = findings.diagonal(result).then(findings.hits(result)), findings.contrasts(result)
        return [section("knockout", result, figure, reading=reading, finding=finding, table=table)]

    key = {**common_key(model, options, test), "method": "knockout", "train": train.info}
    runs = 1 + len(test.languages) * (1 + controls)
    works = [Work(model, train, GRADIENT, GRADIENT), Work(model, test, runs, runs)]
    cell = Cell("knockout", {**key, "share": share, "own": own, "controls": controls}, measure, works)
    return Analysis(title, [cell], sections)


def knockout_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each group and language: the loss without the group, random groups', the excess with its interval."""
    names = ("delta", "control_low", "control_high", "excess", "excess_low", "excess_high", "p_value")
    return result[list(names)].to_dataframe().reset_index().round(4)


@analysis("heads prune")
def run_prune(
    model: Any,
    corpus: Any = "parallel",
    *,
    keep: str,
    out: str | Path,
    drop: str = "",
    budget: float = 0.01,
    checkpoint: str | Path | None = None,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Remove the heads that the kept languages can spare, and compare with simpler orders on held-out texts.

    Args:
        keep: languages whose loss may not rise, with commas.
        drop: languages that may be lost.
        budget: largest rise of the kept languages' loss, in nats.
        checkpoint: a new folder for the smaller model.

    Returns:
        The run folder, with `prune.nc` and `report.html`.
    """
    finite("budget", budget, at_least=0)
    texts = open_texts(corpus, options, limit=limit, alone=True)
    keep_and_drop(texts, keep, drop)
    loaded = open_model(model, options)
    how = {"keep": keep, "drop": drop, "budget": budget}
    key = {**common_key(loaded, options, texts), "method": "prune", **how}
    cell = Cell("prune", key, lambda _: prune(loaded, texts, out=checkpoint, **how, **options.texts))

    def write_checkpoint(_: Run, results: Results) -> None:
        if checkpoint is not None and not Path(checkpoint).expanduser().exists():  # the cell was there already
            save_smaller(loaded, results["prune"].removed_head.to_numpy(), checkpoint)

    title = f"Heads that {loaded.name} can spare on {texts.source}"
    return Analysis(title, [cell], lambda results: [_pruned(results["prune"])], beside=write_checkpoint)


def _pruned(result: xr.Dataset) -> Section:
    greedy, question = result.sel(order="greedy"), "Who loses as heads are removed?"
    return section(
        "prune",
        result,
        drawing(figures.curves, greedy, "rise", x="removed", color="language", question=question),
        reading="Across: how many heads are removed, in the order that was chosen on the other half of the texts. Each "
        "line is a language: the rise of its loss on held-out texts, with the interval over texts. The table has the "
        "same number of heads removed in simpler orders.",
        finding=findings.pruned(result),
        control="Random orders of the same number of heads are measured beside the chosen one."
        if "random" in result.order.values
        else "",
        table=findings.orders(result),
    )


def prune_table(result: xr.Dataset) -> pd.DataFrame:
    """The held-out curve of every order: a row for each order, number of removed heads and language."""
    return result[["rise", "low", "high"]].to_dataframe().reset_index().round(4)
