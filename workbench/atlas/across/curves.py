"""Curves over relative depth, one for each model, with their intervals."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from workbench.arguments import checked, one_of, whole_number
from workbench.atlas.across.depths import grid_weights
from workbench.atlas.across.evidence import Draws
from workbench.atlas.across.reading import check_results, required
from workbench.atlas.across.rows import QUANTITIES, Rows, rows_of
from workbench.results.bootstrap import ends_of_draws, weights
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result, origin

_AXES = ("model", "depth")


@checked
def depth_curves(
    results: Mapping[str, Mapping[str, xr.Dataset]],
    what: str,
    *,
    points: int = 21,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> xr.Dataset:
    """Bring a quantity of several models onto one scale of depth, from 0 at the first layer to 1 at the last.

    - "neurons": share of a language's LAPE neurons in the layer times the number of layers, so that 1 is an even
      spread; mean over languages that have such neurons.
    - "heads": rise of the loss without a head, mean over heads and languages, divided by the mean over all layers.
    - "lens": probability of the target language's word, and as `shown` of the shown one's; mean over the prompts of all
      routes.
    - "concept": probability of the source's concept in either language when the last token's state is the source's;
      mean over the pairs of all routes.

    Intervals draw languages, or concepts, again.
    Between layers, curves are straight lines. Lens and concepts have a state more than the model has layers: theirs
    is the depth of states, 0 the embedding and 1 after the last layer.

    Args:
        results: as in `claims`; each model needs `neurons/lape`, `heads/ablation`, some `lens-*/lens` or some
            `concepts-*/last`.
        what: "neurons", "heads", "lens" or "concept".
        points: depths of the grid.
        resamples: bootstrap draws.

    Returns:
        `value[model, depth]` with its bootstrap interval `value_low` and `value_high`; with `lens` also `shown`. NaN
        where a model has no such neurons, or where removing its heads does not raise the loss in the mean; an interval
        is NaN with fewer than two languages or concepts.

    Raises:
        BadArgument: unknown `what`, no models, or a model without the results that it needs; names the model.
        BadResult: a result is of another kind than its name says, has one layer, or does not record its languages.

    Example:
        >>> curves = depth_curves({"polyglot": {"neurons/lape": wb.neurons.lape(counts)}}, "neurons")  # doctest: +SKIP
        >>> wb.figures.curves(curves, "value")                                                  # doctest: +SKIP
    """
    quantity = QUANTITIES[one_of("what", what, QUANTITIES)]
    whole_number("points", points, at_least=2)
    whole_number("resamples", resamples, at_least=1)
    check_results(results)
    read = {model: required(results, model, quantity.needs) for model in results}
    grid, draws = np.linspace(0, 1, points), Draws(level, resamples, seed)
    rows = {model: rows_of(quantity, own) for model, own in read.items()}
    variables: Variables = {}
    for name, text in quantity.texts.items():
        values = np.stack(
            [_curve(own[name], grid, draws) for own in rows.values()], 1
        )  # [value low high, model, depth]
        variables[name] = (_AXES, values[0], text)
        variables |= interval_ends(_AXES, values[1:], text, level=level, name=name)
    sources = {model: {name: _source(result) for name, result in own.items()} for model, own in read.items()}
    result = make_result(
        variables,
        {"model": list(results), "depth": np.round(grid, 3).tolist()},
        method="atlas.depth_curves",
        parameters={"what": what, "points": points, "level": level, "resamples": resamples, "results": sources},
        seed=seed,
    )
    result.depth.attrs["long_name"] = "depth (0 the first layer, 1 the last)"
    for name in quantity.texts:
        result[name].attrs["question"] = quantity.question
    return result


def _curve(rows: Rows, grid: np.ndarray, draws: Draws) -> np.ndarray:
    """The mean curve on the grid and the ends of its interval, [value low high, depth]."""
    known = ~np.isnan(rows.values).any(1)
    values, clusters = rows.values[known], rows.clusters[known]
    to_grid = grid_weights(rows.values.shape[1], grid)

    def mean(weight: np.ndarray) -> np.ndarray:
        by_layer = weight @ values
        if rows.relative:
            whole = by_layer.mean(-1, keepdims=True)
            with np.errstate(invalid="ignore", divide="ignore"):
                by_layer = np.where(whole > 0, by_layer / whole, np.nan)
        return by_layer @ to_grid

    curve = np.full((3, len(grid)), np.nan)
    if len(values):
        curve[0] = mean(np.full(len(values), 1 / len(values)))
    if len(np.unique(clusters)) > 1:
        curve[1:] = ends_of_draws(mean(weights(clusters, draws.resamples, draws.seed)), draws.level)
    return curve


def _source(result: xr.Dataset) -> dict[str, str | None]:
    """Where a result came from: its method, and the hash of its model."""
    made = origin(result)
    return {"method": made.get("method"), "model": (made.get("model") or {}).get("hash")}
