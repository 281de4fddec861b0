"""What the numbers say about routes: between positions, and along edges."""

import numpy as np
import xarray as xr

from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.patches import runs_differ, trust
from workbench.studies.findings.words import count, language, number


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
        return finding("The source and the target runs differ by no more than chance.", trust(result))
    i, j = (int(k) for k in np.unravel_index(np.nanargmax(effect.values), effect.shape))
    low, high = (float(result[name].transpose(*effect.dims)[i, j]) for name in ("low", "high"))
    return finding(
        f"The state of source position {int(effect.source_position[i])} moves the answer furthest at target position "
        f"{int(effect.target_position[j])}: normalized effect {number(float(effect[i, j]))} (95 % interval "
        f"{number(low)} to {number(high)}).",
        trust(result),
    )


def edges(result: xr.Dataset) -> Finding:
    """The strongest edge, how many intervals exclude zero, and agreement with exact patches. Reads `effect`."""
    effect = result.effect.transpose("sender", "receiver").values
    if not np.isfinite(effect).any() or not runs_differ(result):
        return finding("The source and the target runs differ by no more than chance.", trust(result))
    i, o = (int(k) for k in np.unravel_index(np.nanargmax(np.abs(effect)), effect.shape))
    sure = int(((result.low > 0) | (result.high < 0)).sum())
    agree, low, high = (result.attrs[name] for name in ("agreement", "agreement_low", "agreement_high"))
    return finding(
        f"The strongest edge is from {result.sender.values[i]} to {result.receiver.values[o]}, with an "
        f"estimated normalized effect of {number(float(effect[i, o]))}.",
        f"The intervals of {sure} of {count(int(np.isfinite(effect).sum()), 'edge')} exclude zero.",
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
        i, j = (int(k) for k in np.unravel_index(others.values.argmax(), others.shape))
        code = str(others.language.values[i])
        low, high = (float(result[f"mass_{end}"].sel(language=code)[j]) for end in ("low", "high"))
        parts.append(
            f"Of the others, {language(code)} reaches the most: {number(float(others.values[i, j]))} (95 % interval "
            f"{number(low)} to {number(high)}) at state {int(result.layer[j])}."
        )
    if np.isfinite(result.shared.values).all():
        parts.append(f"Tokens that several languages share have {number(float(result.shared[-1]))} at the output.")
    return finding(*parts)


def sureness(result: xr.Dataset) -> Finding:
    """How entropy and the answer's rank change with depth. Reads `entropy`, `rank`."""
    entropy, rank = result.entropy.values, result["rank"].values
    best = int(entropy[1:-1].argmax()) + 1 if entropy.size > 2 else 0
    return Finding(
        f"Between embedding and output, entropy is highest at state {int(result.layer[best])} ({number(entropy[best])} "
        f"nats) and {number(entropy[-1])} nats at the output; the answer's rank is {number(rank[best])} there and "
        f"{number(rank[-1])} at the output."
    )
