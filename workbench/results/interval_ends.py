"""Interval ends: the lower and the upper end of an interval as variables of a Result."""

from collections.abc import Sequence

import numpy as np

from workbench.results.make import Variables


def interval_ends(
    axes: tuple[str, ...], bounds: Sequence[np.ndarray] | np.ndarray, of: str, *, level: float, name: str = ""
) -> Variables:
    """The variables `low` and `high`, or `{name}_low` and `{name}_high`, of lower and upper bounds.

    `of` says what the interval is of, with its unit, such as "delta over texts [nats]".
    """
    prefix, end = name and f"{name}_", f"end of the {level:.0%} interval of {of}"
    return {
        f"{prefix}low": (axes, bounds[0], f"lower {end}"),
        f"{prefix}high": (axes, bounds[1], f"upper {end}"),
    }
