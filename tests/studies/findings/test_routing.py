"""What the study of routing says of numbers that are known."""

import numpy as np

from workbench.results.make import make_result
from workbench.studies.findings.neurons import routing


def test_routing():
    share = np.array([[[np.nan, np.nan], [0.9, 0.1]], [[np.nan, np.nan], [0.5, 0.5]], [[np.nan, np.nan], [0.4, 0.6]]])
    apart = np.array([[0, 0.3, 0.4], [0.3, 0, 0.1], [0.4, 0.1, 0]])
    axes, row = ("language", "layer", "expert"), ("layer",)
    result = make_result(
        {
            "share": (axes, share, "share"),
            "share_low": (axes, share - 0.05, "low"),
            "share_high": (axes, share + 0.05, "high"),
            "divergence": (row, np.array([np.nan, 0.25]), "divergence [bits]"),
            "divergence_null": (row, np.array([np.nan, 0.02]), "left [bits]"),
            "divergence_p_value": (row, np.array([np.nan, 0.01]), "p"),
            "pair_divergence": (
                ("language", "other", "layer"),
                np.stack([np.full((3, 3), np.nan), apart], 2),
                "[bits]",
            ),
        },
        {"language": ["de", "fr", "ja"], "other": ["de", "fr", "ja"]},
        method="neurons.routing",
        parameters={"permutations": 99},
        corpus={"aligned": False},
        attrs={"layers_without_router": "0"},
    )
    assert routing.divergence(result).text == (
        "Languages are routed furthest apart in layer 1 (0.25 bits; exchanged labels leave 0.02). In 1 of 1 layer with "
        "a router they differ by more than exchanged labels do (corrected p < 0.05; at most about 0.05 of "
        "these by chance). Layers without a router: 0."
    )
    assert routing.pairs(result).text == (
        "German and Japanese (0.4 bits in the mean over layers) lie furthest apart, French and Japanese (0.1 bits in "
        "the mean over layers) nearest, by value; no interval is available."
    )
    assert routing.share(result).text == (
        "The largest preference, by the lower end of its interval: expert 0 of layer 1 gets 90 % (85 % to 95 %) of "
        "what German routes there, and 45 % of the other languages in the mean."
    )
    share_low = result.share_low.where(result.share_low != result.share_low[0, 1, 0], 0.3)  # German's is too noisy
    assert "expert 1 of layer 1 gets 60 % (55 % to 65 %) of what Japanese" in (
        routing.share(result.assign(share_low=share_low)).text
    )
    assert "No expert's share" in routing.share(result.assign(share_low=result.share_low * 0)).text
    assert "among all texts, 99 times" in routing.exchanged(result)
