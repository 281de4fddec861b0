"""What the numbers say about knowledge barriers: which losses are one, and which are a liking for the odd option."""

import numpy as np
import pandas as pd
import xarray as xr

from workbench.results.make import provenance
from workbench.results.proportions import wilson
from workbench.studies.findings.finding import Finding, finding
from workbench.text.display.words import chance, count, language, listed, number, percent

_ALPHA = 0.05
_ODD_RIGHT = ("gt", "gt_question", "threewrong")  # variants in which the right option is the odd one out
_ODD_WRONG = ("onewrong",)  # and in which a wrong one is
_NO_ODD = ("full", "options")  # variants in which all options are in the other language
_WORDS = {
    "full": "question and options are in it",
    "question": "the question is in it",
    "options": "the options are in it",
    "gt": "only the right option is in it",
    "gt_question": "the question and the right option are in it",
    "onewrong": "one wrong option is in it",
    "threewrong": "all wrong options are in it",
    "mixup": "each part is in a language of its own",
    "mixup_free": "each part is in a language drawn for it",
}


def barriers(result: xr.Dataset) -> Finding:
    """Where accuracy is lost against the pivot, and which of these losses are barriers.

    A loss where one option is the odd one out is a barrier only where accuracy is lost without an odd option, too.
    Reads `drop` with its ends and `p_value`, `accuracy` [variant, language], `odd_bias`, `balanced` with their ends
    [language], `pivot_accuracy` and `chance`.
    """
    pivot = language(result.attrs["pivot"])
    low, high = _pivot_interval(result)
    whole = f"In {pivot} alone, {percent(float(result.pivot_accuracy))} ({percent(low)} to {percent(high)}) are right"
    if low <= float(result.chance):
        return finding(
            f"{whole}, which is not above chance ({percent(float(result.chance))}): what is not known cannot be lost, "
            "and no barrier can be seen.",
            *_odd_sentences(result),
        )
    lost, gained = (surely(result, sign) for sign in (1, -1))
    cells = count(int(np.isfinite(result["drop"].values).sum()), "cell")
    plain = lost & ~xr.DataArray(np.isin(result["variant"].values, _ODD_RIGHT + _ODD_WRONG), dims="variant")
    answer = (
        f"Accuracy is lost against {pivot} in {int(lost.sum())} of {cells} (corrected), in {int(plain.sum())} of them "
        f"where no option is the odd one out; it is gained in {int(gained.sum())}."
        if int(lost.sum())
        else f"No loss against {pivot} can be shown in any of {cells} (corrected); accuracy is gained in "
        f"{int(gained.sum())}."
    )
    largest = (
        _largest(result, plain, "largest loss without an odd option")
        if int(lost.sum())
        else _largest(result, result["drop"] > 0, "largest drop, not beyond chance,")
    )
    odd_losses = [_odd_losses(result.sel(language=code), lost) for code in result["language"].values]
    return finding(answer, f"{whole}.", largest, *odd_losses, *_odd_sentences(result), _left_out(result))


def surely(result: xr.Dataset, sign: int) -> xr.DataArray:
    """Whether accuracy is lost (1) or gained (-1) beyond chance, [variant, language]."""
    return (result.p_value < _ALPHA) & (sign * result["drop"] > 0)


def _pivot_interval(result: xr.Dataset) -> tuple[float, float]:
    """Wilson's interval of the accuracy in the pivot; of an unknown number of items from 0 to 1."""
    made = provenance(result)
    items = int((made.get("corpus") or {}).get("items", 0)) - int((made.get("parameters") or {}).get("shots", 0))
    return wilson(round(float(result.pivot_accuracy) * items), items) if items > 0 else (0.0, 1.0)


def _largest(result: xr.Dataset, where: xr.DataArray, which: str) -> str:
    """The largest of some drops."""
    drops = result["drop"].where(where)
    if not np.isfinite(drops.values).any():
        return ""
    place = np.unravel_index(np.nanargmax(drops.values), drops.shape)
    cell = result.isel(variant=int(place[0]), language=int(place[1]))
    code, name = cell["language"].item(), str(cell["variant"].item())
    place_words = "in several languages" if code == "mul" else f"in {language(code)}"
    return (
        f"The {which} is {place_words} where {_WORDS[name]} ({name}): "
        f"{number(100 * float(cell['drop']))} points ({number(100 * float(cell.drop_low))} to "
        f"{number(100 * float(cell.drop_high))}, {chance(float(cell.p_value))})."
    )


def _odd_losses(cell: xr.Dataset, lost: xr.DataArray) -> str:
    """Whether a language's losses where one option is the odd one out come with one where no option is.

    Not knowing the words of a language costs where all options are in it, too; avoiding or liking the one option that
    differs does not.
    """
    code = cell["language"].item()
    own = [str(name) for name in cell["variant"].values[lost.sel(language=code).values]]
    odd_ones = [name for name in own if name in _ODD_RIGHT + _ODD_WRONG]
    if not odd_ones:
        return ""
    rates = [f"{name} {percent(float(cell.accuracy.sel(variant=name)))}" for name in odd_ones]
    balanced = (
        f"; with each option in turn in the other language {percent(float(cell.balanced))} "
        f"({percent(float(cell.balanced_low))} to {percent(float(cell.balanced_high))}) are right"
        if np.isfinite(float(cell.balanced))
        else ""
    )
    text = f"In {language(code)}, accuracy is lost where one option is the odd one out ({listed(rates)}{balanced})"
    whole = [name for name in _NO_ODD if name in cell["variant"].values]
    if not whole:
        return f"{text}: without {listed(_NO_ODD)} this cannot be told from a liking for or against the odd option."
    also = [name for name in whole if name in own]
    if also:
        return f"{text}, and in {listed(also)}, where none is: this is a barrier and not the odd option alone."
    return (
        f"{text}, but no loss is shown in {listed(whole)}, where all options are in the language: this is the odd "
        "option, not a barrier."
    )


def _odd_sentences(result: xr.Dataset) -> list[str]:
    """A sentence for languages in which the odd option is liked, avoided, and neither."""
    known = result.isel(language=np.isfinite(result.odd_bias.values))
    if not known.sizes["language"]:
        return []
    likes, avoids = (known.odd_bias_low > 0).values, (known.odd_bias_high < 0).values
    lines = [
        _liking(known.isel(language=chosen), verb, raised)
        for chosen, verb, raised in ((likes, "more", _ODD_RIGHT), (avoids, "less", _ODD_WRONG))
        if chosen.any()
    ]
    codes = known["language"].values[~(likes | avoids)]
    if codes.size:
        lines.append(
            "No liking for or against the one option in another language can be shown in "
            f"{listed(map(language, codes))}."
        )
    return lines


def _liking(some: xr.Dataset, verb: str, raised: tuple[str, ...]) -> str:
    """That the odd option is picked more or less than by chance, and which gains this makes."""
    biases = ", ".join(
        f"{language(code)} {number(100 * float(bias))} points"
        for code, bias in zip(some["language"].values, some.odd_bias.values, strict=True)
    )
    gained = surely(some, -1).any("language").values
    gains = [str(name) for name in some["variant"].values[gained] if name in raised]
    text = f"The one option in another language is picked {verb} often than by chance ({biases})"
    return f"{text}: gains in {listed(gains)} are this and no sign of knowledge." if gains else f"{text}."


def _left_out(result: xr.Dataset) -> str:
    """How many items were left out at most, as a translated part is spelled as in the pivot."""
    most = float(result.left_out.max())
    return f"Up to {most:g} items are left out of a cell: a part is spelled as in the pivot." if most > 0 else ""


def odd(result: xr.Dataset) -> Finding:
    """Whether the odd option is liked, by language. Reads `odd_bias` with its ends [language]."""
    sentences = _odd_sentences(result)
    return finding(*sentences) if sentences else Finding("No item could be asked with each option in turn changed.")


def barriers_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each language: accuracy by variant, the odd option's bias, and the accuracy without its share."""
    rows = result.accuracy.to_pandas().T
    rows[["balanced", "odd bias"]] = result[["balanced", "odd_bias"]].to_dataframe()
    rows.columns.name = None
    return rows.round(3).dropna(axis=1, how="all").rename(index=language).rename_axis("language")
