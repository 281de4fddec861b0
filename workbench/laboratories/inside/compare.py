"""Compare: what training changed inside a model, in the recipe and in every control."""

from collections.abc import Callable, Mapping, Sequence

import xarray as xr

from workbench.errors import BadResult
from workbench.laboratories.inside.heads import heads
from workbench.laboratories.inside.neurons import neurons
from workbench.laboratories.inside.probabilities import lens, patched
from workbench.laboratories.inside.sentence import sentence
from workbench.results.make import Variables, make_result, origin

BEFORE, PREFIX = "before", "inside_"
_NEEDED = {"neurons": "member", "heads": "sample_gradient", "lens": "lens", "concepts": "patched"}


def compare(
    before: xr.Dataset, conditions: Mapping[str, xr.Dataset], *, trained: Sequence[str], level: float, seed: int
) -> xr.Dataset:
    """Compare what `look` returned before and after training.

    Args:
        before: of the base.
        conditions: of what was trained; the first is the recipe, the others are its controls.
        trained: languages that the recipe trains, or none.
        level: of the intervals.
        seed: of the draws.

    Returns:
        See `Inside.compare`.

    Raises:
        BadResult: no condition, or one that was looked at otherwise than the base.
    """
    if not conditions or BEFORE in conditions:
        raise BadResult(f"conditions has {list(conditions)}; give the recipe and then its controls, without {BEFORE!r}")
    states = [before, *conditions.values()]
    settings = [origin(state).get("parameters") for state in states]
    for name, parameters in zip(conditions, settings[1:], strict=True):
        if parameters != settings[0]:
            raise BadResult(
                f"{name!r} was looked at with {parameters}, {BEFORE!r} with {settings[0]}; look alike at all"
            )
    how = {"level": level, "seed": seed}
    computed: dict[str, Callable[[], Variables]] = {
        "neurons": lambda: neurons(states, trained=trained, **how),
        "heads": lambda: heads(states, **how),
        "lens": lambda: lens(states, **how),
        "concepts": lambda: patched(states, **how),
    }
    variables: Variables = {}
    for part, needed in _NEEDED.items():
        if needed in before:
            variables |= computed[part]()
    names, controls = [BEFORE, *conditions], list(conditions)[1:]
    result = make_result(
        {f"{PREFIX}{name}": variable for name, variable in variables.items()},
        {"condition": names, "language": before["language"].values.tolist()}
        | ({"control": controls} if controls else {})
        | ({"class": ["specific", "related"]} if "members" in variables else {}),
        method="laboratories.inside",
        parameters={**(settings[0] or {}), "trained": list(trained), "level": level},
        model=origin(before).get("model"),
        corpus=origin(before).get("corpus"),
        seed=seed,
    )
    target = str((settings[0] or {}).get("target", ""))
    if "lens" in variables:
        result[f"{PREFIX}lens"].attrs["target"] = target
    return result.assign_attrs(finding=sentence(result, target=target))
