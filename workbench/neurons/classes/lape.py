"""LAPE, language activation probability entropy: neurons that fire for few languages (Tang et al. 2024)."""

from typing import Literal

import numpy as np
import xarray as xr

from workbench.arguments import checked, finite, one_of, whole_number
from workbench.neurons.classes.lape_of_features import of_features
from workbench.neurons.classes.ranking import check_share, entropy, how_many, lowest, threshold
from workbench.neurons.counts.rates import read_rates


@checked
def lape(
    firing: xr.Dataset,
    *,
    top_rate: float = 0.01,
    bar: float = 0.95,
    variant: Literal["paper", "features"] = "paper",
    text_share: float = 0.98,
    token_share: float = 0.1,
    near: float = 0.8,
    specific: bool = True,
    top: int | None = None,
) -> xr.Dataset:
    """Find language-specific neurons by the entropy of their firing rates.

    p_k is the share of language k's tokens on which the neuron fires, q = p / sum p, and a neuron's entropy is
    -sum q ln q (a dead neuron's is ln K). tau is the value of rank round(bar * L*N*K) of all p, counting from the
    smallest, starting at 1. Neurons with no p_k above tau are dropped; of the rest the round(L*N * top_rate) of lowest
    entropy are selected (all of the rest where they are fewer), and a selected neuron belongs to every language with
    p_k > tau. Entropies that agree to 12 decimals are ties, which go by layer, then neuron.

    The variant `features` is SAE-LAPE, made for features of sparse autoencoders: the same rates and entropy, and
    another bar. A feature passes that fires in `text_share` of the texts of some language and at more than
    `token_share` of the tokens of some language; it belongs to every language with p_k >= `near` * max p, and is
    selected where that is one.

    All tokens count, as in the paper: `prefix_fired` and `prefix_tokens`, where present, are checked, not subtracted.

    Args:
        firing: `fired` [language, layer, neuron] and `tokens` [language], counts of any origin; or counts of features.
        top_rate: share of all neurons to select; of the variant `paper` alone, as `bar`.
        bar: share of all rates that lie at or below tau.
        variant: `paper`, or `features`, which needs `texts_fired` and `texts`, as `wb.circuits.firing` counts them.
        text_share: least share of a language's texts in which a feature fires; of the variant `features` alone, as all
            that follow.
        token_share: share of a language's tokens that a feature exceeds.
        near: share of the largest rate from which on a language has the feature.
        specific: select only features of one language.
        top: most features of each language, those of lowest entropy; all when None.

    Returns:
        `member` [language, layer, neuron] bool, `entropy` [layer, neuron] in nats, `selected` [layer, neuron] bool;
        attributes `tau` (of the variant `paper`), `n_selected`, `n_dropped`.

    Raises:
        BadCounts: the counts cannot be what they claim to be.
        TooFewLanguages: fewer than two languages.
        BadArgument: `top_rate` or `bar` out of range, or a `top_rate` that selects no neuron.

    Source:
        arXiv 2402.16438; released code github.com/RUCAIBox/Language-Specific-Neurons, identify.py, which sets
        top_rate to 0.05 (the paper: 0.01), leaves ties to chance, and gives dead neurons entropy 0 (it drops them).
        SAE-LAPE: arXiv 2507.11230; settings from its scripts at github.com/rm-3284/language-specific-features, a public
        copy of github.com/LyzanderAndrylie/language-specific-features.

    Example:
        >>> classes = lape(wb.neurons.firing(model, corpus))
        >>> classes.member.sum(("layer", "neuron"))  # neurons per language
    """
    top_rate, bar = check_share("top_rate", top_rate, closed=True), check_share("bar", bar, closed=False)
    bars = {"text_share": text_share, "token_share": token_share, "near": near}
    for name, value in bars.items():
        finite(name, value, at_least=0, at_most=1)
    if top is not None:
        whole_number("top", top, at_least=1)
    if one_of("variant", variant, ("paper", "features")) == "features":
        return of_features(firing, **bars, specific=specific, top=top)
    rates = read_rates(firing, prefix=False)
    count = how_many(rates.rate.shape[1], top_rate)
    tau = threshold(rates.rate, bar)
    above = rates.rate > tau
    active = above.any(axis=0)
    entropies = entropy(rates.rate)
    selected = lowest(np.where(active, entropies, np.inf), min(count, int(active.sum())))
    return rates.result(
        {
            "member": (above & selected, "selected, and fires more often than tau in this language"),
            "entropy": (entropies, "entropy of the firing rates over languages [nats]"),
            "selected": (selected, "among the lowest entropies of the neurons that pass the bar"),
        },
        method="neurons.lape",
        score="entropy",
        parameters={"top_rate": top_rate, "bar": bar},
        attrs={"tau": tau, "n_selected": int(selected.sum()), "n_dropped": int((~active).sum())},
    )
