"""Neurons: how many change their class in training, and whose neurons they are."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from einops import rearrange

from workbench.laboratories.inside.variables import DRAWS, from_draws
from workbench.neurons.classes.ternary import in_order
from workbench.neurons.compare import OWNED, compare, trained_languages
from workbench.results.make import Variables

_AXES = ("language", "layer", "neuron")


def neurons(states: Sequence[xr.Dataset], *, trained: Sequence[str], level: float, seed: int) -> Variables:
    """Compare the classes of neurons of every condition with those before, as `neurons.compare` does.

    Neurons are drawn again within layers, the same in every condition.

    Args:
        states: what `look` returned of before, the recipe and the controls.
        trained: languages that the recipe trains, or none.
        level: of the intervals.
        seed: of the draws.
    """
    used = trained_languages(list(trained), states[0]["language"].values.tolist()) if trained else None
    given = {"trained": list(trained) or None, "permutations": 1, "level": level, "seed": seed}
    compared = [compare(states[0], state, **given) for state in states]  # refuses what cannot be compared
    columns, classes = _columns(states)
    sums = columns.sum(1)
    drawn = drawn_sums(columns, seed=seed)
    value, redrawn = (_statistics(each, classes, len(states), used) for each in (sums, drawn))
    members = np.stack([each.members_after.values for each in compared])
    variables: Variables = {
        "members": (("condition", "class", "language"), members, "neurons of the language's own [neurons]")
    }
    for name, (axes, about) in _ABOUT.items():
        if name in value:
            variables |= from_draws(name, value[name], redrawn[name], axes, about, level=level)
    if used is not None:
        p = np.stack([each.trained_p.values for each in compared])
        about = "p-value that trained and untrained languages change alike"
        variables["trained_p"] = (("condition", "class"), p, about)
    return variables


_ABOUT: dict[str, tuple[tuple[str, ...], str]] = {
    "kappa": ((), "agreement of the neurons' classes with those before, beyond chance (Cohen's kappa)"),
    "reclassified": (("layer",), "share of the layer's neurons whose class is another than before"),
    "members_change": (("class", "language"), "change of the number of the language's neurons [neurons]"),
    "trained_change": (("class",), "mean change of the number of neurons of trained languages [neurons]"),
    "untrained_change": (("class",), "mean change of the number of neurons of untrained languages [neurons]"),
}


def _columns(states: Sequence[xr.Dataset]) -> tuple[np.ndarray, int]:
    """What is counted of each neuron, [layer, neuron, cell] int8, and how many classes there are.

    The cells of a condition follow each other: the pair of classes before and after, [before, after], and for each kind
    and language whether the neuron was gained (1) or lost (-1).
    """
    kinds = [state.kind.transpose("layer", "neuron").values for state in states]
    names = in_order(*kinds)
    codes = [np.select([kind == name for name in names], range(len(names))) for kind in kinds]
    owned = []
    for state, kind in zip(states, kinds, strict=True):
        member = state.member.transpose(*_AXES).values
        own = np.stack([member & (kind == name) for name in OWNED])
        owned.append(rearrange(own, "kind language layer neuron -> layer neuron (kind language)").astype(np.int8))
    pairs = np.arange(len(names) ** 2)
    cells = []
    for code, own in zip(codes, owned, strict=True):
        cells += [(codes[0] * len(names) + code)[..., None] == pairs, own - owned[0]]
    return np.concatenate(cells, axis=-1).astype(np.int8), len(names)


def drawn_sums(columns: np.ndarray, *, seed: int, draws: int = DRAWS) -> np.ndarray:
    """Sums over neurons that are drawn again within layers: columns [layer, neuron, cell] to [draw, layer, cell].

    Most neurons are alike in all cells. How often each pattern is drawn is multinomial, so patterns are drawn in place
    of neurons.
    """
    generator, layers = np.random.default_rng(seed), []
    for each in columns:
        patterns, counts = np.unique(each, axis=0, return_counts=True)
        drawn = generator.multinomial(len(each), counts / len(each), size=draws)
        layers.append(drawn @ patterns.astype(np.int64))
    return np.stack(layers, axis=1)


def _statistics(sums: np.ndarray, classes: int, conditions: int, used: np.ndarray | None) -> dict[str, np.ndarray]:
    """The quantities, [..., condition, ...], from sums over neurons [..., layer, cell] as `_columns` orders them."""
    each = sums.reshape(*sums.shape[:-1], conditions, -1)  # [..., layer, condition, cell]
    table = np.moveaxis(each[..., : classes**2], -3, -2)  # [..., condition, layer, pair]
    table = table.reshape(*table.shape[:-1], classes, classes)
    same, size = np.trace(table, axis1=-2, axis2=-1), table.sum((-2, -1))  # [..., condition, layer]
    total = table.sum(-3)
    neurons = total.sum((-2, -1))
    chance = (total.sum(-1) * total.sum(-2)).sum(-1) / neurons**2
    unchanged = same.sum(-1) / neurons
    kappa = np.where(chance < 1, (unchanged - chance) / np.where(chance < 1, 1 - chance, 1), 1.0)
    moved = each[..., classes**2 :].sum(-3)  # [..., condition, kind and language]
    moved = moved.reshape(*moved.shape[:-1], len(OWNED), -1)
    quantities = {"kappa": kappa, "reclassified": 1 - same / size, "members_change": moved.astype(float)}
    if used is not None:
        quantities |= {"trained_change": moved[..., used].mean(-1), "untrained_change": moved[..., ~used].mean(-1)}
    return quantities
