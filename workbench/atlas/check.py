"""Check entries of an atlas: their files, and a seeded share of their cells measured again on the models at hand."""

import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from workbench.arguments import checked, finite
from workbench.atlas.again import units, words
from workbench.atlas.again.pieces import Piece
from workbench.atlas.entry import STUDY, Entry, short_name
from workbench.atlas.store import chosen
from workbench.atlas.validate import problems
from workbench.errors import BadResult, UnknownModel
from workbench.model.load import load_model
from workbench.model.model import Model
from workbench.results.make import origin
from workbench.studies.study.study import Study

Again = Callable[[Model, Entry, str, np.random.Generator, float], list[Piece]]
# By method. Of the results in a list, the seed draws one: each takes all its prompts, and they say the same of a model.
_EACH: dict[str, Again] = {
    "heads.ablate": units.ablation,
    "heads.importance": units.scores,
    "heads.kinds": units.attention,
    "heads.roles": units.classes,
    "neurons.firing": units.counts,
    "neurons.lape": units.classes,
    "neurons.ternary": units.classes,
    "neurons.knockout": units.removal,
    "evaluation.accuracy": words.answered,
    "evaluation.tokenization": words.counted,
}
_DRAWN: dict[str, Again] = {
    "lens.by_language": words.lens,
    "lens.latent": words.lens,
    "patching.concepts": words.exchanged,
}
COLUMNS = ("model", "result", "variable", "cells", "difference", "agrees")


@checked
def check(
    models: str | Sequence[str] | None = None,
    *,
    share: float = 0.02,
    measure: bool = True,
    folder: str | Path | None = None,
    progress: bool = True,
    seed: int = 0,
) -> pd.DataFrame:
    """Check that entries are whole, and measure some of their cells again.

    Every file must be what the record says, with provenance, labels, and values within their intervals. Of the models
    that are at hand, at least the given share of the cells of heads, neurons and answers is measured again, in
    languages and heads that the seed draws; of lens and concept patching, one result each. A cell agrees where it
    differs by less than a twentieth of half its interval, or, without one, a thousandth of the largest value; a count
    may differ by two.

    Args:
        models: names in the atlas; all when None.
        share: of the cells that are measured again, above 0, at most 1.
        measure: measure again; without, the files alone are checked.
        folder: an atlas of one's own; the shipped one where it lacks a model.

    Returns:
        A row for each variable that was measured again: `model`, `result`, `variable`, `cells`, `difference` (the
        largest, in tolerances; agreement is at most 1) and `agrees`. Models that are not at hand have a row without
        cells, with `variable` "not at hand".

    Raises:
        BadArgument: no such entry.
        BadResult: a file that is missing, changed, or says too little of itself.
        BadStudy: the study file is damaged, or is of another model.

    Example:
        >>> wb.atlas.check("polyglot")                                                           # doctest: +SKIP
    """
    finite("share", share, above=0, at_most=1)
    entries = chosen(models, folder)
    for entry in entries:
        _check_files(entry)
    rows = []
    for entry in entries if measure else ():
        try:
            study = Study.read(entry.folder / STUDY)
            model = load_model(study.models[0], dtype=study.options.get("dtype"))
        except UnknownModel:
            rows.append([entry.model, "", "not at hand", 0, math.nan, True])
            continue
        if model.info["hash"] != entry.record["model"]["hash"]:
            raise BadResult(f"{entry.folder}: {entry.model} at hand has other weights than the entry was made of")
        rng = np.random.default_rng(seed)
        ways = _ways(entry, rng)
        for name in tqdm(ways, desc=f"{entry.model} again", unit="result", disable=not progress):
            rows += [_row(entry, part) for part in ways[name](model, entry, name, rng, share)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _ways(entry: Entry, rng: np.random.Generator) -> dict[str, Again]:
    """The results that are measured again, and how."""
    methods = {name: str(part["method"]) for name, part in entry.record["results"].items()}
    ways = {name: _EACH[method] for name, method in methods.items() if method in _EACH}
    for method, again in _DRAWN.items():
        if alike := [name for name, own in methods.items() if own == method]:
            ways[str(rng.choice(alike))] = again
    return ways


def _row(entry: Entry, part: Piece) -> list:
    return [entry.model, part.result, part.variable, part.stored.size, part.difference, part.difference <= 1]


def _check_files(entry: Entry) -> None:
    """Check an entry's files.

    Raises:
        BadResult: one is missing, changed, or says too little of itself; names all faults.
        BadStudy: the study file is damaged, or is of another model.
    """
    faults = []
    for name, part in entry.record["results"].items():
        path = entry.file(name)
        if not path.is_file():
            faults.append(f"{name}: its file is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != part.get("sha256"):
            faults.append(f"{name}: its file is not the one that the record describes")
        else:
            result = entry.load(name)
            faults += problems(name, result)
            model = origin(result).get("model") or {}
            if model and model.get("hash") != entry.record["model"]["hash"]:
                faults.append(f"{name}: it is of another model, {model.get('name')}")
    study = Study.read(entry.folder / STUDY)
    if list(map(short_name, study.models)) != [entry.model]:
        faults.append(f"{STUDY} is of {', '.join(study.models)}")
    if faults:
        raise BadResult(f"{entry.folder}: {'; '.join(faults)}")
