"""Results as the atlas stores them: float32, large arrays to three digits, without the sentences that a model wrote."""

import numpy as np
import xarray as xr

from workbench.results.companions import companions

# Methods: attention on every pair of tokens, many times larger than all the rest; vectors to add to a model's states,
# which are of use beside its weights alone, and are made again from them in seconds.
LEFT_OUT = ("heads.patterns", "steering.directions")
_TEXTS = "text"  # variable: what a model wrote
_LARGE = 20_000  # values: of an array that has more and no interval of its own, three digits are kept
_BITS = 10  # of the 23 binary digits behind the point of a float32
RELATIVE = 2.0 ** -(_BITS + 1)  # largest error of such an array, as a share of the number: 0.0005
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
    narrow = narrow.assign({name: narrow[name].astype(np.float32) for name in wide})
    return narrow.assign({name: narrow[name].copy(data=_three_digits(narrow[name].values)) for name in _large(narrow)})


def relative(narrow: xr.Dataset) -> float:
    """The largest error of its large arrays, as a share of the number; 0 where a stored result has none."""
    return RELATIVE if _large(narrow) else 0.0


def rounding(result: xr.Dataset, narrow: xr.Dataset) -> float:
    """The largest error of rounding among the values that have an interval, as a share of half its width."""
    errors = [_error(result, str(name)) for name in narrow.data_vars if narrow[name].dtype != result[name].dtype]
    return float(max(errors, default=0.0))


def _large(narrow: xr.Dataset) -> list[str]:
    """Large arrays of float32 that are neither an interval nor have one: single sentences, prompts, neurons' scores."""
    beside = {str(part.name) for name in narrow.data_vars for part in companions(narrow, str(name)).values()}
    own = {str(name): values for name, values in narrow.data_vars.items() if not companions(narrow, str(name))}
    return [n for n, values in own.items() if values.dtype == np.float32 and values.size > _LARGE and n not in beside]


def _three_digits(values: np.ndarray) -> np.ndarray:
    """The nearest float32 whose last binary digits are zeros, which deflate to nothing; order is kept."""
    drop = 23 - _BITS
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64)
    near = ((bits + (1 << (drop - 1))) >> drop << drop).astype(np.uint32).view(np.float32)
    normal = np.isfinite(values) & np.isfinite(near) & (np.abs(values) >= np.finfo(np.float32).tiny)
    return np.where(normal, near, values)


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
