"""Stability: which labels of neurons survive other samples, another corpus, other thresholds."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from workbench.arguments import checked, shown, whole_number
from workbench.errors import BadArgument
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.neurons.classes.ternary import in_order, ternary
from workbench.neurons.counts.firing import firing
from workbench.neurons.counts.merge import merge
from workbench.results.bootstrap import ends_of_draws
from workbench.results.make import make_result, provenance
from workbench.results.resuming.progress import resumed
from workbench.text.corpus import Corpus

_OPTIONS = {  # times as many selected neurons, and rates above the bar
    "half as many selected": (0.5, 1.0),
    "twice as many selected": (2.0, 1.0),
    "twice as many rates above the bar": (1.0, 2.0),
    "half as many rates above the bar": (1.0, 0.5),
}


@checked
@alone
def pieces(model: Model, corpus: Corpus, count: int = 10, **options: Any) -> list[xr.Dataset]:
    """Count a corpus in pieces of whole rows: piece i has every `count`-th row of each language, from row i on.

    A row that repeats an earlier one is not numbered and goes into the same piece, so that pieces are independent.

    Args:
        model: the model.
        corpus: the texts.
        count: number of pieces, at most the rows of the smallest language that differ.
        **options: of `firing`.

    Raises:
        BadArgument: fewer than two pieces, or more than rows.
    """
    own = dict(zip(corpus.languages, corpus.row_clusters, strict=True))
    rows = min(int(clusters.max()) + 1 for clusters in own.values())
    whole_number("count", count, at_least=2, at_most=rows, why=f"the smallest language has {rows} rows that differ")
    return [
        firing(
            model,
            replace(
                corpus,
                texts={
                    code: tuple(text for text, row in zip(texts, own[code], strict=False) if row % count == i)
                    for code, texts in corpus.texts.items()
                },
                dropped=0,
                ids=(),
            ),
            **options,
        )
        for i in range(count)
    ]


@checked
def stability(
    parts: Sequence[xr.Dataset],
    *,
    others: Mapping[str, xr.Dataset] | None = None,
    resamples: int = 50,
    top_rate: float = 0.01,
    bar: float = 0.95,
    classify: Callable[..., xr.Dataset] = ternary,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Classify again under other conditions, and count which neurons keep their label.

    A neuron keeps its label when it is of the same class and, where it belongs to languages, to the same ones. The
    conditions: bootstraps over the parts (drawn with replacement and merged); half and twice as many selected neurons;
    half and twice as many rates above the bar; and each of `others`.

    Args:
        parts: Results of `firing` on pieces of one corpus, such as `pieces` gives.
        others: counts of other corpora in the same languages, by name.
        resamples: bootstrap draws.
        top_rate: of the classes whose stability is measured.
        bar: of the classes whose stability is measured.
        classify: `ternary`, or another function of counts, top_rate and bar that returns `kind[layer, neuron]`, of any
            classes, and `member[language, layer, neuron]`.
        batch_size: nothing is run; taken for symmetry.

    Returns:
        `kept[condition, class]`, the share of the neurons of a class that keep their label (NaN for an empty class);
        for the bootstrap its mean, with `low` and `high`, the central `level` of the draws (NaN elsewhere);
        `same[layer, neuron]`, the share of bootstraps in which each neuron keeps its label; `often[language, layer,
        neuron]`, in which it belongs to each language.

    Raises:
        BadArgument: fewer than two parts, no draw, or an option out of range.
        BadCounts: parts that cannot be merged.

    Example:
        >>> stable = stability(pieces(model, corpus))                                             # doctest: +SKIP
        >>> wb.figures.matrix(stable, "kept")                                                    # doctest: +SKIP
    """
    parts = list(parts)
    if len(parts) < 2:
        raise BadArgument(f"a bootstrap over {len(parts)} part draws the same every time; give two or more")
    whole_number("resamples", resamples, at_least=1)
    whole = merge(parts)
    first = _first(classify, whole, top_rate=top_rate, bar=bar)
    kinds, classes = first.kind.values, in_order(first.kind.values)
    again = partial(classify, top_rate=top_rate, bar=bar)
    bootstrap = tqdm(range(resamples), desc="stability", unit="draw", disable=not progress)
    shares, same, often = _bootstrapped(first, classes, parts, again, bootstrap, seed)
    rows = [shares.mean(0)]
    for selected, above in _OPTIONS.values():
        options = {"top_rate": min(top_rate * selected, 1.0), "bar": 1 - min((1 - bar) * above, 0.999)}
        rows.append(_shares(kinds, classes, _unchanged(first, classify(whole, **options))))
    rows += [_shares(kinds, classes, _unchanged(first, again(counts))) for counts in (others or {}).values()]
    interval = np.full((2, len(rows), len(classes)), np.nan)
    interval[:, 0] = ends_of_draws(shares, level)
    names = [f"{resamples} bootstraps over samples", *_OPTIONS, *map(str, others or {})]
    origin = provenance(whole)
    ends = f"of the central {level:.0%} of the bootstraps"
    return make_result(
        {
            "kept": (("condition", "class"), np.stack(rows), "share of the class's neurons that keep their label"),
            "low": (("condition", "class"), interval[0], f"lower end {ends}"),
            "high": (("condition", "class"), interval[1], f"upper end {ends}"),
            "same": (("layer", "neuron"), same / resamples, "share of bootstraps in which the neuron keeps its label"),
            "often": (
                ("language", "layer", "neuron"),
                often / resamples,
                "share of bootstraps in which the neuron belongs to the language",
            ),
        },
        {"condition": names, "class": classes, "language": first["language"].to_numpy().tolist()},
        method="neurons.stability",
        owners={"kept": ["low", "high"]},
        parameters={
            "parts": len(parts),
            "resamples": resamples,
            "top_rate": top_rate,
            "bar": bar,
            "classify": getattr(classify, "__name__", str(classify)),
        },
        model=origin.get("model"),
        corpus=origin.get("corpus"),
        seed=seed,
    )


def _bootstrapped(
    first: xr.Dataset,
    classes: list[str],
    parts: list[xr.Dataset],
    classify: Callable[[xr.Dataset], xr.Dataset],
    draws: Iterable[int],
    seed: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unchanged share of each class [draw, class]; draws with the same label [layer, neuron]; with each member."""
    generator, kinds = np.random.default_rng(seed), first.kind.values
    shares, same, often = [], np.zeros(kinds.shape), np.zeros(first.member.shape)
    state = {"generator": generator, "same": same, "often": often, "drawn": shares}
    for _ in resumed(draws, state):
        drawn = classify(merge([parts[i] for i in generator.integers(0, len(parts), len(parts))]))
        unchanged = _unchanged(first, drawn)
        same += unchanged
        often += drawn.member.sel(language=first.language).values
        shares.append(_shares(kinds, classes, unchanged))
    return np.stack(shares), same, often


def _first(classify: Callable[..., xr.Dataset], counts: xr.Dataset, **options: float) -> xr.Dataset:
    """The classes of all counts together; checks that `classify` takes and returns what it must."""
    try:
        inspect.signature(classify).bind(counts, **options)
    except (TypeError, ValueError) as error:
        raise BadArgument(f"classify={shown(classify)} does not take counts, top_rate and bar: {error}") from None
    result = classify(counts, **options)
    if not isinstance(result, xr.Dataset) or not {"kind", "member"} <= set(result.data_vars):
        raise BadArgument(f"classify={shown(classify)} returned no Dataset with kind and member, as ternary does")
    return result


def _unchanged(first: xr.Dataset, again: xr.Dataset) -> np.ndarray:
    """Whether each neuron has the same class and languages, [layer, neuron] bool."""
    languages = again.member.sel(language=first.language)
    return ((first.kind == again.kind) & (first.member == languages).all("language")).values


def _shares(kinds: np.ndarray, classes: list[str], unchanged: np.ndarray) -> np.ndarray:
    """Share of each class that is unchanged, [class]; NaN for a class without neurons."""
    groups = [unchanged[kinds == name] for name in classes]
    return np.array([part.mean() if part.size else np.nan for part in groups])
