"""What the results given to the explorer hold, told by their variables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from workbench.errors import BadArgument, BadResult
from workbench.figures.drawing.labels import describe
from workbench.results.companions import belongs
from workbench.results.make import ROLE, SCORE, provenance

CELLS = ("language", "layer", "head")
KINDS = ("previous", "first", "current", "same", "induction")  # shares of the attention that make a kind of head
LEAST = 0.1  # share of the attention by which a kind exceeds even attention
_ASIDE = ("mask", "member_share")  # by-products that say nothing about a head on their own
# What a page can show, the variable that says so, its axes, and the call that gives it.
_PARTS = {
    "roles": ("role", ("layer", "head"), "the role of each head among the languages", "wb.heads.roles(importance)"),
    "kinds": ("uniform_previous", ("language",), "where each head looks", "wb.heads.kinds(model, corpus)"),
    "patterns": (
        "pattern",
        ("sentence", *CELLS, "query", "key"),
        "attention patterns",
        "wb.heads.patterns(model, corpus)",
    ),
    "classes": ("kind", ("layer", "neuron"), "the neurons of each layer by class", "wb.neurons.ternary(firing)"),
}
# The measures that a reader looks for before all others, and the calls that give them.
_MEASURES = {
    "importance": ("importance of each head with its interval", "wb.heads.importance(model, corpus)"),
    "delta": ("what switching each head off does", "wb.heads.ablate(model, corpus)"),
}


@dataclass(frozen=True)
class Measure:
    """A number of every head in every language: `name` of the variable, `label` in words, `result` it is of."""

    name: str
    label: str
    result: xr.Dataset

    @property
    def is_score(self) -> bool:
        """Whether it says how strongly a head serves a language, and is no number beside that."""
        return self.name in _MEASURES or self.result[self.name].attrs.get(ROLE) == SCORE


@dataclass(frozen=True)
class Found:
    """The parts of a page; None where no result holds it.

    Attributes:
        measures: numbers [language, layer, head]: importance and ablation, then other scores, then the rest.
        roles: of `heads.roles`.
        kinds: of `heads.kinds`.
        patterns: of `heads.patterns`.
        classes: of `neurons.ternary`.
        notes: lines that the page prints: which call would give a part that is missing, what is not shown.
        origin: model and corpus in words.
    """

    measures: tuple[Measure, ...]
    roles: xr.Dataset | None
    kinds: xr.Dataset | None
    patterns: xr.Dataset | None
    classes: xr.Dataset | None
    notes: tuple[str, ...]
    origin: tuple[tuple[str, str], ...]

    @property
    def of_heads(self) -> list[xr.Dataset]:
        """Everything that has a layer and a head."""
        return [
            each for each in (*(one.result for one in self.measures), self.roles, self.patterns) if each is not None
        ]

    def axis(self, name: str) -> list:
        """Coordinates of an axis over all results that have heads: languages by code, numbers in order."""
        return sorted({value for each in self.of_heads if name in each.dims for value in each[name].values.tolist()})


def find(results: Sequence[xr.Dataset]) -> Found:
    """Recognise results by their variables.

    Raises:
        BadArgument: nothing that the explorer shows, something that is no Dataset, or results of two models.
    """
    parts: dict[str, xr.Dataset | None] = {}
    notes = []
    for part, (variable, axes, what, call) in _PARTS.items():
        having = [one for one in results if variable in one and set(one[variable].dims) == set(axes)]
        parts[part] = having[0].transpose(*axes, ...) if having else None
        if not having:
            notes.append(f"Not here: {what}; {call} gives it.")
        elif len(having) > 1:
            notes.append(f"{len(having)} results hold {what}; the first is shown.")
    measures = _measures(results)
    for name, (what, call) in reversed(_MEASURES.items()):
        if not any(measure.name == name for measure in measures):
            notes.insert(0, f"Not here: {what}; {call} gives it.")
    shown = [one.result for one in measures] + [one for one in parts.values() if one is not None]
    if not shown:
        has = "; ".join(", ".join(map(str, one.data_vars)) for one in results) or "no result at all"
        raise BadArgument(
            f"nothing here that the explorer shows (got: {has}); it takes what heads.importance, heads.ablate, "
            "heads.kinds, heads.roles, heads.patterns and neurons.ternary return, and any score of heads"
        )
    return Found(measures, **parts, notes=tuple(notes), origin=_origin(shown))


def _measures(results: Sequence[xr.Dataset]) -> tuple[Measure, ...]:
    """All numbers [language, layer, head] but intervals, p-values and controls, each under a label of its own."""
    found = []
    for result in results:
        names = [str(name) for name, array in result.data_vars.items() if _is_measure(str(name), array, result)]
        found += [Measure(name, describe(result[name]), result.transpose(*CELLS, ...)) for name in names]
    first = list(_MEASURES)
    found.sort(key=lambda one: first.index(one.name) if one.name in first else len(first) + (not one.is_score))
    labels = [one.label for one in found]
    return tuple(
        one if labels.count(one.label) == 1 else Measure(one.name, f"{one.label}, {_how(one.result, k)}", one.result)
        for k, one in enumerate(found, start=1)
    )


def _is_measure(name: str, array: xr.DataArray, result: xr.Dataset) -> bool:
    beside = name in _ASIDE or belongs(result, name)
    return set(array.dims) == set(CELLS) and array.dtype.kind in "fiu" and not beside


def _how(result: xr.Dataset, number: int) -> str:
    """What tells a result from its twins: the option it was computed with, or its place."""
    try:
        parameters = provenance(result)["parameters"]
    except BadResult:
        parameters = {}
    return str(parameters.get("how") or parameters.get("variant") or f"number {number}")


def _origin(results: Iterable[xr.Dataset]) -> tuple[tuple[str, str], ...]:
    """Model and corpora out of the provenance; one model alone, since a head of another is another head."""
    found: dict[str, dict[str, str]] = {"model": {}, "corpus": {}}
    for result in results:
        try:
            record = provenance(result)
        except BadResult:
            continue
        for key, name in (("model", "name"), ("corpus", "source")):
            about = record.get(key)
            if isinstance(about, dict) and about.get(name):
                found[key].setdefault(str(about.get("hash", about[name])), str(about[name]))
    if len(found["model"]) > 1:
        raise BadArgument(
            f"these results are of {len(found['model'])} models ({', '.join(found['model'].values())}), told apart by "
            "their hashes; an explorer shows one"
        )
    return tuple((key, ", ".join(dict.fromkeys(names.values()))) for key, names in found.items() if names)


def kind_of(kinds: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """The kind of every head: what it attends to furthest above a head that attends to all tokens so far alike.

    Args:
        kinds: of `heads.kinds`; where nothing exceeds that by `LEAST`, a head has no kind.

    Returns:
        (index into `KINDS`, -1 for none, [language, layer, head]; that share of the attention, NaN for none).
    """
    share = np.stack([kinds[name].transpose(*CELLS).values for name in KINDS])
    alike = np.stack([kinds[f"uniform_{name}"].values for name in KINDS])[..., None, None]
    excess = np.nan_to_num(share - alike, nan=-np.inf)
    best = excess.argmax(0)
    enough = excess.max(0) >= LEAST
    taken = np.take_along_axis(share, best[None], 0)[0]
    return np.where(enough, best, -1), np.where(enough, taken, np.nan)
