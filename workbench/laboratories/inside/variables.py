"""Variables of what changed inside: levels of every condition, and a recipe's excess over every control."""

from collections.abc import Sequence

import numpy as np

from workbench.results.bootstrap import ends_of_known_draws
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables
from workbench.results.statistics import corrected, interval, mean_of_known, p_value

DRAWS = 1000
RECIPE = 1  # place of the recipe among the conditions: before, recipe, controls


def from_draws(
    name: str,
    value: np.ndarray,
    drawn: np.ndarray,
    axes: tuple[str, ...],
    about: str,
    *,
    level: float,
) -> Variables:
    """A quantity of every condition and its excess over the controls, with bootstrap intervals.

    Args:
        name: of the quantity.
        value: [condition, *axes].
        drawn: the same of redrawn samples, the same draw for all conditions: [draw, condition, *axes].
        axes: beside the condition.
        about: what it is, with its unit.
        level: of the intervals.

    Returns:
        `name[condition, *axes]` and, where there are controls, `name_excess[control, *axes]`, with `low` and `high`.
        Draws are centred on the value: redrawn samples are noisier, so that a rank correlation, for one, is too low.
    """
    first = RECIPE + 1
    variables = _with_ends(name, ("condition", *axes), value, drawn, about, level)
    if len(value) > first:
        gap, gaps = value[RECIPE] - value[first:], drawn[:, RECIPE, None] - drawn[:, first:]
        variables |= _with_ends(f"{name}_excess", ("control", *axes), gap, gaps, _excess(about), level)
    return variables


def _with_ends(
    name: str, axes: tuple[str, ...], value: np.ndarray, drawn: np.ndarray, about: str, level: float
) -> Variables:
    bounds = ends_of_known_draws(drawn - mean_of_known(drawn) + value, level)
    return {name: (axes, value, about), **interval_ends(axes, bounds, about, level=level, name=name)}


def from_samples(
    name: str,
    samples: np.ndarray,
    clusters: np.ndarray,
    axes: tuple[str, ...],
    about: str,
    *,
    level: float,
    seed: int,
) -> Variables:
    """A mean over samples in every condition, its change, and its excess over the controls.

    Args:
        name: of the quantity.
        samples: the same samples in every condition, [condition, sample, *axes]; NaN where there is none.
        clusters: of repeated samples, broadcasting to [sample, *axes].
        axes: beside condition and sample.
        about: what it is, with its unit.
        level: of the intervals.
        seed: of the bootstrap.

    Returns:
        `name[condition, *axes]`, `name_change[condition, *axes]` after minus before, paired, and where there are
        controls `name_excess[control, *axes]`, recipe minus control, paired, with `low` and `high`; the excess also
        with `p_value`, of a t-test that it is 0, corrected over all cells.
    """
    change, excess = samples - samples[:1], samples[RECIPE] - samples[RECIPE + 1 :]
    parts: Sequence[tuple[str, str, np.ndarray, str]] = [
        (name, "condition", samples, about),
        (f"{name}_change", "condition", change, f"change since before of {about}"),
        (f"{name}_excess", "control", excess, _excess(about)),
    ]
    variables: Variables = {}
    for own, first, values, words in parts:
        if not len(values):
            continue
        dims = (first, *axes)
        mean = mean_of_known(np.moveaxis(values, 1, 0))
        bounds = interval(values, axis=1, level=level, seed=seed, clusters=clusters[None])
        variables |= {own: (dims, mean, words), **interval_ends(dims, bounds, words, level=level, name=own)}
        if first == "control":
            p = corrected(p_value(values, axis=1, clusters=clusters[None]))
            variables[f"{own}_p_value"] = (dims, p, "p-value that the excess is 0, corrected over all cells")
    return variables


def _excess(about: str) -> str:
    return f"recipe minus control: {about}"
