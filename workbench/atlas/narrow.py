"""Results as the atlas stores them: float32, and without the sentences that a model read or wrote."""

import numpy as np
import xarray as xr

from workbench.results.companions import companions

LEFT_OUT = ("heads.patterns",)  # methods: attention on every pair of tokens, many times larger than all the rest
_TEXTS = "text"  # variable: what a model wrote
_MOST = 0.01  # of half an interval: a variable whose rounding is larger stays in float64


def stored(result: xr.Dataset) -> xr.Dataset | None:
    """A result as the atlas stores it; None where it does not."""
    if result.attrs.get("method") in LEFT_OUT:
        return None
    narrow = result.drop_vars(_TEXTS, errors="ignore").copy()
    whole: set[str] = set()  # a number that needs its digits, and the interval that it lies in
    for name in map(str, narrow.data_vars):
        if narrow[name].dtype == np.float64 and _error(result, name) > _MOST:
            whole |= {name, *(str(part.name) for part in companions(result, name).values())}
    wide = [name for name, values in narrow.data_vars.items() if values.dtype == np.float64 and name not in whole]
    return narrow.assign({name: narrow[name].astype(np.float32) for name in wide})


def rounding(result: xr.Dataset, narrow: xr.Dataset) -> float:
    """The largest error of rounding among the values that have an interval, as a share of half its width."""
    errors = [_error(result, str(name)) for name in narrow.data_vars if narrow[name].dtype != result[name].dtype]
    return float(max(errors, default=0.0))


def _error(result: xr.Dataset, variable: str) -> float:
    """The largest error of a variable in float32, as a share of half its interval; 0 where it has none.

    Infinite where a number is too large for float32.
    """
    values = result[variable].values
    with np.errstate(over="ignore"):
        if (np.isfinite(values) & ~np.isfinite(values.astype(np.float32))).any():
            return np.inf
    beside = companions(result, variable)
    if not {"low", "high"} <= beside.keys():
        return 0.0
    half = (beside["high"].values - beside["low"].values) / 2
    there = np.isfinite(values) & (half > 0)
    if not there.any():
        return 0.0
    return float((np.abs(values - values.astype(np.float32))[there] / half[there]).max())
