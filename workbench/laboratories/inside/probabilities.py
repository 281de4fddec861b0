"""Probabilities: of words at every state, and of concept and language after a state was patched."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from workbench.errors import BadResult
from workbench.laboratories.inside.variables import from_samples
from workbench.results.make import Variables

_PATCHED = {
    "patched_concept": ("concept", "probability of the source's concept after the state was patched [probability]"),
    "patched_language": ("language", "probability of the source's language after the state was patched [probability]"),
}


def lens(states: Sequence[xr.Dataset], *, level: float, seed: int) -> Variables:
    """The probability of each language's words at every state, in every condition.

    Args:
        states: what `look` returned of before, the recipe and the controls.
        level: of the intervals.
        seed: of the bootstrap over concepts.
    """
    samples = _samples(states, "lens", ("concept", "language", "state"))
    clusters = states[0].concept_cluster.transpose("concept", "language").values[..., None]
    about = "probability of the language's words where they are wanted [probability]"
    return from_samples("lens", samples, clusters, ("language", "state"), about, level=level, seed=seed)


def patched(states: Sequence[xr.Dataset], *, level: float, seed: int) -> Variables:
    """The probability of the source's concept, and of its language, after each state was patched.

    Args:
        states: what `look` returned of before, the recipe and the controls.
        level: of the intervals.
        seed: of the bootstrap over pairs of concepts.
    """
    variables: Variables = {}
    clusters = states[0].pair_cluster.values[:, None]
    for name, (answer, about) in _PATCHED.items():
        part = [state.sel(answer=answer) for state in states]
        samples = _samples(part, "patched", ("pair", "state"))
        variables |= from_samples(name, samples, clusters, ("state",), about, level=level, seed=seed)
    return variables


def _samples(states: Sequence[xr.Dataset], name: str, axes: tuple[str, ...]) -> np.ndarray:
    """A variable of every condition, [condition, *axes].

    Raises:
        BadResult: the conditions differ in shape.
    """
    values = [state[name].transpose(*axes).values for state in states]
    if len(shapes := {each.shape for each in values}) > 1:
        raise BadResult(f"{name} has the shapes {sorted(shapes)}; look at checkpoints of one model, with one word list")
    return np.stack(values)
