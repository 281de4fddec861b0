"""Profile: how evenly each feature of a transcoder fires over languages, and each layer's features together."""

import math

import numpy as np
import xarray as xr

from workbench.arguments import checked, finite
from workbench.errors import BadCounts
from workbench.neurons.classes.ranking import entropy
from workbench.neurons.counts.rates import read_rates, unit_of
from workbench.results.bootstrap import ends_of_draws
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result

_SUMMARIES = {
    "mean_entropy": "entropy, mean over the layer's features that fire",
    "weighted_entropy": "entropy, mean over the layer's features, weighted by their rates",
    "share_below": "share of the layer's features that fire whose entropy is below the bound",
}


@checked
def profile(firing: xr.Dataset, *, below: float = 0.5, level: float = 0.95) -> xr.Dataset:
    """Measure how evenly features fire over languages: the normalized entropy of their rates, by layer.

    With p_k the share of language k's tokens at which a feature fires and q = p / sum p, its entropy is
    -sum q ln q / ln K: 1 where it fires equally often in all K languages, 0 where it fires in one alone. Each language
    counts alike, however much of it was read. It says how often features fire, not that they mean the same: `overlap`
    tests that, and its control belongs beside every claim of a shared middle.

    Args:
        firing: counts of `firing`; with its `draws` there are intervals. Counts of neurons are taken too.
        below: entropies below this make `share_below`.

    Returns:
        `entropy[layer, feature]` from 0 to 1, NaN where the feature never fires; `mean_entropy[layer]`,
        `weighted_entropy[layer]`, weighted by the sum of the rates, and `share_below[layer]`, each with `_low` and
        `_high`, bootstrap intervals over texts, moved by the draws' own bias, since resampled texts lower entropies
        (NaN for counts without draws, and where every draw of a language is the same, as of one text alone);
        `dead[layer]`, features that never fire.

    Raises:
        BadCounts: the counts cannot be what they claim to be.
        TooFewLanguages: fewer than two languages.
        BadArgument: `below` is not from 0 to 1.

    Source:
        After arXiv 2511.10840. Its released code divides by the sequences in which a feature fires in any language, not
        by how much of each language was read: at 90 % English a feature that is blind to language gets 0.469. Not
        offered.

    Example:
        >>> counts = wb.circuits.firing(transcoder, model, corpus, draws=200)                    # doctest: +SKIP
        >>> wb.circuits.profile(counts).mean_entropy                                             # doctest: +SKIP
    """
    below = finite("below", below, at_least=0, at_most=1)
    rates, unit = read_rates(firing, prefix=False), unit_of(firing)
    rate = rates.rate.reshape(len(rates.rate), *rates.shape)
    own = normalized(rate)
    values = _summaries(rate, own, below)
    drawn = _drawn(firing, rate.shape, below)
    variables: Variables = {"entropy": (("layer", unit), own, f"entropy of the {unit}'s rates over languages, of ln K")}
    for name, about in _SUMMARIES.items():
        ends = _ends(values[name], drawn[name], level)
        variables[name] = (("layer",), values[name], about.replace("feature", unit))
        variables |= interval_ends(("layer",), tuple(ends), f"{name} over texts", level=level, name=name)
    made = rates.provenance or {}
    return make_result(
        {**variables, "dead": (("layer",), np.isnan(own).sum(1), f"{unit}s that never fire [{unit}s]")},
        rates.coords,
        method="circuits.profile",
        parameters={"below": below, "level": level, "firing": rates.provenance},
        model=made.get("model"),
        corpus=made.get("corpus"),
    )


def normalized(rate: np.ndarray) -> np.ndarray:
    """The entropy of rates [language, layer, unit] over languages, of ln K, [layer, unit]; NaN where all are 0."""
    flat = rate.reshape(len(rate), -1)
    return np.where(flat.any(0), entropy(flat) / math.log(len(rate)), np.nan).reshape(rate.shape[1:])


def _summaries(rate: np.ndarray, own: np.ndarray, below: float) -> dict[str, np.ndarray]:
    """What a layer's features do together, each [layer]; NaN where none fires."""
    alive, weight = ~np.isnan(own), rate.sum(0)
    count, filled = alive.sum(1), np.where(alive, own, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "mean_entropy": filled.sum(1) / count,
            "weighted_entropy": (filled * weight).sum(1) / weight.sum(1),
            "share_below": (alive & (filled < below)).sum(1) / count,
        }


def _ends(value: np.ndarray, drawn: np.ndarray, level: float) -> np.ndarray:
    """The ends of an interval, [end, layer], of a share [layer] and its draws [draw, layer]; NaN without draws.

    Texts that are drawn twice add no firing, which lowers entropies in every draw: that bias is taken out.
    """
    if len(drawn) < 2:
        return np.full((2, len(value)), np.nan)
    return np.clip(ends_of_draws(drawn, level) + value - drawn.mean(0), 0.0, 1.0)


def _drawn(firing: xr.Dataset, shape: tuple[int, ...], below: float) -> dict[str, np.ndarray]:
    """The summaries of every bootstrap draw, [draw, layer]; none where the counts have no draws that differ.

    Raises:
        BadCounts: the draws are of other counts.
    """
    if "drawn_fired" not in firing or "drawn_tokens" not in firing:
        return {name: np.empty((0, shape[1])) for name in _SUMMARIES}
    fired = firing.drawn_fired.transpose("draw", "language", "layer", unit_of(firing)).values
    tokens = firing.drawn_tokens.transpose("draw", "language").values
    if fired.shape[1:] != shape or tokens.shape != fired.shape[:2]:
        raise BadCounts(f"drawn_fired has the shape {list(fired.shape)}, fired {list(shape)}: they are of other counts")
    same = (tokens == tokens[:1]).all(0) & (fired == fired[:1]).all((0, 2, 3))
    if same.any():  # one text: what another would give is not known
        return {name: np.empty((0, shape[1])) for name in _SUMMARIES}
    rows = []
    for counts, of in zip(fired, tokens, strict=True):
        rate = counts.astype(np.float64) / np.maximum(of, 1)[:, None, None]
        rows.append(_summaries(rate, normalized(rate), below))
    return {name: np.stack([row[name] for row in rows]) for name in _SUMMARIES}
