"""The table that a sweep fills: metric values per pair and cell, and the Result made from it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from torch import Tensor

from workbench.model.model import Model
from workbench.patching.engine.effects import LEVEL, normalise, without_difference
from workbench.patching.engine.pair_metric import PairMetric
from workbench.patching.engine.prompts import PairBatch, Prompts
from workbench.results.make import make_result


class Table:
    """Values [pair, layer, column] of the patched metric, and of the two runs of each pair; NaN until put."""

    def __init__(self, prompts: Prompts, pair_metric: PairMetric, layers: int, columns: int):
        self.prompts, self.metric, self.tokens = prompts, pair_metric.metric, pair_metric.tokens
        self.values = np.full((len(prompts), layers, columns), np.nan)
        self.source, self.target = np.full(len(prompts), np.nan), np.full(len(prompts), np.nan)
        self.finished = np.zeros(len(prompts), dtype=bool)
        self.begun: tuple[int, ...] = ()
        self.on_put: Callable[[], None] = lambda: None
        self._cells, self._rows, self._columns = 0, 1, 1

    @property
    def share(self) -> float:
        """Share of the table that is filled."""
        begun = len(self.begun) * self._cells / (self._rows * self._columns)
        return (int(self.finished.sum()) + begun) / len(self.prompts)

    def begin(
        self, batch: PairBatch, source: Tensor, target: Tensor, columns: int | None = None, rows: int | None = None
    ) -> None:
        """Start some pairs.

        Args:
            batch: the pairs.
            source: the metric of their source runs, [pair of the batch].
            target: that of their unpatched target runs.
            columns: how many columns they have; all of the table's when None.
            rows: how many rows.
        """
        pairs = list(batch.rows)
        self.begun, self._cells = batch.rows, 0
        self._rows, self._columns = rows or self.values.shape[1], columns or self.values.shape[2]
        self.source[pairs], self.target[pairs] = _array(source), _array(target)

    def put(self, layer: int, columns: Sequence[int], values: Tensor | None, changed: Tensor | None) -> None:
        """Enter cells of the pairs begun last.

        Args:
            layer: of all cells.
            columns: of the cells.
            values: the metric, [cell, pair of the batch]; None where nothing was run because nothing would change.
            changed: [cell, pair of the batch]; where False, the patch changes nothing and the target's value is used.
        """
        rows = list(self.begun)
        entered = np.broadcast_to(self.target[rows], (len(columns), len(rows)))
        if values is not None and changed is not None:
            entered = np.where(changed.cpu().numpy(), _array(values), entered)
        self.values[np.ix_(rows, [layer], list(columns))] = entered.T[:, None]
        self._cells += len(columns)
        self.on_put()

    def put_all(self, values: Tensor, first: int = 0) -> None:
        """Enter all cells of the pairs begun last, [pair of the batch, row, column], from the column `first` on."""
        self.values[list(self.begun), :, first:] = _array(values)
        self._cells = self._rows * self._columns
        self.on_put()

    def state(self) -> dict[str, np.ndarray]:
        """The arrays that batches of pairs fill in."""
        return {"values": self.values, "source": self.source, "target": self.target, "finished": self.finished}

    def end(self) -> None:
        """Mark the pairs begun last as finished."""
        self.finished[list(self.begun)] = True
        self.begun = ()

    def stopped(self, what: str = "layers") -> str:
        """What is finished, in words."""
        done = int(self.finished.sum())
        text = f"interrupted: {done} of {len(self.prompts)} pairs are finished"
        if self.begun:
            some = f"{self._cells // self._columns} of {self.values.shape[1]} {what}"
            text += f", and {some} of the next {len(self.begun)} pairs"
        return f"{text} ({int((~np.isnan(self.values)).sum())} cells); they are in .partial, NaN elsewhere"

    def result(
        self,
        model: Model,
        axes: tuple[str, ...],
        *,
        method: str,
        parameters: dict[str, Any],
        seed: int,
        coords: dict[str, Sequence[Any]] | None = None,
        inner: tuple[int, ...] | None = None,
    ) -> xr.Dataset:
        """The Result, with the layer and column axes so named; `inner`, the sizes of several axes of the columns.

        Means are over the finished pairs; when none is, over those of the first batch.
        """
        averaged = self.finished.copy()
        if not averaged.any():
            averaged[list(self.begun)] = True
        if not averaged.any():
            averaged[:] = True
        pairs = self.prompts.pairs
        effects = normalise(self.values, self.source, self.target, averaged, seed, pairs.clusters)
        name, unit = self.metric.name.replace("_", " "), self.metric.unit
        cells = {
            "effect": (effects.effect, "normalized patching effect: 0 the unpatched target run, 1 the source run"),
            "low": (effects.low, "lower end of the 95 % bootstrap interval of the effect over pairs"),
            "high": (effects.high, "upper end of the 95 % bootstrap interval of the effect over pairs"),
            "value": (effects.value, f"mean {name} of the patched run [{unit}]"),
        }
        each = {
            "pair_effect": (effects.pair_effect, "effect in each pair: 0 the unpatched target run, 1 the source run"),
            "pair_value": (self.values, f"{name} of the patched run [{unit}]"),
        }
        runs = {
            "source_value": (self.source, f"{name} of the source run [{unit}]"),
            "target_value": (self.target, f"{name} of the unpatched target run [{unit}]"),
        }
        shape = (self.values.shape[1], *(inner or self.values.shape[2:]))
        result = make_result(
            {
                **{key: (axes, values.reshape(shape), text) for key, (values, text) in cells.items()},
                **{key: (("pair", *axes), values.reshape(-1, *shape), text) for key, (values, text) in each.items()},
                **{key: (("pair",), values, text) for key, (values, text) in runs.items()},
            },
            coords or {},
            method=method,
            owners={"effect": ["low", "high"]},
            score="effect",
            parameters={**parameters, "metric": self.metric.name, "tokens": self.tokens, "level": LEVEL},
            model=model.info,
            corpus=pairs.info,
            seed=seed,
            attrs={
                "metric": self.metric.name,
                "pairs_averaged": int(averaged.sum()) if self.finished.any() or self.begun else 0,
                **pairs.distinct_count("pairs_distinct"),
                "pairs_without_difference": without_difference(self.source, self.target),
            },
        )
        names = [pair.name for pair in pairs]
        return result.assign_coords(pair_name=("pair", np.array(names, dtype=object))) if any(names) else result


def _array(values: Tensor) -> np.ndarray:
    return values.detach().double().cpu().numpy()
