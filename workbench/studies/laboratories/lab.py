"""The study of laboratories: each a cell, with what it changed beyond its controls and inside the model."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from workbench import figures
from workbench.arguments import whole_number
from workbench.laboratories.inside.inside import inside as look_inside
from workbench.model.load import files_hash
from workbench.studies.analysis import Analysis, Cell, Results, analysis
from workbench.studies.findings.laboratories import lab as findings
from workbench.studies.laboratories.cost import cost
from workbench.studies.laboratories.registry import (
    LABORATORIES,
    Laboratory,
    accepted,
    chosen_laboratories,
    require_accepted,
    settings,
)
from workbench.studies.options import DEFAULTS, Options, open_model, open_texts, refuse_chat
from workbench.studies.report import Section
from workbench.studies.sections import Drawing, drawing, section
from workbench.text.corpus import Corpus
from workbench.text.words import load_words

_BASE = "polyglot"
_WORDS = "words"  # the shipped ones, of which a model of ours has seen the first
_MOST = 8  # controls whose bars can be told apart


# Long: a parameter for each option of the command.
@analysis("lab", only_python=["truncate"])
def run_lab(
    name: str,
    *,
    out: str | Path,
    base: str | Path = _BASE,
    seeds: int | None = None,
    quick: bool = False,
    inside: bool = True,
    words: str | None = None,
    corpus: str | None = None,
    languages: str | Sequence[str] | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Run a laboratory or all, and write a report. A stop loses at most the training that was running.

    Args:
        name: of a laboratory, or `all`.
        base: what is trained: a shipped or packaged model, a folder or a hub name.
        seeds: trainings of each condition; the laboratory's own number when None.
        quick: one seed, few steps, to see that it runs; no numbers to believe.
        inside: look inside the models of the first seed, where the laboratory can.
        words: what `load_words` takes, for a base of other languages.
        corpus: what `load_corpus` takes, likewise.

    Returns:
        The run folder, with `<name>.nc` of each laboratory and `report.html`.

    Raises:
        BadArgument: no such laboratory, or something given that it does not take.
        UnknownModel, BrokenModel: the base is not there; before anything is trained.
    """
    refuse_chat(options, "a laboratory")
    if seeds is not None:
        whole_number("seeds", seeds, at_least=1)
    chosen = chosen_laboratories(name)
    own: dict[str, Any] = {"words": words, "corpus": corpus, "languages": languages}
    if name != "all":
        named = own if str(base) == _BASE else {**own, "base": base}
        require_accepted(name, chosen[name], {key: value for key, value in named.items() if value is not None})
    if words not in (None, _WORDS):
        own["words"] = load_words(words)
    if corpus is not None:
        own["corpus"] = open_texts(corpus, options, languages=languages, alone=True)
    digest = files_hash(str(base))
    own |= {"base": str(base), "seeds": seeds, "quick": quick, "seed": options.seed, "progress": options.progress}
    given = {key: value for key, value in own.items() if value is not None}
    timed = open_model(str(base), options) if options.progress else None  # only to say what it will take
    cells = []
    for laboratory, function in chosen.items():
        passed = accepted(function, given)
        look = inside and "inside" in settings(function, quick=quick)
        numbers = {option: _recorded(value) for option, value in passed.items() if option != "progress"}
        key = {**numbers, "inside": look, "method": laboratory}
        works = None if timed is None else cost(function, timed, seeds=seeds, quick=quick)
        compute = partial(_computed, function, passed, look)
        cells.append(Cell(laboratory, {**key, **({"hash": digest} if "base" in passed else {})}, compute, works))
    return Analysis(
        title=f"What training changes, by language: {', '.join(chosen)}",
        question="What does the training change, beyond its controls?",
        cells=cells,
        sections=partial(_sections, quick=quick),
        main=tuple(chosen),
    )


def _recorded(value: Any) -> Any:
    """What a cell's key says of an option: of texts and words their content."""
    if isinstance(value, pd.DataFrame):
        return value.attrs["hash"]
    return value.info if isinstance(value, Corpus) else value


def _computed(function: Laboratory, given: dict[str, Any], look: bool, _: Results) -> xr.Dataset:
    """The Result of a laboratory."""
    if not look:
        return function(**given)
    defaults = {**settings(function, quick=False), **given}
    what = {name: defaults[name] for name in ("words", "corpus", "languages", "trained") if defaults.get(name)}
    how = {"quick": given.get("quick", False), "seed": given.get("seed", 0), "progress": False}
    return function(**given, inside=look_inside(**what, **how))


def _sections(results: Results, *, quick: bool) -> list[Section]:
    return [
        made for name, result in results.items() for made in (_changes(name, result, quick), *_inside(name, result))
    ]


def _changes(name: str, result: xr.Dataset, quick: bool) -> Section:
    """What a laboratory changed: the excess over each control, by language, of its first measure with numbers."""
    return section(
        name,
        result,
        _drawn(name, result),
        reading="A bar is the change with the recipe minus the change with a control, in the measure's unit; whiskers "
        "are intervals over items, seeds averaged. The table has the means over languages of every measure.",
        finding=findings.changes(name, result, quick=quick),
        control="Controls: "
        + (", ".join(map(str, result["control"].values)) if result.sizes.get("control") else "none")
        + "; each as many steps, and about as many tokens, as the recipe.",
        table=findings.lab_table({name: result}),
    )


def _drawn(name: str, result: xr.Dataset) -> Drawing:
    """Bars of the excess by language, a colour for each control; no figure where there is no excess."""
    question = LABORATORIES[name]
    part = next(iter(findings.recipes(name, result).values()), result)
    if "excess" not in part or not 0 < part.sizes.get("control", 0) <= _MOST:
        return Drawing(question)
    known = np.isfinite(part.excess.transpose("measure", ...).values).any((1, 2))
    if not known.any():
        return Drawing(question)
    measure = part["measure"].values[known][0]
    return drawing(figures.bars, part, "excess", question=question, select={"measure": str(measure)})


def _inside(name: str, result: xr.Dataset) -> list[Section]:
    """What changed inside the model; no section where it was not looked at."""
    if not any(str(variable).startswith("inside_") for variable in result):
        return []
    return [
        section(
            name,
            result,
            drawing(figures.inside, result, question=f"What did {name} change inside the model?"),
            reading="Neurons whose class changed, how far the importance of heads moved, and probabilities of words "
            "and of patched concepts at each state: a line for each condition, with intervals over neurons, texts and "
            "concepts. What a control changes too is not the recipe's.",
            finding=findings.inside(result),
            control="The controls were looked at in the same way: the lines beside the recipe's.",
        )
    ]
