"""The shipped results of the laboratories: the full tables, made once."""

from collections.abc import Mapping
from itertools import product

import pandas as pd
import xarray as xr

from workbench.arguments import checked, one_of
from workbench.errors import BadResult
from workbench.laboratories.verdict import number, unit_of
from workbench.results.files import load_result
from workbench.shipped import DATA

_WORDS = {1: "helps", -1: "hurts", 0: "undecided"}


@checked
def stored(name: str) -> xr.Dataset:
    """Load the full result of a laboratory that comes with the workbench: several seeds, and every control.

    Args:
        name: of the laboratory, such as `more_from_less`, or `base/laboratory` where another base was trained, such as
            `gemma-3-270m/more_from_less`; its attribute `command` made it.

    Raises:
        BadArgument: there is none of this name.

    Example:
        >>> stored("more_from_less").attrs["finding"]                                            # doctest: +SKIP
    """
    folder = DATA / "laboratories"
    one_of("name", name, sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.nc")))
    return load_result(folder / f"{name}.nc")


@checked
def summary(results: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """Table of several laboratories: a row for each measure and control, with means over languages.

    Args:
        results: by name, each as of `run`; or of `parallel_schedule`, of which every schedule is a laboratory.

    Returns:
        A frame with the columns laboratory, measure, unit, change, control, its change, excess, low, high and verdict.

    Raises:
        BadResult: one without `mean_helps`, such as that of `vocabulary_quadrants`.

    Example:
        >>> summary({"more_from_less": stored("more_from_less")})                                # doctest: +SKIP
    """
    rows = []
    for name, result in results.items():
        if "mean_helps" not in result:
            raise BadResult(f"{name!r} has no mean_helps, which run returns; read its attribute finding instead")
        several = "condition" in result.mean_helps.dims  # several trainings, each compared with the controls
        trained = [name for name in result.condition.values[1:] if name not in result.control.values]
        for condition in trained if several else ["recipe"]:
            for measure, control in product(result.measure.values, result.control.values):
                own = result.sel(measure=measure)
                place = {"control": control} | ({"condition": condition} if several else {})
                against, (unit, scale) = own.sel(place), unit_of(own)
                rows.append(
                    {
                        "laboratory": f"{name}, {condition}" if several else name,
                        "measure": str(measure),
                        "unit": unit,
                        "change": number(own.mean_change.sel(condition=condition), scale),
                        "control": str(control),
                        "its change": number(own.mean_change.sel(condition=control), scale),
                        "excess": number(against.mean_excess, scale),
                        "low": number(against.mean_excess_low, scale),
                        "high": number(against.mean_excess_high, scale),
                        "verdict": _WORDS[int(against.mean_helps)],
                    }
                )
    return pd.DataFrame(rows)
