"""What the numbers say about routes: between positions, and along edges."""

import numpy as np
import xarray as xr

from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.patches import indistinct, runs_differ, trust
from workbench.studies.findings.rank import BY_LOWER_END, BY_NEARER_END, ends, strongest
from workbench.studies.findings.words import count, expected, language, number


def differing(result: xr.Dataset) -> xr.Dataset:
    """The positions from the first on at which the prompts of a pair differ. Reads `pair_effect`.

    Before it a patch at the same position changes nothing. All positions where lengths differ within a pair.
    """
    cells = result.pair_effect.fillna(0).transpose("pair", "source_position", "target_position").values
    if cells.shape[1] != cells.shape[2]:
        return result
    first = int((np.diagonal(cells, axis1=1, axis2=2) != 0).any(0).argmax())
    return result.isel(source_position=slice(first, None), target_position=slice(first, None))


def positions(result: xr.Dataset) -> Finding:
    """Which position's state carries the answer, and where it has to be put. Reads `effect`, `low`, `high`."""
    effect = result.effect.transpose("source_position", "target_position")
    if not np.isfinite(effect.values).any() or not runs_differ(result):
        return finding(indistinct(result), trust(result))
    best = strongest(effect.where(effect > 0), *ends(result))
    if best is None or (best.measured and not best.excludes_zero):
        return finding("No state has an effect whose interval lies above zero, at any position.", trust(result))
    return finding(
        f"The state of source position {best.at['source_position']} moves the answer furthest"
        f"{best.ranked(BY_LOWER_END)} at target position {best.at['target_position']}: normalized effect "
        f"{number(best.value)}{best.interval()}.",
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
    agree, low, high = (result.attrs[name] for name in ("agreement", "agreement_low", "agreement_high"))
    return finding(
        f"The strongest edge{best.ranked(BY_NEARER_END)} is from {best.at['sender']} to {best.at['receiver']}, with an "
        f"estimated normalized effect of {number(best.value)}{best.interval()}."
        if best.excludes_zero or not best.measured
        else "No edge can be shown to have an effect: every interval includes zero.",
        f"The intervals of {sure} of {count(edges, 'edge')} exclude zero; {expected(0.05 * tested)}.",
        f"On {result.sizes['cell']} edges that were patched exactly, half of them the strongest, estimate and exact "
        f"effect correlate with {number(agree)} (95 % interval {number(low)} to {number(high)}).",
        trust(result),
    )


def latent(result: xr.Dataset) -> Finding:
    """Words of which language the layers predict. Reads `mass`, `shared`, attribute `asked`."""
    mass, target = result.mass.dropna("language", how="all"), str(result.attrs["asked"])
    others = mass.drop_sel(language=target) if target in mass.language.values else mass
    parts = []
    if target in mass.language.values:
        mine = mass.sel(language=target).values
        ahead = np.flatnonzero(mine > others.values.max(0, initial=0.0))
        where = f"at {len(ahead)} of {mine.size} states" if ahead.size else "at no state"
        parts.append(f"Words of {language(target)} alone lead {where}; at the output they have {number(mine[-1])}.")
    if others.sizes["language"]:
        rows = result.sel(language=others["language"])
        best = strongest(others, *ends(rows, "mass_low", "mass_high"))
        if best is not None:
            parts.append(
                f"Of the others, {language(best.at['language'])} reaches the most{best.ranked(BY_LOWER_END)} at state "
                f"{best.at['layer']}: {number(best.value)}{best.interval()}."
            )
    if np.isfinite(result.shared.values).all():
        parts.append(f"Tokens that several languages share have {number(float(result.shared[-1]))} at the output.")
    return finding(*parts)


def sureness(result: xr.Dataset) -> Finding:
    """How entropy and the answer's rank change with depth. Reads `entropy`, `rank`."""
    entropy, rank = result.entropy.values, result["rank"].values
    ranks = result.entropy_low.values if "entropy_low" in result else entropy  # as of all that is ranked, the lower end
    best = int(ranks[1:-1].argmax()) + 1 if entropy.size > 2 else 0
    return Finding(
        f"Between embedding and output, entropy is highest at state {int(result.layer[best])} ({number(entropy[best])} "
        f"nats) and {number(entropy[-1])} nats at the output; the answer's rank is {number(rank[best])} there and "
        f"{number(rank[-1])} at the output."
    )
