"""Shapley values: each head's share of what all heads together do for a language."""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import xarray as xr

from workbench.arguments import checked, finite, whole_number
from workbench.heads.groups import AXES, chosen_heads
from workbench.heads.scores.measure import measure
from workbench.model.batching import by_language, texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.resuming.stoppable import Stoppable
from workbench.text.corpus import Corpus

_EXACT = 8  # most heads whose 2^n sets are all run
_CHUNK = 16  # sets of a permutation that run before truncation is checked again
Worth = Callable[[np.ndarray], np.ndarray]
"""Sets of players that are on, [set, player] bool, to what they are worth: [set, language]."""


@checked
@alone
def shapley(
    model: Model,
    corpus: Corpus,
    *,
    heads: Iterable[Sequence[int]] | None = None,
    permutations: int = 20,
    tolerance: float = 0.01,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Divide among the heads what they do together: how much each lowers the loss, averaged over all coalitions.

    The worth of a set of heads is -NLL with the other players' outputs at zero. A head's value is the mean of what it
    adds to the heads before it in a random order. Unlike ablation of single heads, it detects two heads that can
    replace each other. Up to 8 players every set is run and the value is exact; above that, random orders are drawn,
    and an order is cut short once every language's worth is within `tolerance` of the whole model's: the heads after
    the cut add 0 (truncated Monte Carlo). The values of an order sum to `total` within the tolerance.

    Args:
        model: the model.
        corpus: texts by language.
        heads: the players, (layer, head) pairs or a [layer, head] mask; all heads when None. The others stay on.
        permutations: random orders, from 2.
        tolerance: of the truncation, in nats; 0 never cuts.

    Returns:
        In nats: `value[language, layer, head]`, positive where the head lowers the loss; `standard_error`, over the
        orders, 0 where exact; `low`, `high`, value -/+ 1.96 standard errors (over orders, not over texts);
        `total[language]`, the worth of all players less that of none. Attributes `exact` (1 or 0) and `permutations`,
        how many were run. Heads that do not play are NaN.

    Raises:
        BadArgument: an option out of range, no players, or a head that does not exist.
        UnsupportedSite: edits of head outputs do not work in this architecture.
        Interrupted: `partial` holds the values of the orders that were finished.

    Source:
        Shapley 1953; truncation: Ghorbani and Zou 2019 (Data Shapley, arXiv 1904.02868); for heads arXiv 2210.05709
        (Held and Yang 2022).

    Example:
        >>> wb.heads.shapley(model, corpus, permutations=10).value.sel(language="de")            # doctest: +SKIP
    """
    whole_number("permutations", permutations, at_least=2, why="a standard error takes at least 2 orders")
    finite("tolerance", tolerance, at_least=0)
    size = texts_per_batch(batch_size)
    model.require("head")
    shape = (model.n_layers, model.n_heads)
    players = np.argwhere(np.ones(shape, bool) if heads is None else chosen_heads(heads, *shape))
    batches = by_language(model, model.encode(corpus, truncate=truncate), batch_size=size)
    sampling = {"permutations": permutations, "tolerance": tolerance, "batch_size": size, "truncate": truncate}

    def worth(sets: np.ndarray) -> np.ndarray:
        scales = np.ones((len(sets), *shape))
        scales[:, players[:, 0], players[:, 1]] = sets
        return -measure(model, corpus, batches, scales).means()

    exact = len(players) <= _EXACT
    rounds: list[np.ndarray] = []  # [player, language] of each order
    ends = worth(np.array([[False], [True]]).repeat(len(players), 1))

    def finished() -> str:
        return f"interrupted; {len(rounds)} of {permutations} orders are in .partial"

    with Stoppable("Shapley", 1 if exact else permutations, "order", finished, progress=progress) as loop:
        if exact:
            rounds.append(enumerated(worth, len(players)))
            loop.bar.update()
        generator = np.random.default_rng(seed)
        orders, state = range(0 if exact else permutations), {"rounds": rounds, "generator": generator}
        for _ in loop.steps(orders, state, size=lambda _: 1):
            rounds.append(_contributions(worth, generator.permutation(len(players)), ends, tolerance))
    orders = np.stack(rounds) if rounds else np.full((1, len(players), len(corpus.languages)), np.nan)
    total = (("language",), ends[1] - ends[0], "worth of all these heads together [nats]")
    result = make_result(
        {**_variables(orders, exact, players, shape), "total": total},
        {"language": list(corpus.languages)},
        method="heads.shapley",
        owners={"value": ["low", "high"]},
        score="value",
        parameters={"heads": "all" if heads is None else players.tolist(), **sampling},
        model=model.info,
        corpus=corpus.info,
        seed=seed,
        attrs={"exact": int(exact), "permutations": 0 if exact else len(rounds)},
    )
    return loop.result(result)


def _variables(orders: np.ndarray, exact: bool, players: np.ndarray, shape: tuple[int, int]) -> Variables:
    """The Result's variables from the values of each order, [order, player, language]."""
    many = not exact and len(orders) > 1
    error = orders.std(0, ddof=1) / math.sqrt(len(orders)) if many else np.where(exact, 0.0, np.nan) * orders[0]
    tables = np.full((2, orders.shape[2], *shape), np.nan)  # heads that do not play
    tables[..., players[:, 0], players[:, 1]] = np.stack([orders.mean(0).T, error.T])
    value, error = tables
    bounds = (value - 1.96 * error, value + 1.96 * error)
    return {
        "value": (AXES, value, "Shapley value of the head [nats]"),
        "standard_error": (AXES, error, "standard error of the value over orders [nats]"),
        **interval_ends(AXES, bounds, "value over orders [nats]", level=0.95),
    }


def enumerated(worth: Worth, players: int) -> np.ndarray:
    """Exact values from all 2^n sets: [player, language]."""
    sets = np.array(list(itertools.product((False, True), repeat=players)))
    values = worth(sets)
    index = sets @ (1 << np.arange(players)[::-1])
    values = values[np.argsort(index)]
    size = sets.sum(1)
    shares = np.zeros((players, values.shape[1]))
    for player in range(players):
        bit = 1 << (players - 1 - player)
        without = index[~sets[:, player]]
        weight = 1 / (players * np.array([math.comb(players - 1, int(n)) for n in size[~sets[:, player]]]))
        shares[player] = (weight[:, None] * (values[without + bit] - values[without])).sum(0)
    return shares


def _contributions(worth: Worth, order: np.ndarray, ends: np.ndarray, tolerance: float) -> np.ndarray:
    """What each player adds to those before it in one order: [player, language]; 0 after the cut."""
    count = len(order)
    place = np.empty(count, dtype=int)
    place[order] = np.arange(count)
    contributions = np.zeros((count, ends.shape[1]))
    before = ends[0]
    for start in range(0, count, _CHUNK):
        sizes = np.arange(start + 1, min(start + _CHUNK, count) + 1)
        values = worth(place[None] < sizes[:, None])
        for size, value in zip(sizes, values, strict=True):
            contributions[order[size - 1]] = value - before
            before = value
            if np.abs(before - ends[1]).max() < tolerance:
                return contributions
    return contributions
