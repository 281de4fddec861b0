"""The study of Cypher queries: can a model write them, and does the language of the prompt or question matter?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from workbench import figures
from workbench.errors import BadArgument, BadTask
from workbench.evaluation import cypher, load_task
from workbench.evaluation.text2cypher.engine import require_ladybug
from workbench.studies.analysis import OF_TEXTS, Analysis, Cell, Results, analysis
from workbench.studies.findings.evaluation import cypher as findings
from workbench.studies.options import DEFAULTS, Options, common_key, open_model, refuse_chat
from workbench.studies.report import Section
from workbench.studies.sections import drawing, section
from workbench.text.corpus import chosen
from workbench.text.languages import check

_READING = {
    "executed": "The share of items whose written query returns the right rows.",
    "ranked": "The share of items whose right query is the likeliest of its options.",
    "rouge_l": "ROUGE-L of the written query against the right one, mean over items.",
    "nll": "The mean loss of the right query's tokens, in nats: lower is better.",
}


# Long: a parameter for each option of the command.
@analysis("cypher", only_python=OF_TEXTS)
def run_cypher(
    model: Any,
    task: Any = "cypher",
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    prompt_languages: str | None = None,
    format: str | None = None,
    rank: bool = False,
    no_write: bool = False,
    no_execute: bool = False,
    tokens: int = 96,
    pivot: str = "en",
    options: Options = DEFAULTS,
) -> Analysis:
    """Ask for Cypher queries in every language of the prompt and of the question, and write a report.

    Args:
        task: "cypher", or a file of published rows, with `format`.
        prompt_languages: of the words around the question, with commas; those of the task when None.
        format: text2cypher, of published rows.
        rank: also choose among the right query and wrong ones.
        no_write: only score the right query and, with `rank`, the wrong ones: for models that cannot write Cypher.
        no_execute: compare what is written as texts only.
        tokens: most tokens of a query.
        pivot: language that is compared with the others.

    Returns:
        The run folder, with `cypher.nc` and `report.html`.

    Raises:
        BadTask: a task without queries.
        MissingExtra: the extra `cypher`, in which queries run, is not installed; before the model is loaded.
        UnknownLanguage: no prompt is in this language.
    """
    refuse_chat(options, "a task of queries")
    if tokens < 1:
        raise BadArgument(f"tokens={tokens}; give a whole number from 1")
    loaded_task = load_task(task, format=format, languages=languages, limit=limit)
    if loaded_task.queries is None:
        raise BadTask(f"{loaded_task.name} has no Cypher queries; use cypher, or format='text2cypher'")
    if prompt_languages is not None:
        chosen(prompt_languages, list(loaded_task.queries.prompts), where="the prompts")
    if loaded_task.queries.graph is not None and not (no_write or no_execute):
        require_ladybug()
    loaded = open_model(model, options)
    how = {"prompt_languages": prompt_languages, "rank": rank, "write": not no_write, "execute": not no_execute}
    how |= {"tokens": tokens, "pivot": check(pivot)}
    key = {**common_key(loaded, options), "method": "cypher", "task": loaded_task.info, **how}
    return Analysis(
        title=f"Cypher queries of {loaded.name}: {loaded_task.name}",
        question="Can the model write the query, and does the language of the prompt or of the question matter?",
        cells=[Cell("cypher", key, lambda _: cypher(loaded, loaded_task, **how, **options.sweep))],
        sections=_sections,
    )


def _sections(results: Results) -> list[Section]:
    made = results["cypher"]
    main = findings.main_metric(made)
    sections = [_metric_section(made, main, whole=True)]
    if main != "nll":
        sections.append(_metric_section(made, "nll", whole=False))
    return sections


def _metric_section(result: xr.Dataset, metric: str, *, whole: bool) -> Section:
    """The grid of prompt language by question language in one measure; the first has the whole finding."""
    question = f"Does the language of the prompt or of the question change {findings.MEASURES[metric]}?"
    return section(
        "cypher",
        result,
        drawing(figures.matrix, result, "mean", question=question, select={"metric": metric}),
        reading=f"{_READING[metric]} Rows are the language of the words around the question, columns that of the "
        "question.",
        finding=findings.cypher(result) if whole else findings.effects(result, metric),
        control="The share of variance that a language explains is compared with that after the languages were "
        "shuffled within each item.",
        table=findings.cypher_table(result) if whole else None,
    )
