"""What the numbers say about patching."""

import numpy as np
import xarray as xr

from workbench.results.make import provenance
from workbench.results.statistics import p_value
from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.rank import BY_LOWER_END, BY_NEARER_END, Cell, ends, strongest
from workbench.studies.findings.sample import ALPHA, level_of, not_shown, undecided
from workbench.text.clusters import recorded_clusters
from workbench.text.display.safe import plain_line
from workbench.text.display.words import count, expected, number, place


def runs_differ(result: xr.Dataset) -> bool:
    """Whether the source and the target runs differ by more than chance, so that effects mean something."""
    gap = result.source_value.values - result.target_value.values
    return bool(p_value(gap, clusters=clusters_of(result)) < ALPHA)


def clusters_of(result: xr.Dataset) -> np.ndarray | None:
    """Cluster of each pair, ints: repeated pairs are of one; None where none repeats."""
    made = provenance(result) if "provenance" in result.attrs else {}
    same = recorded_clusters(made.get("corpus"), ["pairs"], result["pair"].to_numpy().tolist(), joint=False)
    return None if same is None else same[0]


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
                f"{effect_of(best, result)}."
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
                f"{before} the largest effect{best.ranked(BY_LOWER_END)} is at position "
                f"{position_of(result, best.at['position'])}: "
                f"{effect_of(best, result)}."
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
        f"Of the heads, {place(*named)} moves the answer most{best.last_ranked(BY_NEARER_END)}: "
        f"{effect_of(best, result)}. The intervals of {int(sure.sum())} of {count(tested, 'head')} exclude zero; "
        f"{expected((1 - level_of(result)) * tested)}.",
        trust(result),
        heads=[named],
    )


def differing(result: xr.Dataset) -> xr.Dataset:
    """The positions from the first on at which the prompts of a pair differ. Reads `pair_effect`.

    Before it a patch at the same position changes nothing. All positions where lengths differ within a pair.
    """
    cells = result.pair_effect.fillna(0).transpose("pair", "source_position", "target_position").values
    if cells.shape[1] != cells.shape[2]:
        return result
    first = int((np.diagonal(cells, axis1=1, axis2=2) != 0).any(0).argmax())
    return result.isel(source_position=slice(first, None), target_position=slice(first, None))


def cross_position(result: xr.Dataset) -> Finding:
    """Which position's state carries the answer, and where it has to be put. Reads `effect`, `low`, `high`."""
    effect = result.effect.transpose("source_position", "target_position")
    if not np.isfinite(effect.values).any() or not runs_differ(result):
        return finding(indistinct(result), trust(result))
    best = strongest(effect.where(effect > 0), *ends(result))
    if best is None or (best.measured and not best.excludes_zero):
        return finding("No state has an effect whose interval lies above zero, at any position.", trust(result))
    return finding(
        f"The state of source position {position_of(result, best.at['source_position'], 'source_position')} moves the "
        f"answer furthest{best.ranked(BY_LOWER_END)} at target position "
        f"{position_of(result, best.at['target_position'], 'target_position')}: {effect_of(best, result)}.",
        trust(result),
    )


def edges(result: xr.Dataset) -> Finding:
    """The strongest edge, how many intervals exclude zero, and agreement with exact patches. Reads `effect`."""
    effect = result.effect.transpose("sender", "receiver")
    best = strongest(effect, *ends(result))
    if best is None or not runs_differ(result):
        return finding(indistinct(result), trust(result))
    edges, tested = int(np.isfinite(effect.values).sum()), int(np.isfinite(result.low.values).sum())
    sure = int(((result.low > 0) | (result.high < 0)).sum())
    level = level_of(result)
    agreement = Cell({}, *(result.attrs[name] for name in ("agreement", "agreement_low", "agreement_high")))
    return finding(
        f"The strongest edge{best.ranked(BY_NEARER_END)} is from {best.at['sender']} to {best.at['receiver']}, with an "
        f"estimated normalized effect of {number(best.value)}{best.interval(level)}."
        if best.excludes_zero or not best.measured
        else "No edge can be shown to have an effect: every interval includes zero.",
        f"The intervals of {sure} of {count(edges, 'edge')} exclude zero; {expected((1 - level) * tested)}.",
        f"On {result.sizes['cell']} edges that were patched exactly, half of them the strongest, estimate and exact "
        f"effect correlate with {number(agreement.value)}{agreement.interval(level)}.",
        trust(result),
    )


def effect_of(cell: Cell, result: xr.Dataset) -> str:
    """Such as: normalized effect 0.93 (95 % interval 0.8 to 1.02)."""
    return f"normalized effect {number(cell.value)}{cell.interval(level_of(result))}"


def position_of(result: xr.Dataset, position: int, axis: str = "position") -> str:
    """A position with the tokens of the example pair there, such as: -3 (“␣cat” / “␣dog” in pair 0)."""
    names = [name for name in ("source_token", "target_token") if name in result and result[name].dims == (axis,)]
    tokens = dict.fromkeys(str(result[name].sel({axis: position}).item()) for name in names)
    shown = " / ".join(f"“{plain_line(token.replace(' ', '␣').replace(chr(10), '↵'))}”" for token in tokens if token)
    return f"{position} ({shown} in pair {result.attrs['example_pair']})" if shown else str(position)


def _few(result: xr.Dataset, cells: int) -> str:
    return not_shown(result, cells, tested=False, level=level_of(result), units="(normalized)")


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
