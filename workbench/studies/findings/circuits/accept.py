"""What the numbers say about a circuit: the verdict, and the leg that fails."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from workbench.results.make import origin
from workbench.studies.findings.finding import Finding, finding
from workbench.text.display.words import chance, count, language, listed, number, percent

_LEGS = {"necessity": "lost without it", "sufficiency": "done by it alone"}


def verdict(result: xr.Dataset, places: Sequence[tuple[int, int]] | None = None) -> Finding:
    """The verdict with its reason, and each leg over languages beside random sets.

    Reads `necessity`, `sufficiency` with their controls [language], `p_value` [leg], and the attributes `verdict`,
    `reason` and `units`.
    """
    heads = count(int(result.attrs["units"]), "head")
    named = f" ({', '.join(f'{layer}.{head}' for layer, head in places)})" if places else ""
    return finding(
        f"The circuit of {heads}{named} is {result.attrs['verdict']}: {result.attrs['reason']}.",
        *(_leg(result, leg) for leg in _LEGS),
        _pairs(result),
    )


def _pairs(result: xr.Dataset) -> str:
    """How many pairs of prompts each language has, out of the provenance."""
    known = [made.get("counts", {}).get("pairs") for made in (origin(result).get("corpus") or {}).values()]
    if not known or None in known:
        return ""
    least, most = min(known), max(known)
    return f"Each language has {least if least == most else f'{least} to {most}'} pairs of prompts."


def _leg(result: xr.Dataset, leg: str) -> str:
    """The smallest and largest share of a leg, and that of random sets, whose number bounds the p-value."""
    values = result[leg]
    if not np.isfinite(values.values).any():
        return ""
    least, most = (values.isel(language=int(at)) for at in (values.values.argmin(), values.values.argmax()))
    random, sets = float(result[f"{leg}_control_mean"].mean()), result.sizes["set"]
    p = float(result.p_value.sel(leg=leg))
    most_sure = f", the least that {sets} sets can give" if p * (sets + 1) < 1.5 else ""
    return (
        f"Of the task {percent(float(least))} ({language(least['language'].item())}) to {percent(float(most))} "
        f"({language(most['language'].item())}) is {_LEGS[leg]}, and {percent(random)} on average with random sets "
        f"({chance(p)}{most_sure})."
    )


def legs(result: xr.Dataset) -> xr.Dataset:
    """`share[language, leg]` with its ends and those of random sets, for a figure."""
    made = {
        f"share{end}": xr.concat([result[f"{leg}{end}"].drop_attrs() for leg in _LEGS], "leg", join="override")
        for end in ("", "_low", "_high", "_control_low", "_control_high")
    }
    made["share"].attrs = {"long_name": "share of the task"}
    return xr.Dataset(made, attrs=result.attrs).assign_coords(leg=list(_LEGS)).transpose("language", "leg")


def accept_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each language: both legs with intervals, random sets, and whether each holds."""
    rows = {}
    for code in result["language"].values.tolist():
        own, row = result.sel(language=code), {}
        for leg in _LEGS:
            row[leg] = _rounded(own[leg])
            row[f"{leg}, interval"] = f"{number(float(own[f'{leg}_low']))} to {number(float(own[f'{leg}_high']))}"
            row[f"{leg}, random"] = _rounded(own[f"{leg}_control_mean"])
            row[f"{leg} holds"] = str(own.holds.sel(leg=leg).item())
        rows[language(code)] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("language")


def _rounded(share: xr.DataArray) -> float:
    """A share with three digits, and no sign before 0."""
    return round(float(share), 3) + 0.0


def searched(result: xr.Dataset, name: str) -> Finding:
    """The circuit that was found. Reads `member`, `faithfulness` with its ends, `random` [size]."""
    size = int(result.attrs["size"])
    places = np.argwhere(result.member.transpose("layer", "head").values)
    heads = [(int(result["layer"][layer]), int(result["head"][head])) for layer, head in places]
    if not size or size not in result["size"].values:
        return finding(f"No set of heads keeps {percent(float(result.attrs['keep']))} of the task into {name}.")
    own = result.sel(size=size)
    ends = f"{percent(float(own.faithfulness_low))} to {percent(float(own.faithfulness_high))}"
    return finding(
        f"{count(size, 'head')} of {result.member.size} keep{'s' * (size == 1)} {percent(float(own.faithfulness))} of "
        f"the task into {name} ({ends}); random sets of as many, in any layers, keep {percent(float(own.random))}.",
        f"They are {listed(f'{layer}.{head}' for layer, head in heads)}.",
    )
