"""Which control a result has: random groups, shuffled classes, or none."""

import numpy as np
import xarray as xr

from workbench.neurons.counts.rates import unit_of
from workbench.results.make import provenance
from workbench.text.display.words import number, several

_SAMPLES = ("pair", "sample", "concept")


def control(result: xr.Dataset) -> str:
    """Say which control a result holds, or that it holds none, and what its intervals and p-values are over."""
    given = provenance(result).get("parameters", {})
    if {"control_mean", "control_low", "control_high"} <= set(result.data_vars):
        if not np.isfinite(result.control_mean.values).any():
            return "No random groups were measured."
        many = f"{given['controls']} random groups" if given.get("controls") else "Random groups"
        return f"{many} of the same size and layers were measured for each group."
    if "control" in result.data_vars:
        return "Each number has a control: the same patch with the states of other concepts, drawn at random."
    over = _over(result)
    if "p_value" in result.data_vars:
        return (
            f"No random or shuffled control was measured; chance enters through intervals{over} and "
            "through p-values that are corrected for the number of cells."
        )
    if any(name == "low" or name.endswith("_low") for name in map(str, result.data_vars)):
        return f"No random or shuffled control was measured; the numbers have intervals{over}."
    return "No random or shuffled control was measured, and the numbers have no intervals."


def _over(result: xr.Dataset) -> str:
    """What intervals are over: the axis of samples, the texts of an analysis of heads; empty where it is unclear."""
    axis = next((axis for axis in _SAMPLES if axis in result.dims), "")
    if axis == "sample" or (not axis and str(result.attrs.get("method", "")).startswith("heads.")):
        return " over texts"
    return f" over {axis}s" if axis else ""


def roles(result: xr.Dataset) -> str:
    """How many heads would serve one language, several or many, were each language's heads drawn at random.

    Reads `member[language, layer, head]`. Each language keeps its number of heads; the numbers are expected ones.
    """
    chances = roles_by_chance(result)
    needed = int(result.attrs["shared_by"])
    return (
        f"Were as many heads drawn at random for each language, {number(chances[1])} would stand out for one language, "
        f"{several(number(chances[2:needed].sum()), needed)}{number(chances[needed:].sum())} for {needed} or more and "
        f"{number(chances[0])} for none (expected numbers)."
    )


def roles_by_chance(result: xr.Dataset) -> np.ndarray:
    """Expected number of heads that serve exactly k languages, were each language's heads drawn at random: `[k]`."""
    member = result.member.transpose("language", ...).values.reshape(result.sizes["language"], -1)
    return by_chance(member.sum(1), member.shape[1]) * member.shape[1]


def by_chance(sizes: np.ndarray, total: int) -> np.ndarray:
    """Chance that one of `total` items is in exactly k of several random sets of these sizes: `[k]`."""
    chances = np.ones(1)
    for size in sizes:
        chances = np.convolve(chances, [1 - size / total, size / total])
    return chances


def beforehand(result: xr.Dataset) -> str:
    """That the number of selected neurons or features is set, not measured. Reads `selected`, and the share of it."""
    chosen, of = int(result.selected.sum()), result.selected.size
    return (
        f"No random or shuffled control was measured. How many {unit_of(result)}s are selected is set beforehand for "
        f"any model, by the share {number(provenance(result)['parameters']['top_rate'])}: here {chosen:,} of {of:,}."
    )


def overlap(first: xr.DataArray, second: xr.DataArray) -> str:
    """How many items two selections of these sizes would share, were they drawn at random."""
    shared = float(first.sum()) * float(second.sum()) / first.size
    return f"Two random selections of these sizes would share {number(shared)} (expected number)."
