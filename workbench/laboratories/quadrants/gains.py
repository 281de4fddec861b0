"""Gains of the trained pair and of the other pairs, gathered over trainings, and their Result."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import xarray as xr

from workbench.laboratories.quadrants.place import NOT_MEASURED, quadrants
from workbench.results.interval_ends import interval_ends
from workbench.results.make import make_result, origin
from workbench.results.statistics import interval

FORMS = ("question", "line")
SCOPES = ("bilingual", "multilingual")
SHUFFLED = "shuffled"
_AXES = ("embedding", "form", "scope", "language")


def measure_name(scope: str, form: str) -> str:
    """Name of the measure of a scope in a form of question."""
    return f"{scope}, {form}"


class Gains:
    """Gains in bits of right answers, of every trained language.

    Args:
        embeddings: ways to train the embeddings: of each, Results have a condition (of the first it is the recipe) and
            its control, `"{embedding}, shuffled"`.
        languages: to be trained, each with the pivot.
        seeds: numbers of the seeds.
        level: of intervals.
        seed: of the bootstrap.
    """

    def __init__(
        self, embeddings: Sequence[str], languages: Sequence[str], seeds: Sequence[int], *, level: float, seed: int
    ) -> None:
        self.coords = {"embedding": list(embeddings), "form": list(FORMS), "scope": list(SCOPES)}
        self.coords |= {"language": list(languages), "seed": list(seeds)}
        self.level, self.seed = level, seed
        shape = tuple(len(self.coords[axis]) for axis in _AXES)
        self.values = {name: np.full((3, *shape), np.nan) for name in ("gain", "excess")}  # mean, low, high
        self.by_seed = {name: np.full((len(self.coords["seed"]), *shape), np.nan) for name in ("gain", "excess")}
        self.losses: dict[str, xr.DataArray] = {}
        self.records: dict[str, Any] = {}

    def add(self, language: str, result: xr.Dataset) -> None:
        """Add the Result of a language's trainings, as `run` makes it, with a measure of every scope and form."""
        code = self.coords["language"].index(language)
        for (row, embedding), (form, form_name), (scope, scope_name) in product(
            enumerate(self.coords["embedding"]), enumerate(FORMS), enumerate(SCOPES)
        ):
            score = result.score.sel(measure=measure_name(scope_name, form_name))
            trained = score.sel(condition=embedding if row else "recipe")
            control = score.sel(condition=f"{embedding}, {SHUFFLED}")
            cell = (row, form, scope, code)
            for name, start in (("gain", score.sel(condition="before")), ("excess", control)):
                samples = _samples(start - trained)  # fewer bits are better
                ends = interval(samples.mean(0), level=self.level, seed=self.seed)
                self.values[name][(slice(None), *cell)] = (samples.mean(), *ends)
                self.by_seed[name][(slice(None), *cell)] = samples.mean(1)
        self.losses[language] = result.loss
        self.records = origin(result)

    def result(self, *, pivot: str) -> xr.Dataset:
        """The Result; NaN, and quadrants not measured, of languages that were not added."""
        places = ("embedding", "form", "language")
        variables: dict[str, Any] = {}
        for name, words, label in (
            ("gain", "bits before training minus after [bits per answer]", "quadrant"),
            ("excess", "gain minus that of the shuffled control [bits per answer]", "excess_quadrant"),
        ):
            mean, *ends = self.values[name]
            seeds = self.by_seed[name]
            variables |= {
                name: (_AXES, mean, words),
                **interval_ends(_AXES, ends, f"the {name} over answers [bits per answer]", level=self.level, name=name),
                f"{name}_by_seed": (("seed", *_AXES), seeds, f"{name} in each seed [bits per answer]"),
                label: (places, _placed(ends, seeds), f"quadrant of the bilingual and the multilingual {name}"),
            }
        if self.losses:
            first = next(iter(self.losses.values()))
            conditions = [str(name) for name in first.condition.values[1:]]
            names = [self.coords["embedding"][0], *conditions[1:]]
            empty = xr.full_like(first, np.nan)
            parts = [self.losses.get(code, empty).sel(condition=conditions).values for code in self.coords["language"]]
            variables["loss"] = (("language", "condition", "seed", "step"), np.stack(parts), "loss [nats per token]")
            self.coords["condition"] = names
        made = make_result(
            variables,
            self.coords,
            method="laboratories.vocabulary_quadrants",
            parameters={**self.records.get("parameters", {}), "pivot": pivot},
            model=self.records.get("model"),
            corpus=self.records.get("corpus"),
            seed=self.seed,
            attrs={"level": self.level, "pivot": pivot},
        )
        return made.assign_attrs(finding=finding(made))


def _samples(values: xr.DataArray) -> np.ndarray:
    """Values [seed, answer] of every language's answers that there are."""
    flat = values.transpose("seed", "language", "sample").values.reshape(values.sizes["seed"], -1)
    return flat[:, ~np.isnan(flat).all(0)]


def _placed(ends: Sequence[np.ndarray], by_seed: np.ndarray) -> np.ndarray:
    """Quadrants [embedding, form, language] of ends [embedding, form, scope, language] and [seed, ...]."""
    pair, others = ([end[:, :, scope] for end in ends] for scope in (0, 1))
    return quadrants(pair, others, by_seed[:, :, :, 0], by_seed[:, :, :, 1])


def finding(made: xr.Dataset) -> str:
    """How many languages are in each quadrant, by gain and beyond the shuffled control."""
    sentences = []
    for form in made.form.values:
        for embedding in made.embedding.values:
            own = made.sel(form=form, embedding=embedding)
            gains, beyond = (_counted(own[name].values) for name in ("quadrant", "excess_quadrant"))
            sentences.append(f"{form}, {embedding}: {gains}; beyond shuffled answers {beyond}.")
    return " ".join(sentences)


def _counted(names: np.ndarray) -> str:
    measured = [str(name) for name in names if name != NOT_MEASURED]
    counts = {
        name: measured.count(name) for name in sorted(set(measured), key=lambda name: (-measured.count(name), name))
    }
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or NOT_MEASURED
