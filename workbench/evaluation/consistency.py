"""Consistency: does a model answer an aligned item alike in every language, beyond what its accuracies imply?"""

import numpy as np
import xarray as xr

from workbench.arguments import checked, one_of, whole_number
from workbench.errors import BadResult, TooFewLanguages
from workbench.results.bootstrap import ends_of_draws, weights
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result, provenance
from workbench.results.statistics import corrected
from workbench.text.languages import meaning

_PAIR = ("language_a", "language_b")
_WORDS = {
    "agreement": "share of items with the same option picked (MLC)",
    "expected": "agreement of independent picks of these accuracies",
    "excess": "agreement less expected",
    "kappa": "excess as a share of the most that is possible",
    "relative": "agreement / mean accuracy (Rel-MLC)",
    "both_right": "share of items right in both",
    "same_wrong": "share of items with the same wrong option picked",
}
_RESAMPLES = 1000


@checked
def consistency(
    result: xr.Dataset,
    *,
    pivot: str | None = None,
    permutations: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Compare the options that a model picks for the same item in two languages (MuBench).

    `agreement` counts the same option, right or wrong: it rises with accuracy alone. Independent picks of accuracies a
    and b agree in ab + (1-a)(1-b)/(k-1) of the items with k options (`expected`); `excess` and `kappa` are what is
    left. Where k varies, a, b and what is expected are those of the items with as many options. `relative`, agreement
    / mean accuracy, falls as accuracy rises: never rank models by it.

    The null of excess permutes one language's picks over the items with as many options: right picks stay right and
    wrong ones take the item's wrong options in order, so accuracies stay and the pairing goes.

    Args:
        result: of `wb.evaluation.accuracy` on an aligned task.
        pivot: language that the others are compared with in `by_pivot`; English when None, or the first.
        permutations: of the null.
        level: of the intervals, from a bootstrap over items, drawn with all their languages.

    Returns:
        `agreement`, `expected`, `excess`, `kappa`, `relative`, `both_right`, `same_wrong[language_a, language_b]`, each
        with `_low` and `_high`; `p_value` of the excess, two-sided, corrected over the pairs; `by_pivot[language]`,
        agreement with the pivot, and `unanimous`, share of items with one option picked in all languages, with
        `_low` and `_high` too. Only items that all languages have count: `items`.

    Raises:
        BadResult: no picks and golds, languages with different items or numbers of options, or several right options.
        TooFewLanguages: one language.
        BadArgument: the pivot is not among them.

    Source:
        Han et al. 2025, MuBench, multilingual consistency (MLC, Rel-MLC); expected, excess and kappa are ours.

    Example:
        >>> wb.evaluation.consistency(wb.evaluation.accuracy(model, wb.load_task("words")))      # doctest: +SKIP
    """
    whole_number("permutations", permutations, at_least=1, at_most=10**6)
    choice, gold, options, languages = _picks(result)
    pivot = pivot or ("en" if "en" in languages else languages[0])
    pivot = one_of("pivot", meaning(pivot, languages)[0] or pivot, languages)
    right = np.take_along_axis(gold[None], choice[..., None], 2)[..., 0]
    both = np.triu_indices(len(languages), 1)
    same = choice[both[0]] == choice[both[1]]  # [pair, item]
    hits = right[both[0]] & right[both[1]]
    every = np.vstack([np.full(len(options), 1 / len(options)), weights(len(options), _RESAMPLES, seed)])
    shares = [every @ part.T for part in (same, hits, same & ~hits)]
    values = _measures(every, right, options, both, shares).round(12)  # [draw, measure, pair]; no 1e-16 in place of 0
    p = corrected(_p_values(choice, right, gold, options, both, permutations, seed))
    tables = _square(values, both, len(languages))  # [draw, measure, language_a, language_b]
    variables: Variables = {}
    for number, (name, words) in enumerate(_WORDS.items()):
        variables |= _with_ends(name, _PAIR, tables[:, number], words, level)
    place = languages.index(pivot)
    with_pivot = tables[:, list(_WORDS).index("agreement"), place].copy()
    with_pivot[:, place] = 1  # the pivot agrees with itself
    alike = (choice == choice[:1]).all(0)
    drawn = np.concatenate([[alike.mean()], every[1:] @ alike])
    variables |= {
        "p_value": (_PAIR, _square(p, both, len(languages)), "p-value of the excess, corrected over the pairs"),
        **_with_ends("by_pivot", ("language",), with_pivot, f"agreement with {pivot}", level),
        **_with_ends("unanimous", (), drawn, "share of items with one option in all languages", level),
        "items": ((), len(options), "items that all languages have"),
    }
    record = provenance(result)
    return make_result(
        variables,
        {"language_a": languages, "language_b": languages, "language": languages},
        method="evaluation.consistency",
        parameters={**(record["parameters"] or {}), "pivot": pivot, "permutations": permutations, "level": level},
        model=record["model"],
        corpus=record["corpus"],
        seed=seed,
        attrs={"pivot": pivot, "level": level},
        owners={"excess": ["p_value"]},
    )


def _picks(result: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Picks [language, item] of the items that all languages have, golds [item, option], options [item], languages."""
    if "choice" not in result or "gold" not in result:
        raise BadResult("consistency takes a Result of wb.evaluation.accuracy, with `choice` and `gold`")
    languages = [str(code) for code in result["language"].values]
    choice = result["choice"].transpose("language", "item").to_numpy()
    gold = result["gold"].to_numpy().astype(bool)
    present = ~np.isnan(result["score"].transpose("language", "item", "option").to_numpy())
    aligned = bool(result.attrs.get("aligned"))
    whole, options = comparable(choice >= 0, present, gold, aligned=aligned, languages=languages)
    return choice[:, whole], gold[whole], options, languages


def comparable(
    answered: np.ndarray, present: np.ndarray, gold: np.ndarray, *, aligned: bool, languages: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Which items all languages have, [item] bool, and the number of options of each of these.

    Args:
        answered: whether a language has an item, [language, item].
        present: whether it has an option, [language, item, option].
        gold: whether an option is right, [item, option].
        aligned: item i says the same in every language.
        languages: codes.

    Raises:
        BadResult: picks of these items cannot be compared between languages.
        TooFewLanguages: one language.
    """
    if not aligned:
        raise BadResult("this task is not aligned: its languages have different items, and no pick can be compared")
    if len(languages) < 2:
        raise TooFewLanguages(f"consistency compares two languages or more; this result has {languages}")
    whole = np.all(answered, 0)
    if whole.sum() < 2:
        raise BadResult(f"{int(whole.sum())} items are answered in all languages; consistency needs two")
    counts = present[:, whole].sum(-1)
    if (counts != counts[:1]).any() or (gold[whole].sum(1) != 1).any():
        raise BadResult("an item has other numbers of options in other languages, or several right ones; leave it out")
    return whole, counts[0]


def _measures(
    every: np.ndarray,
    right: np.ndarray,
    options: np.ndarray,
    both: tuple[np.ndarray, np.ndarray],
    shares: list[np.ndarray],
) -> np.ndarray:
    """The measures [draw, measure, pair].

    Args:
        every: weight of each item in each draw, [draw, item]; the first is the sample itself.
        right: [language, item].
        options: of each item, [item].
        both: the two languages of each pair.
        shares: agreement, both right and the same wrong, each [draw, pair].
    """
    agreement, both_right, same_wrong = shares
    expected = np.zeros_like(agreement)
    for k in np.unique(options):
        own = options == k
        share = every[:, own].sum(1, keepdims=True)
        part = every[:, own] @ right[:, own].T / np.maximum(share, 1e-300)
        a, b = part[:, both[0]], part[:, both[1]]
        expected += share * (a * b + (1 - a) * (1 - b) / max(1, k - 1))
    accuracy = every @ right.T
    excess = agreement - expected
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa = excess / (1 - expected)
        relative = agreement / ((accuracy[:, both[0]] + accuracy[:, both[1]]) / 2)
    return np.stack([agreement, expected, excess, kappa, relative, both_right, same_wrong], 1)


def _p_values(
    choice: np.ndarray,
    right: np.ndarray,
    gold: np.ndarray,
    options: np.ndarray,
    both: tuple[np.ndarray, np.ndarray],
    permutations: int,
    seed: int,
) -> np.ndarray:
    """Two-sided permutation p-value of each pair's agreement, [pair].

    Picks become codes that mean the same in every item, so that they can be exchanged: 0 for right, and the place of a
    wrong option among the item's wrong options.
    """
    rank = np.cumsum(~gold, 1)
    codes = np.where(right, 0, np.take_along_axis(rank[None], choice[..., None], 2)[..., 0])
    groups = [np.flatnonzero(options == k) for k in np.unique(options)]
    generator = np.random.default_rng([seed, 1])
    measured = (codes[both[0]] == codes[both[1]]).sum(1)
    drawn = np.zeros((permutations, len(measured)), dtype=int)
    for draw in range(permutations):
        order = np.arange(len(options))
        for group in groups:
            order[group] = generator.permutation(group)
        drawn[draw] = (codes[both[0]] == codes[both[1]][:, order]).sum(1)
    centre = drawn.mean(0)
    far = np.abs(drawn - centre) >= np.abs(measured - centre) - 1e-9
    return (far.sum(0) + 1) / (permutations + 1)


def _square(values: np.ndarray, both: tuple[np.ndarray, np.ndarray], n_languages: int) -> np.ndarray:
    """Values [..., pair] as symmetric matrices; NaN on the diagonal, where a language would meet itself."""
    matrix = np.full((*values.shape[:-1], n_languages, n_languages), np.nan)
    matrix[..., both[0], both[1]] = matrix[..., both[1], both[0]] = values
    return matrix


def _with_ends(name: str, axes: tuple[str, ...], draws: np.ndarray, words: str, level: float) -> Variables:
    """A variable and the ends of its interval, from the sample's own value and those of the draws, [1 + draw, ...]."""
    bounds = ends_of_draws(draws[1:], level)
    return {name: (axes, draws[0], words), **interval_ends(axes, bounds, name, level=level, name=name)}
