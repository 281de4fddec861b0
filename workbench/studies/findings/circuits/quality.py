"""What the numbers say about a transcoder's quality: whether it beats the mean, and where it explains least."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from workbench.results.make import origin
from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.sample import level_of
from workbench.text.display.words import count, language, listed, number, percent

_BEATS = "the transcoder beats mean ablation"
_SILENT = 0.1  # share of features that are active nowhere, from which on it is remarked


def predictions(result: xr.Dataset) -> Finding:
    """Whether replaced outputs beat mean ablation. Reads `kl` with its ends and `agreement` [mode, language]."""
    replaced, control = (result.sel(mode=mode) for mode in ("replaced", "mean_ablated"))
    codes = result["language"].values
    better, worse = (
        [language(code) for code, sure in zip(codes, (low.values > high.values), strict=True) if sure]
        for low, high in ((control.kl_low, replaced.kl_high), (replaced.kl_low, control.kl_high))
    )
    values = [number(float(mode.kl.mean())) for mode in (replaced, control)]
    agreement = [percent(float(mode.agreement.mean())) for mode in (replaced, control)]
    return finding(
        f"With all outputs replaced, predictions are {values[0]} nats a token (KL) from the model's own, and "
        f"{values[1]} with all at their mean: {_verdict(better, worse, len(codes))}.",
        f"The likeliest token is the model's own at {agreement[0]} of the tokens, with all at their mean at "
        f"{agreement[1]}.",
        _spread(replaced, len(codes)),
        seen(result),
    )


def seen(result: xr.Dataset) -> str:
    """That the transcoder was trained on texts of this corpus, as its record and the result's provenance say."""
    made = origin(result)
    read = (made.get("corpus") or {}).get("source", "")
    record = ((made.get("parameters") or {}).get("transcoder") or {}).get("corpus") or []
    sources = [each.get("source", "") for each in record if isinstance(each, Mapping)]
    if not any(_overlap(read, source) for source in sources):
        return ""
    return (
        f"The transcoder was trained on {listed(dict.fromkeys(sources))}, so it may have seen some of these texts: of "
        "texts that it has not seen it may explain less."
    )


def _overlap(first: str, second: str) -> bool:
    """Whether two corpora have one source, and are not the two halves of it."""
    (name, _, half), (other, _, other_half) = (each.partition("[") for each in (first, second))
    return bool(name) and name == other and (half == other_half or not (half and other_half))


def _verdict(better: list[str], worse: list[str], languages: int) -> str:
    """In which languages the intervals of the two lie apart."""
    if len(better) == languages:
        where = {1: "", 2: " in both languages"}.get(languages, f" in all {languages} languages")
        return f"{_BEATS}{where}"
    parts = [f"{_BEATS} in {listed(better)} alone" if better else f"{_BEATS} nowhere"]
    parts += [f"mean ablation beats it in {listed(worse)}"] * bool(worse)
    unclear = languages - len(better) - len(worse)
    return "; ".join([*parts, *[f"in {count(unclear, 'language')} the intervals meet"] * bool(unclear)])


def _spread(replaced: xr.Dataset, languages: int) -> str:
    """The language in which replaced outputs cost most, if it is surely another one than where they cost least."""
    if languages < 2 or not np.isfinite(replaced.kl.values).all():
        return ""
    most, least = (replaced.isel(language=int(at(replaced.kl.values))) for at in (np.argmax, np.argmin))
    names = [
        f"{language(each['language'].item())} ({number(each.kl)}, {number(each.kl_low)} to {number(each.kl_high)})"
        for each in (most, least)
    ]
    return f"It costs most in {names[0]} and least in {names[1]}." if most.kl_low > least.kl_high else ""


def explained(result: xr.Dataset) -> Finding:
    """Where least is explained. Reads `explained` with its ends [language, layer], `l0` and `dead`."""
    values, nowhere = result.explained, int((result.explained_high <= 0).sum())
    layers, languages = values.mean("language"), values.mean("layer")
    parts = [f"Of what the layers write, {percent(float(values.mean()))} is explained on average."]
    least = result.isel(values.argmin(("language", "layer")))
    ends = f"{percent(float(least.explained_low))} to {percent(float(least.explained_high))}"
    parts.append(
        f"Least is explained in layer {int(least['layer'])} of {language(least['language'].item())}: "
        f"{percent(float(least.explained))} ({ends})."
    )
    if values.size > 1:
        name, layer = languages.idxmin().item(), int(layers.idxmin())
        parts.append(
            f"On average least is in layer {layer} ({percent(float(layers.min()))}) and in {language(name)} "
            f"({percent(float(languages.min()))}), by value."
        )
    if nowhere:
        cells = count(values.size, "cell")
        parts.append(f"In {nowhere} of {cells} of language and layer it is surely no better than a constant.")
    if (dead := float(result.dead.mean())) > _SILENT:
        parts.append(f"{percent(dead)} of the features are active nowhere in these texts.")
    return finding(*parts, f"At a token {number(float(result.l0.mean()))} features of a layer are active.")


def quality_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each language: what is explained, in all layers and the worst, and what predictions lose."""
    interval = f"{100 * level_of(result):g} % interval"
    rows = {}
    for code in result["language"].values:
        own = result.sel(language=code)
        replaced, control = (own.sel(mode=mode) for mode in ("replaced", "mean_ablated"))
        rows[language(code)] = {
            "explained": round(float(own.explained.mean()), 3),
            "worst layer": round(float(own.explained.min()), 3),
            "active features a token": round(float(own.l0.mean()), 1),
            "KL [nats a token]": round(float(replaced.kl), 3),
            interval: f"{number(replaced.kl_low)} to {number(replaced.kl_high)}",
            "KL, mean-ablated": round(float(control.kl), 3),
            "same token": round(float(replaced.agreement), 3),
            "same token, mean-ablated": round(float(control.agreement), 3),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("language")
