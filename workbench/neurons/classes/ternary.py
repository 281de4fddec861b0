"""Ternary neurons: language-specific, language-related and general ones (arXiv 2505.21505)."""

import math
from typing import Literal

import numpy as np
import xarray as xr

from workbench.arguments import checked, finite
from workbench.neurons.classes.exact_lambda import exact_lambda
from workbench.neurons.classes.ranking import check_share, entropy, how_many, lowest, threshold
from workbench.neurons.classes.weight_lambda import conversion, largest, mean_rank_share
from workbench.neurons.counts.rates import read_rates

KINDS = ("specific", "related", "general", "unassigned", "other")


@checked
def ternary(
    firing: xr.Dataset,
    *,
    top_rate: float = 0.01,
    bar: float = 0.95,
    lam: float | Literal["auto"] = "auto",
    variant: Literal["paper", "released"] = "paper",
) -> xr.Dataset:
    """Sort every neuron into specific, related, general, unassigned or other.

    p_k is the share of language k's response tokens on which the neuron fires (all its tokens where there are no prefix
    counts), q = p / sum p, uniform for a dead neuron. The score weighs low entropy against a high largest rate:

    - `paper`: -sum q ln q - lam * max p, in nats
    - `released`: -sum q ln q / ln K - lam * max p / ((1 + 1/2 + ... + 1/K) / K)

    Both order the neurons alike when lam(paper) = lam(released) * ln K / ((1 + 1/2 + ... + 1/K) / K): the first score
    is ln K times the second. Neurons are ranked in the released scaling in both, to 12 decimals, ties by layer, then
    neuron. The round(L*N * top_rate) neurons of lowest score are selected. tau is the value of rank round(bar * L*N*K)
    of all p, counting from the smallest, starting at 1. With c the number of languages whose p_k > tau, a neuron is

    - general: c = K, selected or not
    - specific: selected, c = 1; related: selected, 1 < c < K; unassigned: selected, c = 0
    - other: not selected, c < K

    Args:
        firing: `fired` [language, layer, neuron] and `tokens` [language], counts of any origin; beside them
            `prefix_fired` and `prefix_tokens`, which are subtracted; differences below 0 are refused.
        top_rate: share of all neurons to select.
        bar: share of all rates that lie at or below tau.
        lam: weight of the largest rate in the scaling of `variant`, 0 or more; "auto" takes the largest that selects no
            neuron with c = K: the released bisection on [0, 0.2] to 1e-3 in the released scaling, in both variants.
        variant: scaling of `lam` and of the reported score.

    Returns:
        `kind` [layer, neuron] str, `member` [language, layer, neuron] bool (selected and p_k > tau), `score`
        [layer, neuron], `selected` [layer, neuron] bool; attributes `lam`, `lam_paper`, `lam_released`, `lam_search`,
        `lam_exact` (what the bisection approaches, from the sorted crossings of the scores, released scaling; NaN where
        lam was given), `monotone` (1, 0, or -1 where lam was given), `tau`, `above_one`, `n_specific` ... `n_other`.

    Raises:
        BadCounts: the counts cannot be what they claim to be.
        TooFewLanguages: fewer than two languages.
        BadArgument: an option out of range, a `top_rate` that selects no neuron, or no lambda in the searched range.

    Source:
        arXiv 2505.21505; released code github.com/NJUNLP/Language-Neurons-Alignment (analysis.py, identify.py,
        autosweep.py). It differs in that rates are float32, q is clamped at 1e-12, ties are left to chance, a
        language without response tokens is divided by 1, ten languages are assumed, and where even 0.2 selects no
        neuron with c = K the search ends just below it.

    Example:
        >>> classes = ternary(wb.neurons.firing(model, corpus))
        >>> (classes.kind == "specific").sum("neuron")  # specific neurons per layer
    """
    top_rate, bar = check_share("top_rate", top_rate, closed=True), check_share("bar", bar, closed=False)
    lam = lam if isinstance(lam, str) else finite("lam", lam, at_least=0)
    rates = read_rates(firing, prefix=True)
    languages, neurons = rates.rate.shape
    count = how_many(neurons, top_rate)
    tau = threshold(rates.rate, bar)
    above = rates.rate > tau
    belongs = above.sum(axis=0)
    nats, top = entropy(rates.rate), rates.rate.max(axis=0)
    normal, share = nats / math.log(languages), top / mean_rank_share(languages)
    paper, released, search = _weight(lam, variant, normal, share, belongs == languages, count, conversion(languages))
    scaled = normal - released * share
    selected = lowest(scaled, count)
    kind = np.select([belongs == languages, ~selected, belongs == 0, belongs == 1], [2, 4, 3, 0], default=1)
    in_nats = variant == "paper"
    return rates.result(
        {
            "kind": (np.array(KINDS)[kind], f"class: {', '.join(KINDS)}"),
            "member": (above & selected, "selected, and fires more often than tau in this language"),
            "score": (
                nats - paper * top if in_nats else scaled,
                "entropy over languages less the weighted largest rate" + (" [nats]" if in_nats else ""),
            ),
            "selected": (selected, "among the lowest scores"),
        },
        method="neurons.ternary",
        score="score",
        parameters={"top_rate": top_rate, "bar": bar, "lam": lam, "variant": variant},
        attrs={
            "variant": variant,
            "lam": float(paper if in_nats else released),
            "lam_paper": float(paper),
            "lam_released": float(released),
            **search,
            "tau": tau,
            "above_one": rates.above_one,
            **{f"n_{name}": int((kind == code).sum()) for code, name in enumerate(KINDS)},
        },
    )


def _weight(
    lam: float | Literal["auto"],
    variant: str,
    normal: np.ndarray,
    share: np.ndarray,
    everywhere: np.ndarray,
    count: int,
    factor: float,
) -> tuple[float, float, dict[str, str | int | float]]:
    """A given lambda, or the largest that selects no neuron of every language; arrays as in `exact_lambda`.

    In the paper's scaling and in the released one, then the attributes that say how it was obtained.
    """
    if lam != "auto":
        both = (lam, lam / factor) if variant == "paper" else (lam * factor, lam)
        return *both, {"lam_exact": math.nan, "lam_search": "given", "monotone": -1}
    in_all = np.flatnonzero(everywhere)
    search = largest(lambda weight: int(lowest(normal - weight * share, count)[in_all].sum()))
    exact = exact_lambda(normal, share, everywhere, count)
    attrs = {"lam_exact": exact, "lam_search": str(search), "monotone": int(search.monotone)}
    return search.lam * factor, search.lam, attrs


def in_order(*kinds: np.ndarray) -> list[str]:
    """The classes of neurons: the ternary ones, then those that only these arrays have, by name."""
    return [*KINDS, *sorted({str(name) for kind in kinds for name in np.unique(kind)} - set(KINDS))]
