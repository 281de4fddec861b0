"""Firing counts of any origin, checked once and turned into firing rates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from workbench.errors import BadCounts, BadResult, TooFewLanguages, warn
from workbench.results.make import make_result, provenance
from workbench.results.scores import listed, lowest_first

_CELLS = ("language", "layer", "neuron")
AXES = {
    "fired": _CELLS,
    "tokens": ("language",),
    "total": _CELLS,
    "squares": _CELLS,
    "sketch": ("language", "bin", "layer", "neuron"),
    "texts": ("language",),
    "texts_fired": _CELLS,
}
"""What counts may hold, each also of prefixes, as `prefix_fired` ...; and its axes, `neuron` being `feature` for those
of a transcoder."""


def unit_of(firing: xr.Dataset) -> str:
    """What the counts count: neurons, or features of a transcoder."""
    return "feature" if "feature" in firing.dims else "neuron"


def axes(name: str, unit: str) -> tuple[str, ...]:
    """The axes of a variable of counts of such units."""
    return tuple(unit if axis == "neuron" else axis for axis in AXES[name.removeprefix("prefix_")])


@dataclass(frozen=True)
class Rates:
    """How often each neuron fires in each language.

    Attributes:
        rate: [language, layer * neuron] float64, firings per token; the second axis runs through layer 0 first.
        shape: (layers, neurons per layer).
        coords: the coordinates that the counts carried, for the Result.
        unit: what fires: neuron, or feature.
        above_one: how many differences exceeded the number of response tokens (left as they are).
        provenance: what the counts say about their origin; None where they say nothing.
    """

    rate: np.ndarray
    shape: tuple[int, int]
    coords: dict[str, list]
    unit: str
    above_one: int
    provenance: dict[str, Any] | None

    def result(
        self,
        variables: Mapping[str, tuple[np.ndarray, str]],
        *,
        method: str,
        score: str,
        parameters: Mapping[str, Any],
        attrs: Mapping[str, str | int | float],
    ) -> xr.Dataset:
        """The Result of variables, values [language, layer * neuron] or [layer * neuron] with a description.

        The neurons of lowest `score` are the strongest.
        """
        made, cells = self.provenance or {}, axes("fired", self.unit)
        shaped = {
            name: (
                cells[-1 - values.ndim :],
                values.reshape(*values.shape[:-1], *self.shape),
                about.replace("neuron", self.unit),
            )
            for name, (values, about) in variables.items()
        }
        result = make_result(
            shaped,
            self.coords,
            method=method,
            score=score,
            parameters={**parameters, "firing": self.provenance},
            model=made.get("model"),
            corpus=made.get("corpus"),
            attrs=attrs,
        )
        return lowest_first(result)


def read_rates(firing: xr.Dataset, *, prefix: bool) -> Rates:
    """Check counts and divide them: p_k(l, n) = firings / tokens of language k.

    Args:
        firing: `fired` [language, layer, neuron] counts and `tokens` [language]; dimensions in any order; `feature` may
            stand for `neuron`. Beside them both or neither of `prefix_fired` and `prefix_tokens`, the share of those
            counts that the prompts made.
        prefix: subtract the prefix counts where there are any.

    Raises:
        BadCounts: a variable or axis is missing; counts are NaN, negative, not whole, or larger than the tokens; a
            prefix has more of them than the whole text; a language has no tokens, or none after its prefix.
        TooFewLanguages: fewer than two languages.
    """
    arrays, languages = read_counts(firing)
    if len(languages) < 2:
        raise TooFewLanguages(f"comparing languages needs at least two; the counts have {len(languages)}: {languages}")
    unit = unit_of(firing)
    fired, tokens = arrays["fired"], arrays["tokens"].astype(np.float64)
    rate = fired.astype(np.float64).reshape(len(languages), -1)
    above_one = 0
    if prefix and "prefix_fired" in arrays:
        rate -= arrays["prefix_fired"].reshape(rate.shape)
        tokens -= arrays["prefix_tokens"]
        for language, left in zip(languages, tokens, strict=True):
            if left <= 0:
                raise BadCounts(f"language {language!r} has no response tokens: prefix_tokens must be less than tokens")
        above_one = int((rate > tokens[:, None]).sum())
        if above_one:
            warn(
                f"{above_one} of {rate.size} {unit}s fired more often than there are response tokens; their rate "
                "exceeds 1"
            )
    rate /= tokens[:, None]
    coords = {axis: firing[axis].to_numpy().tolist() for axis in axes("fired", unit) if axis in firing.coords}
    return Rates(
        rate=rate,
        shape=(fired.shape[1], fired.shape[2]),
        coords=coords,
        unit=unit,
        above_one=above_one,
        provenance=_origin(firing),
    )


def read_counts(firing: xr.Dataset, *, empty: bool = False) -> tuple[dict[str, np.ndarray], list]:
    """Check counts, those of prefixes among them: variable to numbers in the order of `fired`'s axes, and languages.

    Args:
        firing: as in `read_rates`.
        empty: take languages of which no token was counted yet.

    Raises:
        BadCounts: as in `read_rates`.
    """
    variables = _variables(firing)
    languages = _labels(firing)
    arrays = {name: _whole(name, variable, languages) for name, variable in variables.items()}
    for fired, tokens in (("fired", "tokens"), ("prefix_fired", "prefix_tokens")):
        if fired in arrays:
            _check_totals(fired, arrays[fired], tokens, arrays[tokens], languages, empty)
    if "prefix_fired" in arrays:
        for name in ("tokens", "fired"):
            _check_parts(name, arrays[name], arrays[f"prefix_{name}"], languages)
    return arrays, languages


def _origin(firing: xr.Dataset) -> dict[str, Any] | None:
    """Return where counts come from: our own record, or other text that takes its place."""
    if "provenance" not in firing.attrs:
        return None
    try:
        return provenance(firing)
    except BadResult:
        return {"text": str(firing.attrs["provenance"])}


def _variables(firing: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return the count variables with their axes in order."""
    has = listed(firing)
    wanted = ["fired", "tokens"]
    if "prefix_fired" in firing or "prefix_tokens" in firing:
        wanted += ["prefix_fired", "prefix_tokens"]
    variables = {}
    for name in wanted:
        wanted_axes = axes(name, unit_of(firing))
        dims = ", ".join(wanted_axes)
        if name not in firing:
            raise BadCounts(f"counts need {name}[{dims}]; this Dataset has {has}")
        if set(firing[name].dims) != set(wanted_axes):
            raise BadCounts(f"{name} needs the axes [{dims}]; this Dataset has {has}")
        if firing[name].size == 0:
            raise BadCounts(f"{name} is empty: its shape is {firing[name].shape}; every axis needs at least one entry")
        variables[name] = firing[name].transpose(*wanted_axes)
    return variables


def _labels(firing: xr.Dataset) -> list:
    """Return the language labels, which must differ; positions where there are none."""
    labels = firing["language"].to_numpy().tolist()
    twice = sorted({str(label) for label in labels if labels.count(label) > 1})
    if twice:
        raise BadCounts(f"in counts each language occurs once; more than once: {', '.join(twice)}")
    return labels


def _whole(name: str, variable: xr.DataArray, languages: list) -> np.ndarray:
    """Return the numbers of a variable, once they are finite, whole and not negative."""
    values = variable.to_numpy()
    if values.dtype.kind not in "iuf":
        raise BadCounts(f"{name} must hold whole numbers, not {values.dtype}")
    flat = values.reshape(len(languages), -1)
    wrong = [("negative", flat < 0)] if values.dtype.kind != "u" else []
    if values.dtype.kind == "f":
        wrong.insert(0, ("NaN or infinite", ~np.isfinite(flat)))
        wrong.append(("not whole", flat != np.floor(flat)))
    for what, where in wrong:
        rows = np.any(where, axis=1)
        if rows.any():
            at = ", ".join(str(language) for language, bad in zip(languages, rows, strict=True) if bad)
            raise BadCounts(f"{name} is {what} in {int(where.sum())} of {flat.size} entries (languages: {at})")
    return values


def _check_totals(
    fired_name: str, fired: np.ndarray, tokens_name: str, tokens: np.ndarray, languages: list, empty: bool
) -> None:
    """A neuron fires at most once a token, and every language was read."""
    most = fired.reshape(len(languages), -1).max(axis=1)
    for language, firings, total in zip(languages, most, tokens, strict=True):
        if total == 0 and tokens_name == "tokens" and not empty:
            raise BadCounts(f"tokens is 0 for language {language!r}: leave the language out")
        if firings > total:
            raise BadCounts(
                f"{fired_name} reaches {int(firings)} for language {language!r}, but {tokens_name} is {int(total)}: "
                "a neuron fires at most once a token"
            )


def _check_parts(name: str, whole: np.ndarray, prefix: np.ndarray, languages: list) -> None:
    """A prefix is a part of its text: what is left of the count is not negative."""
    more = (prefix > whole).reshape(len(languages), -1)
    if more.any():
        at = ", ".join(str(language) for language, bad in zip(languages, more, strict=True) if bad.any())
        raise BadCounts(
            f"prefix_{name} exceeds {name} in {int(more.sum())} of {more.size} entries (languages: {at}), so that "
            "responses count less than 0; tokenize each text as a whole and divide its tokens, as firing(prefix=) does"
        )
