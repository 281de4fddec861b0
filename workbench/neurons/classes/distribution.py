"""DLN, distribution-aware language neurons: how far a neuron's whole distributions overlap between languages."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from workbench.arguments import checked, one_of
from workbench.errors import BadCounts, TooFewLanguages
from workbench.neurons.classes.ranking import check_share
from workbench.neurons.counts.rates import axes, read_counts, unit_of
from workbench.results.make import make_result, origin

_DECIMALS = 12  # overlaps that agree to here are equal, whatever order their sums ran in


@checked
def distribution(firing: xr.Dataset, *, top_rate: float = 0.01, even: str = "rate") -> xr.Dataset:
    """Find language neurons by the overlap of their activations' distributions between languages.

    Overlap of two languages: the sum over bins of the smaller of the two shares of tokens, 1 for equal distributions, 0
    for disjoint ones. A neuron's languages are divided in two so that the largest overlap across is least
    (single linkage): that is its cost, and the smaller side is its cluster. tau is the value of rank max(1,
    floor(top_rate * count)) of the overlaps of all pairs of languages in all neurons, counting from the smallest; a
    neuron of cost at or below tau, and below 1, is a language neuron and belongs to the languages of its cluster.

    The bins are those of the sketch of `wb.neurons.firing(..., sketch=True)`: 131, of equal ratio. Counts without a
    sketch give two bins, tokens at which the neuron fires and others, whose overlap is 1 - |difference of the rates|.
    All tokens count, those of prefixes too.

    Args:
        firing: counts of any origin, best with a sketch; of neurons, or of features.
        top_rate: share of all overlaps that lie at or below tau.
        even: the cluster where both sides have as many languages: "rate", the side that fires more often in the mean,
            or "first", the side of the first language, as the released code has it.

    Returns:
        `score[language, layer, neuron]`, 1 - cost where the language is in the neuron's cluster, else 0; `member`, the
        clusters of language neurons, bool; `cost[layer, neuron]`; `overlap[language, layer, neuron]`, the mean with the
        other languages; `kind[layer, neuron]`: "specific" has a cluster of one language, "related" a larger one,
        "other" is no language neuron. Attributes: `tau`; `bins`, their number.

    Raises:
        BadCounts: the counts cannot be what they claim to be.
        TooFewLanguages: fewer than two languages.
        BadArgument: `top_rate` or `even` out of range.

    Source:
        Distribution-aware Language Neuron Identification (EMNLP 2026); released code
        github.com/mjkmain/Distribution-aware-language-neurons, overlap.py and select_neurons.py. It bins act(gate) in
        400 equal widths from mean - 3 SD to mean + 3 SD of each neuron, with two bins for what lies outside; ours is
        the neuron's activation, act(gate) * up on a gated MLP, in bins that are the same for all.

    Example:
        >>> counts = wb.neurons.firing(model, corpus, sketch=True)                               # doctest: +SKIP
        >>> distribution(counts).member.sum(("layer", "neuron"))                                 # doctest: +SKIP
    """
    top_rate = check_share("top_rate", top_rate, closed=True)
    one_of("even", even, ("rate", "first"))
    arrays, languages = read_counts(firing)
    if len(languages) < 2:
        raise TooFewLanguages(f"comparing languages needs at least two; the counts have {len(languages)}: {languages}")
    layers = [_overlaps(shares) for shares in _shares(firing, arrays)]
    overlap = np.round(np.concatenate(layers, -1), _DECIMALS)  # [language, other, layer * neuron]
    rate = (arrays["fired"] / arrays["tokens"][:, None, None]).reshape(len(languages), -1)
    cost, cluster = _clusters(overlap, rate if even == "rate" else None)
    pairs = overlap[np.triu_indices(len(languages), 1)]
    tau = float(np.partition(pairs, rank := max(1, int(top_rate * pairs.size)) - 1, axis=None)[rank])
    chosen, size = (cost <= tau) & (cost < 1), cluster.sum(0)
    kind = np.select([chosen & (size == 1), chosen], ["specific", "related"], "other").astype(object)
    others = (overlap.sum(1) - 1) / (len(languages) - 1)
    cells = {
        "score": ((1 - cost) * cluster, "1 - the largest overlap with languages outside the cluster, 0 outside it"),
        "member": (cluster & chosen, "in the cluster of a language neuron"),
        "overlap": (others, "mean overlap of the distribution with those of the other languages"),
        "cost": (cost, "largest overlap between the cluster and the other languages"),
        "kind": (kind, "specific: a cluster of one language; related: of more; other: no language neuron"),
    }
    shape = arrays["fired"].shape[1:]
    source, unit = origin(firing), unit_of(firing)
    order = axes("fired", unit)
    return make_result(
        {
            name: (order[-1 - values.ndim :], values.reshape(*values.shape[:-1], *shape), about.replace("neuron", unit))
            for name, (values, about) in cells.items()
        },
        {axis: firing[axis].to_numpy().tolist() for axis in order if axis in firing.coords},
        method="neurons.distribution",
        score="score",
        parameters={"top_rate": top_rate, "even": even, "firing": source or None},
        model=source.get("model"),
        corpus=source.get("corpus"),
        attrs={"tau": tau, "bins": firing.sizes["bin"] if "sketch" in firing else 2},
    )


def _shares(firing: xr.Dataset, arrays: dict[str, np.ndarray]) -> Iterator[np.ndarray]:
    """For each layer the shares of tokens, [language, bin, neuron]."""
    tokens = arrays["tokens"].astype(np.float64)
    if "sketch" not in firing:
        for fired in np.moveaxis(arrays["fired"], 1, 0):
            rate = fired / tokens[:, None]
            yield np.stack([rate, 1 - rate], 1)
        return
    sketch = firing.sketch.transpose(*axes("sketch", unit_of(firing)))
    if not (sketch.sum("bin").values == tokens[:, None, None]).all():
        raise BadCounts("the bins of a sketch add up to the tokens of each language; these do not")
    for layer in range(sketch.sizes["layer"]):
        yield sketch.isel(layer=layer).values / tokens[:, None, None]


def _overlaps(shares: np.ndarray) -> np.ndarray:
    """Overlap of every two languages, [language, language, neuron], of shares [language, bin, neuron]."""
    overlap = np.ones((len(shares), *shares.shape[::2]))
    for k, other in zip(*np.triu_indices(len(shares), 1), strict=True):
        overlap[k, other] = overlap[other, k] = np.minimum(shares[k], shares[other]).sum(0)
    return overlap


def _clusters(overlap: np.ndarray, rate: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The cost [neuron] and the cluster [language, neuron] bool of overlaps [language, language, neuron].

    Prim's algorithm joins, from the first language on, always the one of largest overlap with those joined. The least
    of these overlaps is the cost, and where it occurs the order falls into groups that overlap no more than that with
    each other. The cluster is the smallest group; of equal ones that of the first language, or, where the groups are
    two halves and rates [language, neuron] are given, the half of larger rates.
    """
    count, neurons = len(overlap), np.arange(overlap.shape[2])
    order, joined_by = np.zeros((count, len(neurons)), dtype=int), np.full((count, len(neurons)), np.inf)
    nearest = overlap[0].copy()
    nearest[0] = -1.0
    for step in range(1, count):
        order[step] = nearest.argmax(0)
        joined_by[step] = nearest[order[step], neurons]
        nearest = np.where(nearest < 0, -1.0, np.maximum(nearest, overlap[order[step], :, neurons].T))
        nearest[order[step], neurons] = -1.0
    cost = joined_by.min(0)
    group = np.empty_like(order)
    group[order, neurons] = (joined_by == cost).cumsum(0)  # [language, neuron]
    size = (group[:, None] == group).sum(0)  # of the group of each language
    first = size.argmin(0)  # the first language whose group is smallest
    cluster = group == group[first, neurons]
    if rate is not None:
        inside = np.where(cluster, rate, 0).sum(0)
        halved = 2 * cluster.sum(0) == count
        cluster ^= halved & (2 * inside < rate.sum(0))
    return cost, cluster
