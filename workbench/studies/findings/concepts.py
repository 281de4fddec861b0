"""What the numbers say about concepts and languages in translation prompts."""

import numpy as np
import xarray as xr

from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.rank import BY_LOWER_END, Cell, ends, strongest
from workbench.studies.findings.sample import level_of
from workbench.text.display.words import number


def concepts(result: xr.Dataset) -> Finding:
    """From which layer on concept and language come from the source. Reads `onset`, `probability`, `control`."""
    layers, level, lines = result.sizes["layer"] - 1, level_of(result), []
    for aspect in result.aspect.values:
        value, low, high = (float(result[name].sel(aspect=aspect)) for name in ("onset", "onset_low", "onset_high"))
        side = "source" if result.attrs["at"] == "last" else "target"
        onset = Cell({}, value, low, high)
        where = f"from layer {value:.0f} on{onset.interval(level)}" if value <= layers else "nowhere"
        lines.append(f"The {side}'s {aspect} outweighs the other's {where}.")
    wanted = result.isel(answer=[whose == "source" for whose in result.answer_concept.values])
    peak = strongest(wanted.probability, *ends(wanted))
    if peak is not None:
        lines.append(
            f"The source concept reaches the most{peak.ranked(BY_LOWER_END)} at layer {peak.at['layer']}: "
            f"{number(peak.value)}{peak.interval(level)}, and {number(wanted.control.sel(peak.at))} there with random "
            "concepts' states."
        )
    lines.append(f"{result.attrs['pairs']} pairs of concepts; {result.attrs['collided']} concepts collide.")
    return finding(*lines)


def onsets(result: xr.Dataset) -> Finding:
    """Whether concept or language comes first, over all pairs. Reads `onset`, `low`, `high`, `collided`."""
    concept, language = (result.onset.sel(aspect=aspect).values for aspect in ("concept", "language"))
    known = np.isfinite(concept) & np.isfinite(language)
    if not known.any():
        return Finding("No pair of languages could be measured.")
    widest = float(np.nanmax((result.high - result.low).values))
    sooner, later = (int(order[known].sum()) for order in (language < concept, language > concept))
    return finding(
        f"Over {int(known.sum())} ordered pairs of languages, the concept's onset lies at {_layers(concept)}, the "
        f"language's at {_layers(language)}; the language comes first in {sooner}, the concept in {later}.",
        f"The widest interval spans {widest:.0f} layers.",
    )


def _layers(onset: np.ndarray) -> str:
    """Such as: layers 1 to 3."""
    first, last = np.nanmin(onset), np.nanmax(onset)
    return f"layer {first:.0f}" if first == last else f"layers {first:.0f} to {last:.0f}"
