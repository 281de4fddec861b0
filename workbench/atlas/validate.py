"""What a result must say of itself to stand in the atlas."""

import numpy as np
import xarray as xr

from workbench.errors import BadResult
from workbench.results.companions import companions
from workbench.results.make import provenance

_SLACK = 1e-6  # of a value: float32 rounds it and the ends of its interval apart
_OF_TOKENIZERS = ("evaluation.tokenization", "evaluation.efficiency")  # methods whose results name no model


def problems(name: str, result: xr.Dataset) -> list[str]:
    """What a result lacks: provenance, labels of its axes, descriptions, values within their intervals.

    Args:
        name: `analysis/cell`.
        result: the Result.

    Returns:
        A sentence for each fault; none where it may stand in the atlas.
    """
    faults = _provenance_faults(result)
    faults += [f"its axis {axis!r} has no labels" for axis in result.sizes if axis not in result.coords]
    for variable, values in result.data_vars.items():
        if values.dtype.kind not in "fiub":
            continue
        if not values.attrs.get("long_name"):
            faults.append(f"{variable!r} does not say what it is, or in which unit")
        if values.dtype.kind == "f":
            faults += _interval_faults(str(variable), result)
    return [f"{name}: {fault}" for fault in faults]


def _provenance_faults(result: xr.Dataset) -> list[str]:
    try:
        record = provenance(result)
    except BadResult as error:
        return [str(error)]
    faults = [f"its provenance has no {part}" for part in ("method", "versions") if not record.get(part)]
    if record.get("method") not in _OF_TOKENIZERS and not (record.get("model") or {}).get("hash"):
        faults.append("its provenance has no hash of the model")
    return faults


def _interval_faults(variable: str, result: xr.Dataset) -> list[str]:
    """Whether a variable's values lie in their intervals, where both are numbers."""
    beside = companions(result, variable)
    if not {"low", "high"} <= beside.keys():
        return []
    value, low, high = (np.asarray(part.values, float) for part in (result[variable], beside["low"], beside["high"]))
    known = np.isfinite(value) & np.isfinite(low) & np.isfinite(high)
    slack = _SLACK * np.maximum(np.abs(value), 1e-30)
    outside = known & ((value < low - slack) | (value > high + slack))
    return (
        [f"{outside.sum()} of {known.sum()} values of {variable!r} lie outside their interval"] if outside.any() else []
    )
