"""The main numbers of a run as a short table: a row for each language, a column for each result in the folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from workbench.errors import BadResult, WorkbenchError
from workbench.results.files import load_result
from workbench.results.make import provenance
from workbench.studies.findings import heads, lens, patches
from workbench.studies.findings.finding import Finding
from workbench.studies.findings.merging import side_by_side
from workbench.studies.findings.neurons import classes
from workbench.studies.findings.neurons import effects as neurons
from workbench.text import languages as names
from workbench.text.display.words import language, listed, number


def summary(folder: str | Path) -> pd.DataFrame:
    """Read the results of a run folder and put their main numbers side by side.

    Args:
        folder: what a study returned.

    Returns:
        A row for each language, with text in every cell; empty for a run without languages, such as patching.

    Raises:
        BadResult: a result file is broken.
    """
    columns: dict[str, dict[str, str]] = {}
    for name, read in _COLUMNS.items():
        path = Path(folder) / f"{name}.nc"
        if path.is_file():
            columns |= _read(path, read)
    return pd.DataFrame(columns).fillna("–").rename(index=_named)


def effects(folder: str | Path) -> list[str]:
    """The findings of a run folder about patching, the lens and two models; equal sentences are given once."""
    titles_of: dict[str, list[str]] = {}
    for of_two, findings in ((False, _FINDINGS), (True, _OF_TWO_MODELS)):
        for name, (title, find) in findings.items():
            path = Path(folder) / f"{name}.nc"
            if path.is_file() and _is_of_two(path) == of_two:
                titles_of.setdefault(_read(path, find).text, []).append(
                    _TUNED if name == "lens" and _is_tuned(path) else title
                )
    return [f"{listed(titles)}: {finding}" for finding, titles in titles_of.items()]


def _is_of_two(path: Path) -> bool:
    """Whether a result compares two models: their `heads.nc` is another one than that of patching."""
    return load_result(path).attrs.get("method") in ("merging.side_by_side", "neurons.compare")


def _is_tuned(path: Path) -> bool:
    return bool((provenance(load_result(path)).get("parameters") or {}).get("tuned"))


def limits(folder: str | Path) -> list[str]:
    """What the model of a run could not do, why, and what was slower or left out for it; most models can do all."""
    path = min(Path(folder).glob("*.nc"), default=None)
    about = {} if path is None else provenance(load_result(path)).get("model") or {}
    return [f"Without {ability!r}: {why}" for ability, why in about.get("lost", {}).items()]


def _read(path: Path, read: Callable[[xr.Dataset], Any]) -> Any:
    """What a reader takes from a file; one that is a result, and not the one that a run writes there, is refused."""
    result = load_result(path)
    try:
        return read(result)
    except (AttributeError, KeyError, IndexError, ValueError, TypeError) as error:
        if isinstance(error, WorkbenchError):
            raise
        reason = " ".join(str(error).split())[:120]
        raise BadResult(f"{path} is not the result that a run writes there: {reason}") from error


def _named(code: str) -> str:
    return f"{code}  {language(code)}" if names.known(code) else code


def _importance(result: xr.Dataset) -> dict[str, dict[str, str]]:
    tops = heads.top_heads(result)
    return {
        "loss [nats]": {code: number(result.nll.sel(language=code)) for code in result.language.values.tolist()},
        "top head (LAHIS)": {code: f"L{layer}H{head} {number(value)}" for code, (layer, head, value) in tops.items()},
    }


def _ablation(result: xr.Dataset) -> dict[str, dict[str, str]]:
    cells = {}
    for code in result.language.values.tolist():
        for row in heads.harms(result.sel(language=[code])).to_dict("records"):
            star = "*" if row["corrected p"] < heads.ALPHA else ""
            cells[code] = f"L{row['layer']}H{row['head']} {row['rise without it [nats]']:+.3g}{star}"
    return {"worst without": cells}


def _roles(result: xr.Dataset) -> dict[str, dict[str, str]]:
    own = result.specific_to.values.ravel().tolist()
    return {"own heads": {code: str(own.count(code)) for code in result.language.values.tolist()}}


def _ternary(result: xr.Dataset) -> dict[str, dict[str, str]]:
    return {"own neurons": {str(code): str(n) for code, n in classes.specific_of(result).items()}}


def _lape(result: xr.Dataset) -> dict[str, dict[str, str]]:
    own = result.member.sum(("layer", "neuron"))
    return {"LAPE neurons": dict(zip(own.language.values.tolist(), map(str, own.values.tolist()), strict=True))}


def _lens(result: xr.Dataset) -> Finding:
    return lens.translation(result, provenance(result)["parameters"]["target"])


_COLUMNS: dict[str, Callable[[xr.Dataset], dict[str, dict[str, str]]]] = {
    "importance_paper": _importance,
    "ablation": _ablation,
    "roles": _roles,
    "ternary": _ternary,
    "lape": _lape,
}
_TUNED = "Tuned lens"
_FINDINGS: dict[str, tuple[str, Callable[[xr.Dataset], Finding]]] = {
    "cross_layer": ("Patching across layers", patches.cross_layer),
    "positions": ("Patching positions", patches.positions),
    "heads": ("Patching heads", patches.heads),
    "lens": ("Logit lens", _lens),
}
_OF_TWO_MODELS: dict[str, tuple[str, Callable[[xr.Dataset], Finding]]] = {
    "outputs": ("Outputs", side_by_side.outputs),
    "states": ("States", side_by_side.states),
    "heads": ("Heads", side_by_side.heads),
    "neurons": ("Neurons", neurons.compare),
    "exchange": ("Exchange of states", side_by_side.exchange_of_all),
}
