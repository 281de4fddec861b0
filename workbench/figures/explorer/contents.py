"""The contents of the results given to the explorer, recognised by their variables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from workbench.errors import BadArgument
from workbench.figures.drawing.labels import describe
from workbench.figures.lens_grid import is_lens
from workbench.figures.question import made_of, recorded
from workbench.results.companions import belongs
from workbench.results.make import ROLE, SCORE

CELLS = ("language", "layer", "head")
KINDS = ("previous", "first", "current", "same", "induction")  # shares of the attention that make a kind of head
LEAST = 0.1  # share of the attention by which a kind exceeds even attention
_ASIDE = ("mask", "member_share")  # by-products without a meaning of their own
# The parts of a page: the variable that shows one is present, its axes, a description, and the call that gives it.
_PARTS = {
    "roles": ("role", ("layer", "head"), "the role of each head among the languages", "wb.heads.roles(importance)"),
    "kinds": ("uniform_previous", ("language",), "what each head attends to", "wb.heads.kinds(model, corpus)"),
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
        """Whether it measures how strongly a head serves a language."""
        return self.name in _MEASURES or self.result[self.name].attrs.get(ROLE) == SCORE


@dataclass(frozen=True)
class ExplorerData:
    """The parts of a page; None where no result holds it.

    Attributes:
        measures: numbers [language, layer, head]: importance and ablation, then other scores, then the rest.
        roles: of `heads.roles`.
        kinds: of `heads.kinds`.
        patterns: of `heads.patterns`.
        classes: of `neurons.ternary`.
        notes: lines that the page prints: which call gives a missing part, what is not shown.
        origin: model and corpus in words.
        lens: of `lens.logit_lens`.
    """

    measures: tuple[Measure, ...]
    roles: xr.Dataset | None
    kinds: xr.Dataset | None
    patterns: xr.Dataset | None
    classes: xr.Dataset | None
    notes: tuple[str, ...]
    origin: tuple[tuple[str, str], ...]
    lens: xr.Dataset | None = None

    @property
    def of_heads(self) -> list[xr.Dataset]:
        """Everything that has a layer and a head."""
        return [
            each
            for each in (*(measure.result for measure in self.measures), self.roles, self.patterns)
            if each is not None
        ]

    @property
    def only_lens(self) -> bool:
        """Whether there is a lens of sentences and nothing else."""
        others = (*self.of_heads, self.kinds, self.classes)
        return self.lens is not None and all(other is None for other in others)

    def axis(self, name: str) -> list:
        """Coordinates of an axis over all results that have heads: languages by code, numbers in order."""
        return sorted({value for each in self.of_heads if name in each.dims for value in each[name].values.tolist()})


def find(results: Sequence[xr.Dataset]) -> ExplorerData:
    """Recognise results by their variables.

    Raises:
        BadArgument: nothing that the explorer shows, something that is no Dataset, or results of two models.
    """
    parts: dict[str, xr.Dataset | None] = {}
    notes = []
    for part, (variable, axes, what, call) in _PARTS.items():
        having = [result for result in results if variable in result and set(result[variable].dims) == set(axes)]
        parts[part] = having[0].transpose(*axes, ...) if having else None
        if not having:
            notes.append(f"Missing: {what}; {call} gives it.")
        elif len(having) > 1:
            notes.append(f"{len(having)} results have {what}; the first is shown.")
    measures = _measures(results)
    for name, (what, call) in reversed(_MEASURES.items()):
        if not any(measure.name == name for measure in measures):
            notes.insert(0, f"Missing: {what}; {call} gives it.")
    lens = next((result for result in results if is_lens(result)), None)
    every = [*(measure.result for measure in measures), *parts.values(), lens]
    shown = [result for result in every if result is not None]
    if not shown:
        has = "; ".join(", ".join(map(str, result.data_vars)) for result in results) or "no result at all"
        raise BadArgument(
            f"nothing here that the explorer shows (got: {has}); it takes what heads.importance, heads.ablate, "
            "heads.kinds, heads.roles, heads.patterns, neurons.ternary and lens.logit_lens return, and any score of "
            "heads"
        )
    if len(shown) == 1 and shown[0] is lens:
        notes = []  # a page of sentences misses nothing
    return ExplorerData(measures, **parts, notes=tuple(notes), origin=_origin(shown), lens=lens)


def _measures(results: Sequence[xr.Dataset]) -> tuple[Measure, ...]:
    """All numbers [language, layer, head] but intervals, p-values and controls, each under a label of its own."""
    measures = []
    for result in results:
        names = [str(name) for name, array in result.data_vars.items() if _is_measure(str(name), array, result)]
        measures += [Measure(name, describe(result[name]), result.transpose(*CELLS, ...)) for name in names]
    first = list(_MEASURES)
    measures.sort(
        key=lambda measure: first.index(measure.name) if measure.name in first else len(first) + (not measure.is_score)
    )
    labels = [measure.label for measure in measures]
    return tuple(
        each
        if labels.count(each.label) == 1
        else Measure(each.name, f"{each.label}, {_how(each.result, k)}", each.result)
        for k, each in enumerate(measures, start=1)
    )


def _is_measure(name: str, array: xr.DataArray, result: xr.Dataset) -> bool:
    beside = name in _ASIDE or belongs(result, name)
    return set(array.dims) == set(CELLS) and array.dtype.kind in "fiu" and not beside


def _how(result: xr.Dataset, number: int) -> str:
    """What distinguishes results of one kind: the option it was computed with, or its number."""
    parameters = recorded(result).get("parameters") or {}
    return str(parameters.get("how") or parameters.get("variant") or f"number {number}")


def _origin(results: Iterable[xr.Dataset]) -> tuple[tuple[str, str], ...]:
    """Model and corpora out of the provenance; one model alone, since heads of two models do not correspond."""
    names_by_hash: dict[str, dict[str, str]] = {"model": {}, "corpus": {}}
    for result in results:
        for part, name, digest in made_of(result):
            names_by_hash[part].setdefault(digest, name)
    models = names_by_hash["model"]
    if len(models) > 1:
        names = ", ".join(models.values())
        raise BadArgument(f"these results are of {len(models)} models ({names}) by their hashes; an explorer shows one")
    return tuple((key, ", ".join(dict.fromkeys(names.values()))) for key, names in names_by_hash.items() if names)


def kind_of(kinds: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """The kind of every head: what it attends to furthest above even attention over all tokens so far.

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
