"""Whether circuits share more heads, or neurons, than by chance; compared two by two within layers."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument
from workbench.results.make import make_result, provenance
from workbench.results.statistics import corrected


@checked
def overlap(
    circuits: Mapping[str, xr.Dataset], *, over: str = "head", permutations: int = 2000, seed: int = 0
) -> xr.Dataset:
    """Compare the heads, or the neurons, of circuits, two by two.

    The test draws, for one circuit of each two, as many of them in every layer as it has there: two circuits that only
    use the same layers share no more than such draws.

    Args:
        circuits: name, such as a language, to what `circuit` returned.
        over: `head` or `neuron`.
        permutations: random draws for each two.

    Returns:
        `shared[circuit, other]`, how many are in both; `jaccard[circuit, other]`, those in both over those in either;
        `expected[circuit, other]`, the mean number shared by random draws; `p_value[circuit, other]`, one-sided,
        corrected over all pairs (Benjamini-Hochberg), NaN on the diagonal.

    Raises:
        BadArgument: fewer than two circuits, of models of different shapes, or not over these units.

    Example:
        >>> overlap({"fr": circuit(model, french), "ja": circuit(model, japanese)}).p_value     # doctest: +SKIP
    """
    names = list(circuits)
    variable = {"head": "member", "neuron": "neuron_member"}.get(over)
    if variable is None or any(variable not in circuits[name] for name in names):
        raise BadArgument(f"over={over!r}; it is 'head' or 'neuron', what all of these circuits were searched over")
    shapes = {circuits[name][variable].shape for name in names}
    if len(names) < 2 or len(shapes) != 1:
        raise BadArgument(f"overlap takes two or more circuits of one model; got {len(names)} of shapes {shapes}")
    whole_number("permutations", permutations, at_least=1)
    members = [circuits[name][variable].values.astype(bool) for name in names]
    count, rng = len(names), np.random.default_rng(seed)
    shared, jaccard = np.zeros((count, count), dtype=int), np.ones((count, count))
    expected, p = np.full((count, count), np.nan), np.full((count, count), np.nan)
    for i in range(count):
        for j in range(count):
            both, either = int((members[i] & members[j]).sum()), int((members[i] | members[j]).sum())
            shared[i, j], jaccard[i, j] = both, both / either if either else np.nan
            if j > i:
                drawn = rng.permuted(np.broadcast_to(members[j], (permutations, *members[j].shape)), axis=2)
                chance = (drawn & members[i]).sum((1, 2))
                expected[i, j] = expected[j, i] = chance.mean()
                p[i, j] = (1 + (chance >= both).sum()) / (1 + permutations)
    p[np.triu_indices(count, 1)] = corrected(p[np.triu_indices(count, 1)])
    p.T[np.triu_indices(count, 1)] = p[np.triu_indices(count, 1)]
    square = ("circuit", "other")
    made = [provenance(circuits[name]) for name in names]
    result = make_result(
        {
            "shared": (square, shared, f"{over}s in both circuits [{over}s]"),
            "jaccard": (square, jaccard, f"{over}s in both over {over}s in either"),
            "expected": (square, expected, f"{over}s that random circuits of the same layers share [{over}s]"),
            "p_value": (square, p, "corrected p-value that two circuits share no more than by chance"),
        },
        {"circuit": names, "other": names},
        method="patching.overlap",
        owners={"shared": ["p_value"]},
        parameters={
            "over": over,
            "permutations": permutations,
            "circuits": {n: m["corpus"] for n, m in zip(names, made, strict=True)},
        },
        model=made[0]["model"],
        seed=seed,
    )
    result.jaccard.attrs["question"] = f"Do the circuits share {over}s?"
    return result
