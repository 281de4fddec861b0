"""What an acceptance rule tests, as a value: units, which of them are the circuit, and how they are ablated."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import comb, prod
from typing import Any

import numpy as np

from workbench.arguments import expect
from workbench.errors import BadArgument
from workbench.model.metrics import Metric
from workbench.patching.engine.prompts import Prompts

Measure = Callable[[np.ndarray], np.ndarray]
"""Sets [set, unit] bool to the metric of the pairs' source prompts, [set, pair], all units outside the set ablated."""
_DRAWS = 1000  # tries for each control before the sets that are left are too few


@dataclass(frozen=True, eq=False)
class Parts:
    """A candidate circuit among the units of one or several kinds.

    Attributes:
        noun: what the units are, in the plural, such as "heads".
        member: which units are the circuit, [unit] bool.
        stratum: a number for each unit, [unit] int. A random control has as many units of each stratum as the circuit,
            so a stratum is usually a layer; units below 0 are in no control.
        measure: what ablates: prompts of one language and their metric to a Measure.
        record: of the units, for the provenance.
    """

    noun: str
    member: np.ndarray
    stratum: np.ndarray
    measure: Callable[[Prompts, Metric], Measure]
    record: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, kind in (("noun", str), ("measure", Callable[..., Any]), ("record", Mapping[str, Any])):
            expect(name, getattr(self, name), kind)
        member, stratum = np.asarray(self.member), np.asarray(self.stratum)
        if member.dtype != bool or member.ndim != 1 or stratum.shape != member.shape or stratum.dtype.kind != "i":
            raise BadArgument("parts have member[unit], booleans, and stratum[unit], whole numbers")
        if not member.any() or member.all():
            raise BadArgument(
                f"these parts are {int(member.sum())} of {len(member)} {self.noun}; a circuit has some of them, not all"
            )
        if (stratum[member] < 0).any():
            raise BadArgument("units of the circuit need a stratum from 0")

    def random(self, count: int, seed: int) -> np.ndarray:
        """Other random sets with as many units of each stratum as the circuit, all different, [set, unit] bool.

        They are drawn from all units, those of the circuit among them: a circuit that was itself drawn at random is
        then no different from its controls, which makes the rank test exact.

        Raises:
            BadArgument: there are fewer such sets.
        """
        sizes = [
            (np.flatnonzero(self.stratum == stratum), int((self.member & (self.stratum == stratum)).sum()))
            for stratum in np.unique(self.stratum[self.member])
        ]
        others = prod(comb(len(units), size) for units, size in sizes) - 1
        if others < count:
            raise BadArgument(
                f"there are {others} other sets of as many {self.noun} in the same layers, and controls={count} are "
                "needed; test other parts, or lower controls and with it level"
            )
        generator = np.random.default_rng(seed)
        drawn = {self.member.tobytes(): self.member}
        for _ in range(_DRAWS * count):
            if len(drawn) > count:
                break
            chosen = np.zeros_like(self.member)
            for units, size in sizes:
                chosen[generator.choice(units, size, replace=False)] = True
            drawn.setdefault(chosen.tobytes(), chosen)
        return np.stack(list(drawn.values())[1:])
