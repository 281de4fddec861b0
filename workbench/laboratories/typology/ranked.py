"""The Result of choices of languages, ranked among random ones."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import xarray as xr

from workbench.laboratories.typology.null import percentile
from workbench.laboratories.verdict import number, unit_of
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables


def ranked(
    result: xr.Dataset, null: xr.Dataset, chosen: Mapping[str, Sequence[str]], drawn: Sequence[Sequence[str]]
) -> xr.Dataset:
    """Add the place of each choice among random ones to the Result of the choices.

    Args:
        result: of `run`: the first choice is its recipe, the others are among its controls.
        null: of `run`: the same of the random choices.
        chosen: languages of each choice.
        drawn: languages of each random choice.

    Returns:
        `result` with `trained`, `choice_change`, `percentile` with its ends, `random_change`, `random_trained`, and a
        `finding` of its own.
    """
    conditions = ["recipe", *list(chosen)[1:]]
    by_seed = result.change_by_seed.sel(condition=conditions).mean("language").transpose("condition", "seed", "measure")
    random_change = null.mean_change.sel(condition=null.condition != "before").transpose("condition", "measure").values
    better, level = result.better.values, float(result.attrs["level"])
    shares = np.array(
        [
            [
                percentile(values[:, measure] * sign, random_change[:, measure] * sign, level=level)
                for measure, sign in enumerate(better)
            ]
            for values in by_seed.values
        ]
    )  # [choice, measure, end]
    axes, unit = ("choice", "measure"), "[unit of the measure]"
    variables: Variables = {
        "trained": (("choice",), _joined(chosen.values()), "languages that are trained"),
        "choice_change": (axes, by_seed.mean("seed").values, f"mean change over languages and seeds {unit}"),
        "percentile": (axes, shares[..., 0], "share of the random choices that a choice is better than"),
        **interval_ends(axes, (shares[..., 1], shares[..., 2]), "the percentile", level=level, name="percentile"),
        "random_change": (("draw", "measure"), random_change, f"mean change over languages of a random choice {unit}"),
        "random_trained": (("draw",), _joined(drawn), "languages that are trained"),
    }
    arrays = {name: (dims, values, {"long_name": words}) for name, (dims, values, words) in variables.items()}
    made = result.assign_coords(choice=list(chosen), draw=np.arange(len(drawn))).assign(arrays)
    made.percentile.attrs["ancillary_variables"] = "percentile_low percentile_high"
    return made.assign_attrs(finding=finding(made))


def _joined(groups: Iterable[Sequence[str]]) -> np.ndarray:
    return np.array([" ".join(group) for group in groups])


def finding(made: xr.Dataset) -> str:
    """For each measure and choice its change and place, and whether it is better than half of the random choices."""
    draws = int((~np.isnan(made.random_change)).all("measure").sum())
    sentences = []
    for measure in made.measure.values:
        own = made.sel(measure=measure)
        (unit, scale), parts = unit_of(own), []
        for name in own.choice.values:
            cell = own.sel(choice=name)
            share, low, high = (float(cell[name]) for name in ("percentile", "percentile_low", "percentile_high"))
            word = "better" if low > 0.5 else "worse" if high < 0.5 else "undecided"
            parts.append(
                f"{name} ({cell.trained.values!s}) {number(cell.choice_change, scale)}, better than {share:.0%} "
                f"[{low:.0%}, {high:.0%}]: {word}"
            )
        sentences.append(f"{measure}, change in {unit}, against {draws} random choices: {'; '.join(parts)}.")
    return " ".join(sentences)
