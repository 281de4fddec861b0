"""What the numbers say about patching and the lens."""

import numpy as np
import xarray as xr

from workbench.results.make import provenance
from workbench.results.statistics import p_value
from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.rank import BY_LOWER_END, BY_NEARER_END, Cell, ends, strongest
from workbench.studies.findings.sample import ALPHA, not_shown, undecided
from workbench.studies.findings.words import count, expected, language, number, place
from workbench.text.clusters import recorded_clusters


def runs_differ(result: xr.Dataset) -> bool:
    """Whether the source and the target runs differ by more than chance, so that effects mean something."""
    made = provenance(result) if "provenance" in result.attrs else {}
    same = recorded_clusters(made.get("corpus"), ["pairs"], result["pair"].to_numpy().tolist(), joint=False)
    gap = result.source_value.values - result.target_value.values
    return bool(p_value(gap, clusters=None if same is None else same[0]) < ALPHA)


def trust(result: xr.Dataset) -> str:
    """Whether the model does the task at all. Reads `source_value`, `target_value` of a logit difference."""
    if result.attrs.get("metric") != "logit_difference":
        return ""
    source, target = result.source_value.values, result.target_value.values
    known = np.isfinite(source) & np.isfinite(target)
    right = int((known & (source > 0) & (target < 0)).sum())
    total = int(known.sum())
    if not total:
        return "No pair was finished."
    line = f"In {right} of {count(total, 'pair')} the model prefers the right word in both runs"
    return f"{line}." if 2 * right > total else f"{line}: it does not do this task, and effects say little about it."


def cross_layer(result: xr.Dataset) -> Finding:
    """Between which layers the patching effect is surely largest. Reads `effect[source_layer, target_layer]`, `low`."""
    effect = result.effect.transpose("source_layer", "target_layer").values
    if not np.isfinite(effect).any() or not runs_differ(result):
        return _nothing(result)
    far = result.source_layer.values[:, None] != result.target_layer.values  # within a layer, the last one is always 1
    parts = []
    if np.isfinite(effect[far]).any():
        apart = result.effect.where(result.source_layer != result.target_layer)
        best = strongest(apart.where(apart > 0), *ends(result))
        if best is None or (best.measured and not best.excludes_zero):
            parts = [f"Between different layers no effect has an interval above zero. {_few(result, int(far.sum()))}"]
        else:
            parts = [
                f"Between different layers, the effect is largest{best.ranked(BY_LOWER_END)} from layer "
                f"{best.at['source_layer']} of the source run into layer {best.at['target_layer']} of the target run: "
                f"{_value(best)}."
            ]
        parts.append(
            f"{int((effect[far] > 0.5).sum())} of {count(int(far.sum()), 'such cell')} have an effect above 0.5."
        )
    same = np.flatnonzero((np.where(far, np.nan, effect) > 0.5).any(1))
    if same.size:
        parts.append(f"Within one layer, that is first so at layer {int(result.source_layer[same[0]])}.")
    return finding(*parts, trust(result))


def positions(result: xr.Dataset) -> Finding:
    """Where the answer is, layer by layer. Reads `effect[layer, position]`."""
    effect = result.effect.transpose("layer", "position")
    if not np.isfinite(effect.values).any() or not runs_differ(result):
        return _nothing(result)
    first, last = effect.isel(layer=0), effect.isel(position=-1)
    passed = np.flatnonzero(last.values > 0.5)
    if passed.size:
        at = int(passed[0])
        parts = [
            f"The state of the last position has an effect above 0.5 from layer "
            f"{int(effect.layer[at])} on ({number(float(last[at]))} there)."
            if (last.values[at:] > 0.5).all()
            else f"The state of the last position first has an effect above 0.5 before layer "
            f"{int(effect.layer[at])} ({number(float(last[at]))})."
        ]
    else:
        parts = ["At the last position no state before a layer has an effect above 0.5."]
    if np.isfinite(first.values).any():
        bounds = (None if end is None else end.transpose("layer", "position")[0] for end in ends(result))
        best = strongest(first.where(first > 0), *bounds)
        before = f"Before layer {int(effect.layer[0])}"
        if best is None or (best.measured and not best.excludes_zero):
            parts.append(f"{before} no position has an effect whose interval lies above zero.")
        else:
            parts.append(
                f"{before} the largest effect{best.ranked(BY_LOWER_END)} is at position {best.at['position']}: "
                f"{_value(best)}."
            )
    return finding(*parts, trust(result))


def heads(result: xr.Dataset) -> Finding:
    """Which head carries the answer. Reads `effect[layer, head]`, `low`, `high`."""
    effect = result.effect.transpose("layer", "head").values
    if not np.isfinite(effect).any() or not runs_differ(result):
        return _nothing(result)
    low, high = (result[name].transpose("layer", "head").values for name in ("low", "high"))
    sure, tested = (low > 0) | (high < 0), int(np.isfinite(low).sum())
    best = strongest(result.effect.transpose("layer", "head"), *ends(result))
    if best is None or not sure.any():
        return finding(
            "No head can be shown to move the answer: every interval includes zero.",
            _few(result, tested),
            trust(result),
        )
    named = (best.at["layer"], best.at["head"])
    return finding(
        f"Of the heads, {place(*named)} moves the answer most{best.last_ranked(BY_NEARER_END)}: {_value(best)}. "
        f"The intervals of {int(sure.sum())} of {count(tested, 'head')} exclude zero; {expected(0.05 * tested)}.",
        trust(result),
        heads=[named],
    )


def lens(result: xr.Dataset, target: str) -> Finding:
    """From which layer on the target language leads. Reads `probability[language, layer]`."""
    table = _readable(result)
    name = language(target)
    if target not in table.language.values:
        return Finding(f"{name} cannot be read: its words begin with the same tokens as other languages' words.")
    if table.sizes["language"] < 2:
        return Finding(f"Only {name} can be read, so that nothing is compared.")
    mine, others = table.sel(language=target).values, table.drop_sel(language=target)
    rivals, ahead = others.values.max(0), others.language.values[others.values.argmax(0)]
    output = f"{name} {number(mine[-1])}, {language(ahead[-1])} {number(rivals[-1])}"
    start = overtakes(result, target)
    if start is None:
        return Finding(f"{name}, the target language, does not lead at the output: {output}.")
    at = int(np.flatnonzero(table.layer.values == start)[0])
    if at == 0:
        lead = f"{name}, the target language, leads at every layer up to the output ({output})."
    else:
        lead = (
            f"{name}, the target language, leads from state {start} up to the output ({output}); one state earlier, "
            f"{language(ahead[at - 1])} is ahead or level."
        )
    return finding(lead, _clear(result, target))


def _clear(result: xr.Dataset, target: str) -> str:
    """From which state on the target language's interval lies above those of all others."""
    if not {"low", "high"} <= set(result.data_vars):
        return ""
    codes = _readable(result).language.values
    low = result.low.sel(language=target).transpose("layer").values
    high = result.high.sel(language=codes[codes != target]).transpose("language", "layer").values.max(0)
    overlapping = np.flatnonzero(~(low > high))
    start = int(overlapping[-1]) + 1 if overlapping.size else 0
    if start == low.size:
        return "Its interval overlaps another language's at the output."
    return f"Its interval lies above all others from state {int(result.layer[start])} on."


def overtakes(result: xr.Dataset, target: str) -> int | None:
    """First state from which the target language leads up to the output; None where it does not lead there."""
    table = _readable(result)
    if target not in table.language.values or table.sizes["language"] < 2:
        return None
    leads = table.sel(language=target).values > table.drop_sel(language=target).values.max(0)
    trailing = np.flatnonzero(~leads)
    start = int(trailing[-1]) + 1 if trailing.size else 0
    return int(table.layer[start]) if start < leads.size else None


def _readable(result: xr.Dataset) -> xr.DataArray:
    """Probabilities [language, layer] of the languages that have one at every layer."""
    table = result.probability.transpose("language", "layer")
    return table.isel(language=np.flatnonzero(np.isfinite(table.values).all(1)))


def _value(cell: Cell) -> str:
    """Such as: normalized effect 0.93 (95 % interval 0.8 to 1.02)."""
    return f"normalized effect {number(cell.value)}{cell.interval()}"


def _few(result: xr.Dataset, cells: int) -> str:
    return not_shown(result, cells, tested=False, units="(normalized)")


def indistinct(result: xr.Dataset) -> str:
    """That source and target runs cannot be distinguished, and whether the pairs could have shown a difference."""
    gap = result.source_value.values - result.target_value.values
    known = gap[np.isfinite(gap)]
    by = f" ({number(known.mean())} on average over {count(known.size, 'pair')})" if known.size else ""
    few = undecided(known.size, "pair", 1)
    return (
        f"The source and the target runs are not distinguishable{by}: an effect, which divides by their difference, is "
        f"meaningless here.{' ' * bool(few)}{few}"
    )


def _nothing(result: xr.Dataset) -> Finding:
    return finding(indistinct(result), trust(result))
