"""Numbers of a curve: rates of each cell, and of the cell that half of the prompts choose, on the other half."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from einops import rearrange

from workbench.errors import BadArgument
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables
from workbench.steering.curves.cells import DIRECTION, Axes, Cell
from workbench.steering.responses.rates import RATES, difference_ends, intervals, means

_CELL = ("setting", "layer", "strength")


@dataclass(frozen=True)
class Table:
    """Judged responses.

    Attributes:
        scores: success, relevance and copies, [3, setting, layer, strength, prompt].
        texts: what was written, [setting, layer, strength, prompt].
        clusters: equal prompts have the same number, [prompt] int.
    """

    scores: np.ndarray
    texts: np.ndarray
    clusters: np.ndarray

    @classmethod
    def of(
        cls,
        axes: Axes,
        cells: Sequence[Cell],
        scores: np.ndarray,
        written: Sequence[np.ndarray],
        clusters: np.ndarray,
    ) -> "Table":
        """From scores [3, cell, prompt]; a cell without a layer or strength is repeated along that axis."""
        shape = (len(axes.settings), len(axes.layers), len(axes.strengths), len(clusters))
        table = cls(np.zeros((3, *shape)), np.full(shape, "", dtype=object), clusters)
        for number, cell in enumerate(cells):
            place = tuple(slice(None) if i is None else slice(i, i + 1) for i in (cell.layer, cell.strength))
            setting = axes.settings.index(cell.setting)
            table.scores[(slice(None), setting, *place)] = scores[:, number, None, None]
            table.texts[(setting, *place)] = written[number]
        return table


def halves(clusters: np.ndarray, seed: int) -> np.ndarray:
    """Which prompts choose, [prompt] bool: a random half of the distinct ones, the smaller where they are odd.

    Raises:
        BadArgument: fewer than four distinct prompts.
    """
    count = len(np.unique(clusters))
    if count < 4:
        raise BadArgument(f"{count} different prompts are too few to choose on some and score on others; give four")
    return np.isin(clusters, np.random.default_rng(seed).permutation(count)[: count // 2])


def curve_variables(table: Table, level: float, seed: int) -> Variables:
    """The rates of each cell with their intervals, and what they are made of."""
    rows = np.moveaxis(table.scores[:2], 0, -2)
    value, low, high = intervals(rows, table.clusters, level, seed)
    variables: Variables = {}
    for number, (name, words) in enumerate(RATES.items()):
        bounds = low[..., number], high[..., number]
        variables[name] = (_CELL, value[..., number], words)
        variables |= interval_ends(_CELL, bounds, name, level=level, name=name)
    each = (*_CELL, "prompt")
    return {
        **variables,
        "copied": (_CELL, table.scores[2].mean(-1), "share of responses that repeat their prompt"),
        "succeeded": (each, table.scores[0] > 0, "identified as the target language"),
        "relevant": (each, table.scores[1], "relevance to the prompt"),
        "text": (each, table.texts, "what the model wrote"),
    }


def chosen_variables(table: Table, axes: Axes, half: np.ndarray, level: float, seed: int) -> Variables:
    """The cell of each setting that one half of the prompts chooses, and its rates on the other half."""
    rows = np.moveaxis(table.scores[:2], 0, -2)  # [setting, layer, strength, 2, prompt]
    by_strength = np.argsort(axes.strengths, kind="stable")
    choosing = means(rows[..., half], table.clusters[half], seed)[0][..., -1][:, :, by_strength]
    # Of equal cells the weakest, then the lowest layer: so strengths come first.
    first = rearrange(choosing, "setting layer strength -> setting (strength layer)").argmax(1)
    strength, layer = by_strength[first // len(axes.layers)], first % len(axes.layers)
    own = rows[np.arange(len(rows)), layer, strength][..., ~half]  # [setting, 2, prompt]
    clusters = table.clusters[~half]
    value, low, high = intervals(own, clusters, level, seed)
    drawn = means(own, clusters, seed)[1][..., -1]
    main = axes.settings.index(DIRECTION)
    rates = value[:, -1], low[:, -1], high[:, -1]
    direction = value[main, -1], low[main, -1], high[main, -1]
    bounds = difference_ends(drawn[:, main, None] - drawn, direction, rates, level)
    bounds[0][main] = bounds[1][main] = 0.0  # from itself
    axis = ("setting",)
    variables: Variables = {
        "chosen_layer": (axis, np.array(axes.layers)[layer], "layer that half of the prompts choose"),
        "chosen_strength": (axis, np.array(axes.strengths)[strength], "strength that half of the prompts choose"),
    }
    for number, name in enumerate(RATES):
        words = f"{name} at the chosen layer and strength, on the other half of the prompts"
        variables[f"held_out_{name}"] = (axis, value[:, number], words)
        variables |= interval_ends(axis, (low[:, number], high[:, number]), words, level=level, name=f"held_out_{name}")
    words = "held-out harmonic mean of the direction less that of the setting"
    variables["advantage"] = (axis, value[main, -1] - value[:, -1], words)
    variables |= interval_ends(axis, bounds, words, level=level, name="advantage")
    variables["chooses"] = (("prompt",), half, "whether the prompt is in the half that chooses")
    return variables
