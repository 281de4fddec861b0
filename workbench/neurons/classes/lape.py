"""LAPE, language activation probability entropy: neurons that fire for few languages (Tang et al. 2024)."""

import numpy as np
import xarray as xr

from workbench.arguments import checked
from workbench.neurons.classes.ranking import check_share, entropy, how_many, lowest, threshold
from workbench.neurons.counts.rates import read_rates


@checked
def lape(firing: xr.Dataset, *, top_rate: float = 0.01, bar: float = 0.95) -> xr.Dataset:
    """Find language-specific neurons by the entropy of their firing rates.

    p_k is the share of language k's tokens on which the neuron fires, q = p / sum p, and a neuron's entropy is
    -sum q ln q (a dead neuron's is ln K). tau is the value of rank round(bar * L*N*K) of all p, counting from the
    smallest, starting at 1. Neurons with no p_k above tau are dropped; of the rest the round(L*N * top_rate) of lowest
    entropy are selected (all of the rest where they are fewer), and a selected neuron belongs to every language with
    p_k > tau. Entropies that agree to 12 decimals are ties, which go by layer, then neuron.

    All tokens count, as in the paper: `prefix_fired` and `prefix_tokens`, where present, are checked, not subtracted.

    Args:
        firing: `fired` [language, layer, neuron] and `tokens` [language], counts of any origin.
        top_rate: share of all neurons to select.
        bar: share of all rates that lie at or below tau.

    Returns:
        `member` [language, layer, neuron] bool, `entropy` [layer, neuron] in nats, `selected` [layer, neuron] bool;
        attributes `tau`, `n_selected`, `n_dropped`.

    Raises:
        BadCounts: the counts cannot be what they claim to be.
        TooFewLanguages: fewer than two languages.
        BadArgument: `top_rate` or `bar` out of range, or a `top_rate` that selects no neuron.

    Source:
        arXiv 2402.16438; released code github.com/RUCAIBox/Language-Specific-Neurons, identify.py, which sets
        top_rate to 0.05 (the paper: 0.01), leaves ties to chance, and gives dead neurons entropy 0 (it drops them).

    Example:
        >>> classes = lape(wb.neurons.firing(model, corpus))
        >>> classes.member.sum(("layer", "neuron"))  # neurons per language
    """
    top_rate, bar = check_share("top_rate", top_rate, closed=True), check_share("bar", bar, closed=False)
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
