"""What the numbers say of steering: at which layer and strength, beyond what, and at what cost."""

import numpy as np
import pandas as pd
import xarray as xr

from workbench.studies.findings.finding import Finding, finding
from workbench.text.display.words import count, language, listed, percent

_DIRECTION, _RANDOM, _NONE = "direction", "random", "none"
_UNDOSED = (_NONE, "instruction")  # settings that have no strength


def best(result: xr.Dataset) -> Finding:
    """The cell of the highest harmonic mean, whose numbers are of the prompts that chose it.

    Reads `success`, `relevance`, `both`, `harmonic[setting, layer, strength]`.
    """
    own, target = result.sel(setting=_DIRECTION), language(result.attrs["target"])
    cell = own.isel(own["harmonic"].argmax(("layer", "strength")))  # pyright: ignore[reportArgumentType]
    if float(cell["harmonic"]) == 0:
        return Finding(f"No layer and strength makes the model write {target} and stay on the subject.")
    cells, prompts = own["harmonic"].size, len({*result["prompt"].to_numpy()})
    return finding(
        f"At layer {int(cell.layer)} and strength {float(cell.strength):g}, {percent(float(cell.success))} of the "
        f"responses to all {count(prompts, 'prompt')} are in {target}, {percent(float(cell.relevance))} suit their "
        f"prompt and {percent(float(cell.both))} do both.",
        f"It has the highest harmonic mean of {count(cells, 'cell')} on these prompts, so its numbers are too good."
        if cells > 1
        else "",
    )


def held_out(result: xr.Dataset) -> Finding:
    """The direction on the other half of the prompts, and the settings that it beats beyond its interval.

    Reads `held_out_success`, `_relevance`, `_both` and `_harmonic[setting]`, `advantage[setting]` with their ends.
    """
    own, plain = result.sel(setting=_DIRECTION), result.sel(setting=_NONE)
    shares = [f"held_out_{name}" for name in ("success", "relevance", "both")]
    success, relevance, both = (percent(float(own[name])) for name in shares)
    ends = " to ".join(percent(float(own[f"held_out_both_{end}"])) for end in ("low", "high"))
    prompts = len({*result["prompt"].to_numpy()[~result["chooses"].to_numpy()]})
    return finding(
        f"On the {count(prompts, 'prompt')} that did not choose, {success} of the responses are in "
        f"{language(result.attrs['target'])}, {relevance} suit their prompt and {both} ({ends}) do both; the harmonic "
        f"mean of the first two shares is {float(own.held_out_harmonic):.2f} ({float(own.held_out_harmonic_low):.2f} "
        f"to {float(own.held_out_harmonic_high):.2f}), at layer {int(own.chosen_layer)} and strength "
        f"{float(own.chosen_strength):g}; {_compared(result)}.",
        f"Without steering the three shares are {listed(percent(float(plain[name])) for name in shares)}.",
        f"By chance {percent(float(result.attrs['chance']))} would suit their prompt."
        if np.isfinite(result.attrs["chance"])
        else "",
        "The harmonic mean is of two shares, which may be of different responses.",
    )


def _compared(result: xr.Dataset) -> str:
    """Which settings the direction's harmonic mean is above, below, or not known to differ from."""
    others = [str(name) for name in result["setting"].to_numpy() if name != _DIRECTION]
    above = [name for name in others if float(result["advantage_low"].sel(setting=name)) > 0]
    below = [name for name in others if float(result["advantage_high"].sel(setting=name)) < 0]
    level = [name for name in others if name not in above and name not in below]
    clauses = (
        f"it is above {_named(above)}: the interval of the difference excludes 0" if above else "",
        f"it is below {_named(below)}: the interval of the difference excludes 0" if below else "",
        f"no difference from {_named(level)} can be shown" if level else "",
    )
    return "; ".join(filter(None, clauses))


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
    prompts = count(len({*result["prompt"].to_numpy()}), "prompt")
    return Finding(f"Of the direction's responses to all {prompts}, {percent(float(cell))} repeat their prompt.")


def chosen_table(result: xr.Dataset) -> pd.DataFrame:
    """Each setting with its choice and its scores on the other half."""
    scores = [f"held_out_{name}" for name in ("success", "relevance", "both", "harmonic")]
    columns = ("chosen_layer", "chosen_strength", *scores)
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
