"""Shapley values: each head's fair share of what all heads together do for a language."""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from workbench.arguments import checked, finite, whole_number
from workbench.errors import Interrupted
from workbench.heads.groups import chosen_heads
from workbench.heads.scores.measure import measure
from workbench.model.batching import by_language, texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.results.make import make_result
from workbench.results.resuming.progress import resumed
from workbench.text.corpus import Corpus

_EXACT = 8  # most heads whose 2^n sets are all run
_CHUNK = 16  # sets of a permutation that run before truncation is looked at again
_CELLS = ("language", "layer", "head")
Worth = Callable[[np.ndarray], np.ndarray]
"""Sets of players that are on, [set, player] bool, to what they are worth: [set, language]."""


@checked
@alone
# Long: the result and an interrupt's partial result read what the loop has filled in so far.
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
    """Share out among the heads what they do together: how much each lowers the loss, averaged over all company.

    The worth of a set of heads is -NLL with the other players' outputs at zero. A head's value is the mean of what it
    adds to the heads before it in a random order. Unlike ablation one at a time, it sees two heads that stand in for
    each other. Up to 8 players every set is run and the value is exact; above that, random orders are drawn, and an
    order is cut short once every language's worth is within `tolerance` of the whole model's: the heads after the cut
    add 0 (truncated Monte Carlo). Values of one order telescope, so they sum to `total` within the tolerance.

    Args:
        model: the model.
        corpus: texts by language.
        heads: the players, (layer, head) pairs or a [layer, head] mask; all heads when None. The others stay on.
        permutations: random orders, from 2.
        tolerance: of the truncation, in nats; 0 never cuts.
        progress: show a progress bar.
        batch_size: texts side by side; `"auto"` is at most 32. Results differ by rounding alone.
        seed: of the orders.
        truncate: cut texts that are longer than the model's context instead of refusing them.

    Returns:
        In nats: `value[language, layer, head]`, positive where the head lowers the loss; `standard_error`, over the
        orders, 0 where exact; `low`, `high`, value -/+ 1.96 standard errors (what more orders could change, not other
        texts); `total[language]`, the worth of all players less that of none. Attributes `exact` (1 or 0) and
        `permutations`, how many were run. Heads that do not play are NaN.

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

    def worth(sets: np.ndarray) -> np.ndarray:
        scales = np.ones((len(sets), *shape))
        scales[:, players[:, 0], players[:, 1]] = sets
        return -measure(model, corpus, batches, scales).means()

    exact = len(players) <= _EXACT
    rounds: list[np.ndarray] = []  # [player, language] of each order
    ends = worth(np.stack([np.zeros(len(players), bool), np.ones(len(players), bool)]))

    def result() -> xr.Dataset:
        found = np.stack(rounds) if rounds else np.full((1, len(players), len(corpus.languages)), np.nan)
        many = not exact and len(rounds) > 1
        error = found.std(0, ddof=1) / math.sqrt(len(found)) if many else np.where(exact, 0.0, np.nan) * found[0]
        value, error = (_spread(cells, players, shape) for cells in (found.mean(0), error))
        return make_result(
            {
                "value": (_CELLS, value, "Shapley value of the head [nats]"),
                "standard_error": (_CELLS, error, "standard error of the value over orders [nats]"),
                "low": (_CELLS, value - 1.96 * error, "lower end of the 95% interval of value over orders [nats]"),
                "high": (_CELLS, value + 1.96 * error, "upper end of the 95% interval of value over orders [nats]"),
                "total": (("language",), ends[1] - ends[0], "worth of all these heads together [nats]"),
            },
            {"language": list(corpus.languages)},
            method="heads.shapley",
            owners={"value": ["low", "high"]},
            score="value",
            parameters={
                "heads": "all" if heads is None else players.tolist(),
                "permutations": permutations,
                "tolerance": tolerance,
                "batch_size": size,
                "truncate": truncate,
            },
            model=model.info,
            corpus=corpus.info,
            seed=seed,
            attrs={"exact": int(exact), "permutations": 0 if exact else len(rounds)},
        )

    try:
        with tqdm(total=1 if exact else permutations, desc="Shapley", unit="order", disable=not progress) as bar:
            if exact:
                rounds.append(enumerated(worth, len(players)))
                bar.update()
            generator = np.random.default_rng(seed)
            state = {"rounds": rounds, "generator": generator}
            for _ in resumed(range(0 if exact else permutations), state, skip=lambda _: bar.update()):
                rounds.append(_one_order(worth, generator.permutation(len(players)), ends, tolerance))
                bar.update()
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted; {len(rounds)} of {permutations} orders are in .partial", partial=result()
        ) from None
    return result()


def enumerated(worth: Worth, players: int) -> np.ndarray:
    """Exact values from all 2^n sets: [player, language]."""
    sets = np.array(list(itertools.product((False, True), repeat=players)))
    values = worth(sets)
    index = sets @ (1 << np.arange(players)[::-1])
    values = values[np.argsort(index)]
    size = sets.sum(1)
    found = np.zeros((players, values.shape[1]))
    for player in range(players):
        bit = 1 << (players - 1 - player)
        without = index[~sets[:, player]]
        weight = 1 / (players * np.array([math.comb(players - 1, int(n)) for n in size[~sets[:, player]]]))
        found[player] = (weight[:, None] * (values[without + bit] - values[without])).sum(0)
    return found


def _one_order(worth: Worth, order: np.ndarray, ends: np.ndarray, tolerance: float) -> np.ndarray:
    """What each player adds to those before it in one order: [player, language]; 0 behind the cut."""
    count = len(order)
    place = np.empty(count, dtype=int)
    place[order] = np.arange(count)
    found = np.zeros((count, ends.shape[1]))
    before = ends[0]
    for start in range(0, count, _CHUNK):
        sizes = np.arange(start + 1, min(start + _CHUNK, count) + 1)
        values = worth(place[None] < sizes[:, None])
        for size, value in zip(sizes, values, strict=True):
            found[order[size - 1]] = value - before
            before = value
            if np.abs(before - ends[1]).max() < tolerance:
                return found
    return found


def _spread(values: np.ndarray, players: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """[player, language] to [language, layer, head], NaN for heads that do not play."""
    found = np.full((values.shape[1], *shape), np.nan)
    found[:, players[:, 0], players[:, 1]] = values.T
    return found
