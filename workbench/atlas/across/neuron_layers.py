"""Where a language's neurons lie: their share in each layer, and in the outer thirds of the layers."""

import numpy as np

from workbench.atlas.across.depths import thirds
from workbench.atlas.across.evidence import Draws, Evidence, between, over_languages, unmeasured
from workbench.atlas.across.reading import LAPE, TERNARY, OfModel, find


def layer_shares(member: np.ndarray) -> np.ndarray:
    """Share of each language's neurons that lie in each layer, [language, layer]; NaN for one without neurons.

    Args:
        member: whether a neuron is the language's, [language, layer, neuron] bool.
    """
    counts = member.sum(2).astype(float)
    with np.errstate(invalid="ignore"):
        return counts / counts.sum(1, keepdims=True)


def members(results: OfModel, name: str) -> np.ndarray | None:
    """The neurons of each language, [language, layer, neuron] bool: all of LAPE's, the ternary method's specific ones.

    None where the model lacks the result.
    """
    matching = find(results, name)
    if not matching:
        return None
    result = matching[name]
    own = result.member.values.astype(bool)
    return own if name == LAPE else own & (result.kind.values == "specific")


def outer_thirds(results: OfModel, name: str, draws: Draws) -> Evidence:
    """How far the share of a language's neurons in the outer thirds of the layers exceeds that of an even spread.

    The mean over languages that have neurons; every language counts alike, whatever their number.

    Args:
        results: of a model.
        name: `neurons/lape` or `neurons/ternary`.
        draws: of the bootstrap over languages.
    """
    member = members(results, name)
    if member is None:
        return unmeasured(f"there is no {name}")
    shares = layer_shares(member)
    shares = shares[~np.isnan(shares[:, 0])]
    third = thirds(member.shape[1])
    if not len(shares):
        return unmeasured("no language has such neurons")
    if not (third == 1).any():
        return unmeasured(f"{member.shape[1]} layers have no middle third")
    even = float((third != 1).mean())
    evidence = over_languages(shares[:, third != 1].sum(1) - even, draws)
    first, last = (shares[:, third == part].sum(1).mean() for part in (0, 2))
    what = {LAPE: "LAPE neurons", TERNARY: "specific neurons"}[name]
    return evidence.worded(
        f"{first + last:.0%} of a language's {what} lie in the outer thirds of the layers ({first:.0%} in the first, "
        f"{last:.0%} in the last), where an even spread has {even:.0%}: a difference of {evidence.estimate:+.2f} "
        f"({between(evidence.low, evidence.high, '+.2f')}, {len(shares)} languages with {int(member.any(0).sum())} "
        "neurons)"
    )
