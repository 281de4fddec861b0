"""The strongest cell of a variable, as in `results.reading.ranking`: by the end of its interval nearer to zero."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from workbench.results.reading.ranking import ranking
from workbench.text.display.words import number

BY_LOWER_END = "by the lower end of its interval"
BY_UPPER_END = "by the upper end of its interval"
BY_NEARER_END = "by the end of its interval nearer to zero"
BY_VALUE = "by value; no interval is available"


@dataclass(frozen=True)
class Cell:
    """One cell of a variable.

    Attributes:
        at: its label on each axis.
        value: its number.
        low: lower end of its interval; NaN without one.
        high: upper end; NaN without one.
    """

    at: dict[str, Any]
    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether there is an interval and zero lies outside it."""
        return self.low > 0 or self.high < 0

    @property
    def measured(self) -> bool:
        """Whether there is an interval."""
        return bool(np.isfinite([self.low, self.high]).all())

    def interval(self, level: float = 0.95) -> str:
        """Such as: (95 % interval 0.08 to 0.12), after a space; empty without an interval."""
        return f" ({100 * level:g} % interval {number(self.low)} to {number(self.high)})" if self.measured else ""

    def last_ranked(self, how: str) -> str:
        """As `ranked`, at the end of a clause: without the second comma."""
        return self.ranked(how).removesuffix(",")

    def ranked(self, how: str) -> str:
        """`how` between commas, such as BY_LOWER_END; BY_VALUE in brackets without an interval."""
        return f", {how}," if self.measured else f" ({BY_VALUE})"


def strongest(values: xr.DataArray, low: xr.DataArray | None = None, high: xr.DataArray | None = None) -> Cell | None:
    """The cell whose whole interval lies furthest from zero; the largest absolute value where no cell has an interval.

    Args:
        values: numbers, any axes; NaN leaves a cell out.
        low: lower ends with the same axes in any order, or None.
        high: upper ends.

    Returns:
        The first of equal cells in the order of the axes; None if no cell has a value.
    """
    ends = {}
    if low is not None and high is not None:
        ends = {"low": low.transpose(*values.dims), "high": high.transpose(*values.dims)}
        cells = ranking(values, ends, most=1).cells
    if not ends or cells.empty:
        ends = {}
        cells = ranking(values, {"low": values, "high": values}, most=1).cells
    if cells.empty:
        return None
    row = cells.iloc[0]
    at = {str(dim): _plain(row[str(dim)]) for dim in values.dims}
    bounds = (float(row.low), float(row.high)) if ends else (np.nan, np.nan)
    return Cell(at, float(row[str(values.name)]), *bounds)


def ends(result: xr.Dataset, low: str = "low", high: str = "high") -> tuple[xr.DataArray | None, xr.DataArray | None]:
    """The two ends of an interval; None for both where the result has none."""
    return (result[low], result[high]) if {low, high} <= set(result.data_vars) else (None, None)


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label
