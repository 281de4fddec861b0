"""The window of neighbouring layers with the highest score that fits a share of the parameters."""

import numpy as np
import xarray as xr

from workbench.arguments import checked, finite
from workbench.errors import BadArgument, BadResult
from workbench.results.make import make_result, origin

_NEAR = 1e-9  # relative difference of scores that are equal


@checked
def choose_layers(score: xr.Dataset, parameters: float = 0.14) -> xr.Dataset:
    """Choose the best window of neighbouring layers that fits a share of the model's parameters.

    Of all windows that fit, those with the most layers compete, and the highest mean score wins; among equal ones, the
    lowest in the model, which is stated.

    Args:
        score: `score[layer]` and `share[layer]`, as `layer_score` gives them; higher is better.
        parameters: largest share of the model's parameters, above 0 and at most 1.

    Returns:
        `chosen[layer]`, whether the layer is in the best window. For each competing window, named by its first layer:
        `window_score[window]`, the mean over its layers, and `window_share[window]`, its share of the parameters.
        Attributes: `first` and `last`, the chosen layers' ends; `size`, their number; `tied`, 1 where another window
        has the same score.

    Raises:
        BadResult: `score` or `share` is missing, or is not finite.
        BadArgument: not even one layer fits, or the share is out of range.

    Source:
        PLAST (arXiv 2508.18381) trains about 14 % of the parameters, in shallow layers; the rule is ours.

    Example:
        >>> choice = choose_layers(layer_score(counts, classes, model=model))                    # doctest: +SKIP
        >>> list(range(choice.attrs["first"], choice.attrs["last"] + 1))                         # doctest: +SKIP
    """
    finite("parameters", parameters, above=0, at_most=1)
    scores, shares = (_values(score, name) for name in ("score", "share"))
    starts, size = windows(shares, parameters)
    means = np.array([scores[start : start + size].mean() for start in starts])
    near = _NEAR * max(1e-300, float(np.abs(scores).max()))
    best = np.flatnonzero(means >= means.max() - near)
    first = int(starts[best[0]])
    layers = np.arange(len(scores))
    made = origin(score)
    return make_result(
        {
            "chosen": (("layer",), (layers >= first) & (layers < first + size), "in the best window"),
            "window_score": (("window",), means, "mean score of the layers that begin here"),
            "window_share": (
                ("window",),
                np.array([shares[start : start + size].sum() for start in starts]),
                "share of the model's parameters",
            ),
        },
        {"layer": score["layer"].to_numpy().tolist(), "window": starts},
        method="laboratories.choose_layers",
        parameters={"parameters": parameters, "score": made.get("parameters")},
        model=made.get("model"),
        corpus=made.get("corpus"),
        attrs={"first": first, "last": first + size - 1, "size": size, "tied": int(len(best) > 1)},
    )


def chosen_layers(choice: xr.Dataset) -> list[int]:
    """The numbers of the layers that `choose_layers` chose."""
    return list(range(int(choice.attrs["first"]), int(choice.attrs["last"]) + 1))


def windows(shares: np.ndarray, parameters: float) -> tuple[list[int], int]:
    """The first layers of all windows that fit and have the most layers, and that number.

    Args:
        shares: of the layers, [layer].
        parameters: the largest sum of them.

    Raises:
        BadArgument: none fits.
    """
    for size in range(len(shares), 0, -1):
        sums = np.convolve(shares, np.ones(size), mode="valid")
        starts = np.flatnonzero(sums <= parameters + _NEAR).tolist()
        if starts:
            return starts, size
    raise BadArgument(
        f"parameters={parameters:g}; the smallest layer has {float(shares.min()):.3g} of the model's parameters: give "
        "at least that"
    )


def _values(score: xr.Dataset, name: str) -> np.ndarray:
    if name not in score or score[name].dims != ("layer",) or not score[name].size:
        raise BadResult(
            f"layers are chosen by score[layer] and share[layer], which layer_score returns; {name} is missing"
        )
    values = score[name].to_numpy().astype(float)
    if not np.isfinite(values).all():
        raise BadResult(f"{name} is not finite in layers {np.flatnonzero(~np.isfinite(values)).tolist()}")
    return values
