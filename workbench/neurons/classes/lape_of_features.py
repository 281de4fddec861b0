"""SAE-LAPE: features of sparse dictionaries that fire for one language (arXiv 2507.11230)."""

import numpy as np
import xarray as xr

from workbench.errors import BadCounts
from workbench.neurons.classes.ranking import entropy, lowest
from workbench.neurons.counts.rates import axes, read_counts, read_rates


def of_features(
    firing: xr.Dataset, *, text_share: float, token_share: float, near: float, specific: bool, top: int | None
) -> xr.Dataset:
    """The variant `features` of `lape`; arguments, Result and errors as there."""
    rates = read_rates(firing, prefix=False)
    counts, languages = read_counts(firing)
    if not {"texts", "texts_fired"} <= set(firing.data_vars):
        raise BadCounts("variant='features' needs texts_fired and texts; count with wb.circuits.firing")
    texts = firing.texts_fired.transpose(*axes("fired", rates.unit)).values.reshape(len(languages), -1)
    in_texts = texts >= (firing.texts.values * text_share).astype(int)[:, None]
    fired = counts["fired"].reshape(len(languages), -1)
    at_tokens = fired > (counts["tokens"] * token_share).astype(int)[:, None]
    passes = in_texts.any(0) & at_tokens.any(0)
    entropies = entropy(rates.rate)
    member = passes & (rates.rate >= near * rates.rate.max(0))
    if specific:
        member &= member.sum(0) == 1
    if top is not None:
        for own in member:
            own &= lowest(np.where(own, entropies, np.inf), min(top, int(own.sum())))
    selected = member.any(0)
    return rates.result(
        {
            "member": (member, "selected, and fires nearly as often as in any language"),
            "entropy": (entropies, "entropy of the firing rates over languages [nats]"),
            "selected": (selected, "passes the bars on texts and tokens and belongs to so few languages"),
        },
        method="neurons.lape",
        score="entropy",
        parameters={
            "variant": "features",
            "text_share": text_share,
            "token_share": token_share,
            "near": near,
            "specific": specific,
            "top": top,
        },
        attrs={"n_selected": int(selected.sum()), "n_dropped": int((~passes).sum())},
    )
