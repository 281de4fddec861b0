"""Stages: the parts into which the layers of a model fall by the classes of their neurons (arXiv 2505.21505)."""

import numpy as np
import xarray as xr

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument, BadResult
from workbench.neurons.segments import fit
from workbench.results.interval_ends import interval_ends
from workbench.results.make import make_result, origin

CURVES = ("specific", "related", "general")
NAMES = ("understanding", "reasoning", "output", "vocabulary")
_MOST = 6  # parts that are compared
_ALPHA = 0.05


@checked
def stages(
    ternary: xr.Dataset,
    *,
    parts: int = 4,
    resamples: int = 1000,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Fit the stages of a model to the classes of its neurons, layer by layer.

    The curves are the shares of specific, related and general neurons in each layer, each divided by its standard
    deviation over the layers so that all three count alike (a curve without spread counts nothing). The fit is
    piecewise constant with the boundaries of the least squared error, exactly, by dynamic programming.

    The paper reads four parts off a plot: understanding, shared reasoning, output transformation, vocabulary output.
    Here 1 to 6 parts are compared. For each number: the residuals of its fit are
    shuffled over the layers and added to it again, and the p-value is the share of shuffles in which more parts gain
    as much (the largest F of any larger number) as they do on the curves.

    Args:
        ternary: what `ternary` returned.
        parts: how many parts to report.
        resamples: bootstrap draws, and shuffles of the layers.
        progress: nothing here takes long enough; taken for symmetry.
        batch_size: nothing is run; taken for symmetry.

    Returns:
        `boundary[stage]`, the first layer of each part, with `low` and `high`, its bootstrap interval over neurons
        (drawn again within each layer, classes as they are); `agrees[stage]`, whether the part's mean shares compare
        with its neighbours' as the paper describes (four parts only); `share[kind, layer]`, and `fitted[kind, layer]`;
        `stage_of[layer]`. For 1 to 6 `parts`: `unexplained[parts]`, the squared error as a share of that with one part;
        `p_value[parts]`, that this many parts suffice; NaN where there are too few layers, or nothing left to explain.
        Attributes `best_parts`, the smallest number that the test does not reject at 0.05, and `supported`: 1 where
        that is `parts` or more, else 0: then `parts` explain no better than fewer, and their boundaries mean nothing.

    Raises:
        BadResult: not a Result of `ternary`.
        BadArgument: fewer layers than parts, or an option out of range.

    Source:
        arXiv 2505.21505, section 4, where the parts are read by eye; the fit, its intervals and its test are ours.

    Example:
        >>> fitted = stages(wb.neurons.ternary(counts))                                           # doctest: +SKIP
        >>> fitted.boundary.to_series(), fitted.attrs["supported"]                               # doctest: +SKIP
    """
    kind = _kinds(ternary)
    layers, neurons = kind.shape
    whole_number("parts", parts, at_least=1)
    whole_number("resamples", resamples, at_least=1)
    if layers < parts:
        raise BadArgument(f"{parts} parts need at least {parts} layers, this model has {layers}; choose fewer parts")
    counts = np.stack([(kind == name).sum(1) for name in CURVES])  # [curve, layer]
    share = counts / neurons
    spread = share.std(1, keepdims=True)
    scale = np.divide(1, spread, out=np.zeros(spread.shape), where=spread > 0)
    most = min(max(_MOST, parts), layers)
    error, starts = fit(share * scale, most)
    own = starts[parts - 1, :parts]
    generator = np.random.default_rng(seed)
    bounds = _bounds(counts, neurons, scale, parts, resamples, level, generator)
    labels = NAMES if parts == len(NAMES) else tuple(f"part {i + 1}" for i in range(parts))
    part_of = np.searchsorted(own, np.arange(layers), side="right") - 1
    fitted = np.stack([share[:, part_of == i].mean(1) for i in range(parts)], 1)  # [curve, part]
    p_values = _p_values(share * scale, error, starts, resamples, generator)
    best = int(np.argmin(p_values <= _ALPHA)) + 1  # NaN is not below, so one always qualifies
    made = origin(ternary)
    return make_result(
        {
            "boundary": (("stage",), own, "first layer of the part [layers]"),
            **interval_ends(("stage",), bounds, "the boundary over neurons [layers]", level=level),
            "agrees": (("stage",), _agrees(fitted), "mean shares compare with the other parts' as the paper describes"),
            "share": (("kind", "layer"), share, "share of the layer's neurons"),
            "fitted": (("kind", "layer"), fitted[:, part_of], "mean share over the part"),
            "stage_of": (("layer",), np.array(labels)[part_of], "part of the layer"),
            "unexplained": (("parts",), error / error[0] if error[0] > 0 else 0 * error, "share of the squared error"),
            "p_value": (("parts",), p_values, "p-value that this many parts suffice"),
        },
        {
            "stage": list(labels),
            "kind": list(CURVES),
            "layer": ternary["layer"].to_numpy().tolist(),
            "parts": list(range(1, most + 1)),
        },
        method="neurons.stages",
        owners={"boundary": ["low", "high"], "unexplained": ["p_value"]},
        parameters={"parts": parts, "resamples": resamples, "level": level, "ternary": made.get("parameters")},
        model=made.get("model"),
        corpus=made.get("corpus"),
        seed=seed,
        attrs={"best_parts": best, "supported": int(best >= parts)},
    )


def _kinds(ternary: xr.Dataset) -> np.ndarray:
    if not isinstance(ternary, xr.Dataset) or "kind" not in ternary or set(ternary.kind.dims) != {"layer", "neuron"}:
        raise BadResult("stages are read from kind[layer, neuron], which `wb.neurons.ternary` returns")
    return ternary.kind.transpose("layer", "neuron").values


def _bounds(
    counts: np.ndarray,
    neurons: int,
    scale: np.ndarray,
    parts: int,
    resamples: int,
    level: float,
    generator: np.random.Generator,
) -> np.ndarray:
    """Bootstrap interval of the first layer of each part; neurons of a layer are drawn again with their classes."""
    chances = np.vstack([counts, neurons - counts.sum(0)]).T / neurons  # [layer, class]
    drawn = generator.multinomial(neurons, chances, size=(resamples, len(chances)))[..., :-1]  # [draw, layer, curve]
    _, starts = fit(drawn.swapaxes(1, 2) / neurons * scale, parts)
    return np.quantile(starts[:, parts - 1], ((1 - level) / 2, (1 + level) / 2), axis=0, method="inverted_cdf")


def _p_values(
    curves: np.ndarray, error: np.ndarray, starts: np.ndarray, draws: int, generator: np.random.Generator
) -> np.ndarray:
    """P-value that 1, 2 ... parts suffice, [parts]: the fit's residuals are shuffled over the layers and fitted again.

    NaN where nothing is left to explain, or too few layers to explain it.
    """
    layers, p_values = curves.shape[1], np.full(len(error), np.nan)
    for parts in range(1, min(len(error), layers - 1)):
        if error[parts - 1] <= 1e-12 * curves.size:
            break
        place = np.searchsorted(starts[parts - 1, :parts], np.arange(layers), side="right") - 1
        flat = np.stack([curves[:, place == i].mean(1) for i in range(parts)], 1)[:, place]
        orders = np.argsort(generator.random((draws, layers)), axis=1)
        others, _ = fit(flat + (curves - flat)[:, orders].swapaxes(0, 1), len(error))
        gain = _gain(error, parts, layers)
        p_values[parts - 1] = (1 + (_gain(others, parts, layers) >= gain - 1e-9 * abs(gain)).sum()) / (1 + draws)
    return p_values


def _gain(error: np.ndarray, parts: int, layers: int) -> np.ndarray:
    """The largest F of any larger number of parts against this one, [...]."""
    tiny = 1e-12 * (1 + error[..., :1])
    more = np.arange(parts + 1, min(error.shape[-1], layers - 1) + 1)
    lost = error[..., parts - 1, None] - error[..., more - 1]
    per_value = (error[..., more - 1] + tiny) / (len(CURVES) * (layers - more))
    return (lost / (len(CURVES) * (more - parts)) / per_value).max(-1)


def _agrees(fitted: np.ndarray) -> np.ndarray:
    """Whether each of four parts compares with the others as the paper says; all False for another number of parts."""
    if fitted.shape[1] != len(NAMES):
        return np.zeros(fitted.shape[1], dtype=bool)
    languages, general = fitted[0] + fitted[1], fitted[2]
    return np.array(
        [
            languages[0] > languages[1],  # a first peak of specific and related neurons
            general[1] > max(general[0], general[2]),  # general neurons dominate between the two
            languages[2] > languages[1] and general[2] < general[[0, 1, 3]].min(),  # a second peak; general lowest
            general[3] > general[:3].max(),  # general highest
        ]
    )
