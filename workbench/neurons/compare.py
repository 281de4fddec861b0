"""Compare: how the classes of neurons move between two checkpoints, such as before and after alignment."""

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import xarray as xr
from scipy import stats

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument, BadResult
from workbench.neurons.classes.ternary import in_order
from workbench.results.bootstrap import ends_of_draws
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result, origin
from workbench.results.statistics import corrected
from workbench.text.corpus import chosen

OWNED = ("specific", "related")
_EXACT = 20_000  # most assignments of "trained" to languages that are all tried
_AXES = ("language", "layer", "neuron")


@checked
def compare(
    before: xr.Dataset,
    after: xr.Dataset,
    *,
    trained: Sequence[str] | str | None = None,
    permutations: int = 1000,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Compare the classes of neurons of two checkpoints of one architecture on the same texts.

    The classes are those of `ternary`, or of any method that gives `kind[layer, neuron]` and `member`. Neuron n of a
    layer is taken to be the same neuron in both, as it is where the second was trained from the first.

    Args:
        before: what `ternary`, or another method of classes, returned for the first checkpoint.
        after: the same of the second, from the same corpus with the same options.
        trained: languages that the training between the two used; the others are untrained.
        permutations: random draws of each test, and of the bootstrap.
        progress: nothing here takes long enough; taken for symmetry.
        batch_size: nothing is run; taken for symmetry.

    Returns:
        `transition[before, after]`, neurons by class; `expected[before, after]`, the mean when the neurons of a
        layer are permuted at random, and `transition_p`, two-sided against those, corrected. `count_before[kind]`,
        `count_after`, `count_change`, with `count_low`, `count_high` (bootstrap over neurons within layers) and
        `count_p`. For the specific and related neurons of each language `members_before[kind, language]`,
        `members_after`, `change`, with `low`, `high` and `p_value`. Both p-values are McNemar's: under the null, a
        neuron is as likely to join a class as to leave it; exact and corrected.
        `layer_before[kind, layer]`, `layer_after`, `layer_change`, shares of the layer's neurons. With `trained`:
        `trained[language]`, and per `kind` (specific, related) `trained_change`, `untrained_change`, means over
        languages, and `trained_p`, that their difference arises when "trained" is assigned to languages at random.
        Attributes: `kept`, the share of neurons that keep their class, and `kappa`, Cohen's, what of that is beyond
        chance.

    Raises:
        BadResult: no classes, other shapes, languages or options.
        UnknownLanguage: a trained language that is not in the Results.
        BadArgument: an option out of range, all or no language trained.

    Source:
        arXiv 2505.21505, section 5 (changes and spontaneous alignment); the tests and intervals are ours.

    Example:
        >>> changes = compare(ternary(firing(base, corpus)), ternary(firing(aligned, corpus)))     # doctest: +SKIP
        >>> changes.transition.to_pandas(), changes.attrs["kappa"]                                 # doctest: +SKIP
    """
    whole_number("permutations", permutations, at_least=1)
    languages = _same(before, after)
    used = trained_languages(trained, languages)
    classes = in_order(before.kind.values, after.kind.values)
    old, new = (_codes(result, classes) for result in (before, after))
    generator = np.random.default_rng(seed)
    kinds = [np.stack([codes == i for i in range(len(classes))]) for codes in (old, new)]  # [class, layer, neuron]
    members = [result.member.transpose(*_AXES).values for result in (before, after)]
    variables = _transitions(old, new, len(classes), permutations, generator)
    variables |= _changes(kinds, members, permutations, level, generator)
    if used is not None:
        variables |= _spread(variables["change"][1], used, permutations, generator)
    transition, size = variables["transition"][1], old.size
    unchanged, chance = np.trace(transition) / size, float((transition.sum(1) * transition.sum(0)).sum()) / size**2
    origins = [origin(result) for result in (before, after)]
    return make_result(
        variables,
        {
            "before": classes,
            "after": classes,
            "class": classes,
            "kind": list(OWNED),
            "language": languages,
            "layer": before["layer"].to_numpy().tolist(),
        },
        method="neurons.compare",
        owners={"change": ["low", "high", "p_value"]},
        parameters={
            "trained": None if used is None else np.array(languages)[used].tolist(),
            "permutations": permutations,
            "level": level,
            "before": origins[0],
            "after": origins[1],
        },
        model=origins[1].get("model"),
        corpus=origins[1].get("corpus"),
        seed=seed,
        attrs={"kept": float(unchanged), "kappa": float((unchanged - chance) / (1 - chance)) if chance < 1 else 1.0},
    )


def _transitions(
    old: np.ndarray, new: np.ndarray, count: int, permutations: int, generator: np.random.Generator
) -> Variables:
    """Neurons by class before and after, [layer, neuron] each, against neurons permuted within layers."""
    transition = _table(old, new, count)
    drawn = np.stack([_table(old, generator.permuted(new, axis=1), count) for _ in range(permutations)])
    away = abs(drawn - drawn.mean(0)) >= abs(transition - drawn.mean(0)) - 1e-9
    return {
        "transition": (("before", "after"), transition, "neurons of this class before and of that after [neurons]"),
        "expected": (("before", "after"), drawn.mean(0), "mean when a layer's neurons are permuted [neurons]"),
        "transition_p": (
            ("before", "after"),
            corrected((1 + away.sum(0)) / (1 + permutations)),
            "p-value that the number is as expected by chance, corrected",
        ),
    }


def _changes(
    kinds: list[np.ndarray], members: list[np.ndarray], draws: int, level: float, generator: np.random.Generator
) -> Variables:
    """How classes [class, layer, neuron] and members [language, layer, neuron] changed; bool, before and after each."""
    owned = [member & kind[: len(OWNED), None] for kind, member in zip(kinds, members, strict=True)]
    moved = owned[1].astype(np.int8) - owned[0]  # [kind, language, layer, neuron]
    kinds_moved = kinds[1].astype(np.int8) - kinds[0]
    ends = _bounds(np.concatenate([*moved, kinds_moved]), draws, level, generator)
    cells = moved.shape[0] * moved.shape[1]
    bounds, of_count = [end[:cells].reshape(len(OWNED), -1) for end in ends], [end[cells:] for end in ends]
    change = moved.sum((2, 3), dtype=np.int64)
    share = [kind.mean(2) for kind in kinds]
    total = [kind.sum((1, 2)) for kind in kinds]
    return {
        "count_before": (("class",), total[0], "neurons of the class before [neurons]"),
        "count_after": (("class",), total[1], "neurons of the class after [neurons]"),
        "count_change": (("class",), total[1] - total[0], "change of the number of neurons [neurons]"),
        **interval_ends(("class",), of_count, "the change [neurons]", level=level, name="count"),
        "count_p": (("class",), corrected(_mcnemar(kinds_moved)), "p-value that the change is 0, corrected"),
        "members_before": (("kind", "language"), owned[0].sum((2, 3)), "the language's neurons before [neurons]"),
        "members_after": (("kind", "language"), owned[1].sum((2, 3)), "the language's neurons after [neurons]"),
        "change": (("kind", "language"), change, "change of the number of the language's neurons [neurons]"),
        **interval_ends(("kind", "language"), bounds, "change [neurons]", level=level),
        "p_value": (("kind", "language"), corrected(_mcnemar(moved)), "p-value that the change is 0, corrected"),
        "layer_before": (("class", "layer"), share[0], "share of the layer's neurons before"),
        "layer_after": (("class", "layer"), share[1], "share of the layer's neurons after"),
        "layer_change": (("class", "layer"), share[1] - share[0], "change of the share of the layer's neurons"),
    }


def _same(before: xr.Dataset, after: xr.Dataset) -> list[str]:
    """The languages of both Results, which must be comparable."""
    for name, result in (("before", before), ("after", after)):
        if not {"kind", "member"} <= set(result.data_vars) or set(result.member.dims) != set(_AXES):
            raise BadResult(f"{name} has no kind[layer, neuron] and member; give what `wb.neurons.ternary` returned")
    types = {type(name).__name__ for result in (before, after) for name in np.unique(result.kind.values.astype(object))}
    if types - {"str", "str_"}:
        raise BadResult(
            f"kind holds {', '.join(sorted(types))} in place of names of classes, as `wb.neurons.ternary` has"
        )
    shapes = [result.member.transpose(*_AXES).shape[1:] for result in (before, after)]
    if shapes[0] != shapes[1]:
        raise BadResult(
            f"before has {shapes[0][0]} layers of {shapes[0][1]} neurons, after {shapes[1][0]} of {shapes[1][1]}: "
            "only checkpoints of one architecture can be compared neuron by neuron"
        )
    names = [result["language"].to_numpy().tolist() for result in (before, after)]
    if names[0] != names[1]:
        raise BadResult(f"before has the languages {names[0]}, after {names[1]}; count the same corpus with both")
    given = [origin(result).get("parameters", {}) for result in (before, after)]
    options = [{key: parameters.get(key) for key in ("top_rate", "bar")} for parameters in given]
    if options[0] != options[1]:
        raise BadResult(f"before was classified with {options[0]}, after with {options[1]}; use the same options")
    return names[0]


def trained_languages(trained: Sequence[str] | str | None, languages: Sequence[str]) -> np.ndarray | None:
    """Which languages were trained, [language] bool.

    Raises:
        UnknownLanguage: not one of the languages.
        BadArgument: all or none of them.
    """
    if trained is None:
        return None
    names = chosen(trained, languages, where="these Results")
    used = np.array([language in names for language in languages])
    if used.all() or not used.any():
        raise BadArgument(f"trained={names} leaves nothing to compare with; name some of {', '.join(languages)}")
    return used


def _codes(result: xr.Dataset, classes: list[str]) -> np.ndarray:
    """Place of each neuron's class among all: [layer, neuron]."""
    kind = result.kind.transpose("layer", "neuron").values
    return np.select([kind == name for name in classes], range(len(classes)))


def _table(old: np.ndarray, new: np.ndarray, count: int) -> np.ndarray:
    """How many neurons are of each of `count` classes before and after, [before, after]."""
    return np.bincount((old * count + new).ravel(), minlength=count**2).reshape(count, -1)


def _bounds(
    moved: np.ndarray, draws: int, level: float, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Bootstrap interval of the sum of moves -1, 0, 1 [cell, layer, neuron], neurons drawn again within layers."""
    neurons = moved.shape[2]
    chances = np.stack([(moved == step).sum(2) for step in (1, -1, 0)], -1) / neurons  # [cell, layer, move]
    drawn = generator.multinomial(neurons, chances, size=(draws, *chances.shape[:2]))
    sums = (drawn[..., 0] - drawn[..., 1]).sum(2)  # [draw, cell]
    low, high = ends_of_draws(sums, level)
    return low, high


def _mcnemar(moved: np.ndarray) -> np.ndarray:
    """Exact two-sided p-value that gains and losses [..., layer, neuron] are equally likely."""
    gained, lost = (moved == 1).sum((-2, -1)), (moved == -1).sum((-2, -1))
    both = gained + lost
    return np.minimum(1.0, 2 * stats.binom.cdf(np.minimum(gained, lost), both, 0.5))


def _spread(change: np.ndarray, used: np.ndarray, draws: int, generator: np.random.Generator) -> Variables:
    """Trained against untrained languages, tested by assigning "trained" to other languages."""
    many, count = len(used), int(used.sum())
    if math.comb(many, count) <= _EXACT:
        assignments = np.array([np.isin(np.arange(many), places) for places in combinations(range(many), count)])
        extra = 0  # the true assignment is among them
    else:
        assignments = np.stack([generator.permutation(used) for _ in range(draws)])
        extra = 1

    def difference(which: np.ndarray) -> np.ndarray:
        return change @ which.T / count - change @ ~which.T / (many - count)

    observed = difference(used[None])
    p = (extra + (abs(difference(assignments)) >= abs(observed) - 1e-9).sum(1)) / (extra + len(assignments))
    return {
        "trained": (("language",), used, "trained on between the checkpoints"),
        "trained_change": (("kind",), change[:, used].mean(1), "mean change of the trained languages [neurons]"),
        "untrained_change": (("kind",), change[:, ~used].mean(1), "mean change of the untrained languages [neurons]"),
        "trained_p": (("kind",), p, "p-value that trained and untrained languages change alike"),
    }
