"""Cells of a curve: each way of steering at each layer and strength, and what is written under it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from workbench.arguments import finite, shown
from workbench.errors import BadArgument, BadResult
from workbench.model.continuations import generate
from workbench.model.model import Model
from workbench.results.resuming.progress import resumed
from workbench.steering.vectors.layers import at_layers
from workbench.steering.vectors.random_control import random
from workbench.steering.vectors.scaled import Unit, scaled

Steering = Callable[[float], AbstractContextManager[Any]]
"""Strength to a context manager, inside which the model is steered in another way."""
NONE, DIRECTION, RANDOM, INSTRUCTION = "none", "direction", "random", "instruction"


@dataclass(frozen=True)
class Axes:
    """What is compared.

    Attributes:
        settings: ours, then the caller's, then the instruction.
        layers: that are steered, each alone.
        strengths: in the direction's unit.
    """

    settings: list[str]
    layers: list[int]
    strengths: list[float]

    @classmethod
    def checked(
        cls,
        direction: xr.Dataset,
        strengths: Sequence[float],
        layers: Sequence[int] | None,
        baselines: Mapping[str, Steering],
        instruction: str | None,
    ) -> "Axes":
        """The axes of a curve, after a check of its options.

        Raises:
            BadArgument: as of `curve`.
            BadResult: no direction of one language, or one that is 0 everywhere.
        """
        doses = [finite("strengths", strength, above=0) for strength in strengths]
        if not doses or len({*doses}) < len(doses):
            raise BadArgument(f"strengths={shown(list(strengths))}; give different numbers above 0")
        if clash := {*baselines} & {NONE, DIRECTION, RANDOM, INSTRUCTION}:
            raise BadArgument(f"baselines has {clash.pop()!r}, which is a setting of its own; name it otherwise")
        with_prompt(instruction)
        if "direction" not in direction or {*map(str, direction["direction"].dims)} != {"layer", "d"}:
            raise BadResult("a curve takes direction[layer, d] of one language: directions(...).sel(language=)")
        present = (direction["direction"] != 0).any("d").to_numpy()
        at_layers(present, layers)
        chosen = [layer for layer in (range(len(present)) if layers is None else layers) if present[layer]]
        if not chosen or len({*chosen}) < len(chosen):
            raise BadArgument(f"layers={shown(layers)}; give different layers, at which the direction is not 0")
        own = [*baselines, *([] if instruction is None else [INSTRUCTION])]
        return cls([NONE, DIRECTION, RANDOM, *own], [int(layer) for layer in chosen], doses)


def with_prompt(instruction: str | None) -> None:
    """Refuse an instruction that has no place for the prompt.

    Raises:
        BadArgument: it has none.
    """
    if instruction is not None and "{prompt}" not in instruction:
        raise BadArgument(f"instruction={shown(instruction)}; give a text with {{prompt}} in it")


@dataclass(frozen=True)
class Cell:
    """One way of steering.

    Attributes:
        setting: its name.
        layer: place on the axis; None for all of them.
        strength: place on the axis; None for all of them.
        prompts: what is continued.
        added: directions; none when None.
        inside: makes the context in which the model writes.
    """

    setting: str
    layer: int | None
    strength: int | None
    prompts: list[str]
    added: xr.Dataset | None = None
    inside: Callable[[], AbstractContextManager[Any]] = nullcontext


def plan(
    axes: Axes,
    direction: xr.Dataset,
    prompts: list[str],
    baselines: Mapping[str, Steering],
    instruction: str | None,
    *,
    unit: Unit,
    seed: int,
) -> list[Cell]:
    """Every cell; what has no layer or no strength is written once."""
    cells = [Cell(NONE, None, None, prompts)]
    for name, vectors in ((DIRECTION, direction), (RANDOM, random(direction, seed=seed))):
        for i, layer in enumerate(axes.layers):
            for k, strength in enumerate(axes.strengths):
                added = scaled(vectors, strength=strength, layers=layer, unit=unit)
                cells.append(Cell(name, i, k, prompts, added))
    for name, steering in baselines.items():
        for k, strength in enumerate(axes.strengths):
            cells.append(Cell(name, None, k, prompts, inside=partial(_inside, name, steering, strength)))
    if instruction is not None:
        cells.append(Cell(INSTRUCTION, None, None, [instruction.replace("{prompt}", text) for text in prompts]))
    return cells


def texts_of(model: Model, cells: Sequence[Cell], writing: Mapping[str, Any], progress: bool) -> list[np.ndarray]:
    """What the model writes in each cell, [cell][prompt]."""
    written: list[np.ndarray] = []
    with tqdm(total=len(cells), desc="steering", unit="cell", disable=not progress) as bar:
        for number in resumed(range(len(cells)), {"written": written}, skip=lambda _: bar.update()):
            cell = cells[number]
            with cell.inside():
                table = generate(model, cell.prompts, directions=cell.added, progress=False, **writing)
            written.append(table["text"].to_numpy(dtype=object))
            bar.update()
    return written


def _inside(name: str, steering: Steering, strength: float) -> AbstractContextManager[Any]:
    """The caller's context of a strength."""
    try:
        context = steering(strength)
    except TypeError as error:
        raise BadArgument(f"the baseline {name!r} does not take a strength: {error}") from None
    if not isinstance(context, AbstractContextManager):
        raise BadArgument(f"the baseline {name!r} returned {shown(context)}; it gives a context manager")
    return context
