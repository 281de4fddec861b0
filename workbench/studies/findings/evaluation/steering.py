"""What the numbers say of steering: at which layer and strength, beyond what, and at what cost."""

import pandas as pd
import xarray as xr

from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.words import language, listed, percent

_DIRECTION, _RANDOM, _NONE = "direction", "random", "none"
_UNDOSED = (_NONE, "instruction")  # settings that have no strength


def best(result: xr.Dataset) -> Finding:
    """The cell of the highest harmonic mean, and the success of the model as it is.

    Reads `success`, `relevance`, `harmonic[setting, layer, strength]`.
    """
    own, target = result.sel(setting=_DIRECTION), language(result.attrs["target"])
    cell = own.isel(own["harmonic"].argmax(("layer", "strength")))  # pyright: ignore[reportArgumentType]
    plain = result.sel(setting=_NONE).isel(layer=0, strength=0)
    if float(cell["harmonic"]) == 0:
        return Finding(f"No layer and strength makes the model write {target} and stay on the subject.")
    return finding(
        f"At layer {int(cell.layer)} and strength {float(cell.strength):g}, {percent(float(cell.success))} of the "
        f"responses are in {target} and {percent(float(cell.relevance))} suit their prompt; without steering "
        f"{percent(float(plain.success))} and {percent(float(plain.relevance))}.",
        f"By chance {percent(float(result.attrs['chance']))} would suit their prompt.",
    )


def held_out(result: xr.Dataset) -> Finding:
    """The direction on the other half of the prompts, and the settings that it beats beyond its interval.

    Reads `held_out_harmonic[setting]`, `advantage[setting]` with their ends.
    """
    own = result.sel(setting=_DIRECTION)
    others = [str(name) for name in result["setting"].to_numpy() if name != _DIRECTION]
    ahead = [name for name in others if float(result["advantage_low"].sel(setting=name)) > 0]
    behind = [name for name in others if float(result["advantage_high"].sel(setting=name)) < 0]
    level = [name for name in others if name not in ahead and name not in behind]
    return finding(
        f"On the half of the prompts that did not choose, the direction's harmonic mean is "
        f"{float(own.held_out_harmonic):.2f} ({float(own.held_out_harmonic_low):.2f} to "
        f"{float(own.held_out_harmonic_high):.2f}), at layer {int(own.chosen_layer)} and strength "
        f"{float(own.chosen_strength):g}.",
        f"It is above {_named(ahead)}: the interval of the difference excludes 0." if ahead else "",
        f"It is below {_named(behind)}: the interval of the difference excludes 0." if behind else "",
        f"Its difference from {_named(level)} is within its interval." if level else "",
    )


def lengths(result: xr.Dataset) -> Finding:
    """How long directions are beside the states, where most and least. Reads `length`, `residual_norm[layer]`."""
    share = (result["length"].mean("language") / result["residual_norm"]).to_numpy()
    most, least = int(share.argmax()), int(share.argmin())
    return Finding(
        f"Beside the mean length of a state, directions are longest after layer {int(result.layer[most])} "
        f"({percent(float(share[most]))}) and shortest after layer {int(result.layer[least])} "
        f"({percent(float(share[least]))})."
    )


def copies(result: xr.Dataset) -> Finding:
    """How many responses at the chosen cell repeat their prompt. Reads `copied` and the chosen cells."""
    own = result.sel(setting=_DIRECTION)
    cell = own["copied"].sel(layer=own["chosen_layer"].item(), strength=own["chosen_strength"].item())
    return Finding(f"Of the direction's responses {percent(float(cell))} repeat their prompt.")


def chosen_table(result: xr.Dataset) -> pd.DataFrame:
    """Each setting with its choice and its scores on the other half."""
    columns = ("chosen_layer", "chosen_strength", "held_out_success", "held_out_relevance", "held_out_harmonic")
    table = pd.DataFrame(
        {name.removeprefix("held_out_").replace("_", " "): result[name].to_numpy() for name in columns},
        index=pd.Index(result["setting"].to_numpy(), name="setting"),
    )
    table = table.round(2).astype(object)
    table.loc[~table.index.isin((_DIRECTION, _RANDOM)), "chosen layer"] = "-"
    table.loc[table.index.isin(_UNDOSED), "chosen strength"] = "-"
    return table


def _named(settings: list[str]) -> str:
    words = {_NONE: "the model as it is", _RANDOM: "random directions", "instruction": "the instruction"}
    words |= {"neurons": "amplified neurons", "heads": "amplified heads"}
    return listed(words.get(name, name) for name in settings)
