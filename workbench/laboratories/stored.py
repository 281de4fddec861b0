"""The shipped results of the laboratories: the full tables, made once."""

from collections.abc import Mapping

import pandas as pd
import xarray as xr

from workbench.arguments import checked, one_of
from workbench.laboratories.verdict import number, unit_of
from workbench.results.files import load_result
from workbench.shipped import DATA

_WORDS = {1: "helps", -1: "hurts", 0: "undecided"}


@checked
def stored(name: str) -> xr.Dataset:
    """Load the full result of a laboratory that comes with the workbench: several seeds, and every control.

    Args:
        name: of the laboratory, such as `more_from_less`; its attribute `command` made it.

    Raises:
        BadArgument: there is none of this name.

    Example:
        >>> stored("more_from_less").attrs["finding"]                                            # doctest: +SKIP
    """
    folder = DATA / "laboratories"
    one_of("name", name, sorted(path.stem for path in folder.glob("*.nc")))
    return load_result(folder / f"{name}.nc")


@checked
def summary(results: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """Table of several laboratories: a row for each measure and control, with means over languages.

    Args:
        results: by name, each as of `run`.

    Returns:
        A frame with the columns laboratory, measure, unit, change, control, its change, excess, low, high and verdict.

    Example:
        >>> summary({"more_from_less": stored("more_from_less")})                                # doctest: +SKIP
    """
    rows = []
    for name, result in results.items():
        for measure in result.measure.values:
            own = result.sel(measure=measure)
            unit, scale = unit_of(own)
            for control in result.control.values:
                against = own.sel(control=control)
                rows.append(
                    {
                        "laboratory": name,
                        "measure": str(measure),
                        "unit": unit,
                        "change": number(own.mean_change.sel(condition="recipe"), scale),
                        "control": str(control),
                        "its change": number(own.mean_change.sel(condition=control), scale),
                        "excess": number(against.mean_excess, scale),
                        "low": number(against.mean_excess_low, scale),
                        "high": number(against.mean_excess_high, scale),
                        "verdict": _WORDS[int(against.mean_helps)],
                    }
                )
    return pd.DataFrame(rows)
