"""Stability: which labels of neurons survive other samples, another corpus, other thresholds."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
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
from workbench.results.make import make_result, provenance
from workbench.results.resuming.progress import resumed
from workbench.text.corpus import Corpus

_OPTIONS: dict[str, dict[str, float]] = {
    "half as many selected": {"top_rate": 0.5},
    "twice as many selected": {"top_rate": 2.0},
    "twice as many rates above the bar": {"bar": 2.0},
    "half as many rates above the bar": {"bar": 0.5},
}


@checked
@alone
def pieces(model: Model, corpus: Corpus, count: int = 10, **options: Any) -> list[xr.Dataset]:
    """Count a corpus in pieces of whole rows: every `count`-th row of each language, starting at each of the first.

    A row that repeats one before it is not numbered and goes where that one goes: pieces are drawn as if independent.

    Args:
        model: the model.
        corpus: the texts.
        count: number of pieces, at most the rows of the smallest language that differ.
        **options: of `firing`.

    Raises:
        BadArgument: fewer than two pieces, or more than rows.
    """
    own = dict(zip(corpus.languages, corpus.row_clusters, strict=True))
    rows = min(int(one.max()) + 1 for one in own.values())
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
# Long: a row for each condition, and the conditions come one after another.
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
        top_rate: of the classes whose stability is asked.
        bar: of the classes whose stability is asked.
        classify: `ternary`, or another function of counts, top_rate and bar that returns `kind[layer, neuron]`, of any
            classes, and `member[language, layer, neuron]`.
        level: of the bootstrap's interval.
        progress: show a progress bar.
        batch_size: nothing is run; taken for symmetry.
        seed: of the bootstrap.

    Returns:
        `kept[condition, class]`, the share of the neurons of a class that keep their label (NaN for an empty class);
        for the bootstrap its mean, with `low` and `high`, the central `level` of the draws (NaN elsewhere);
        `same[layer, neuron]`, the share of bootstraps in which each neuron keeps its label; `often[language, layer,
        neuron]`, in which it belongs to each language.

    Raises:
        BadArgument: fewer than two parts, no draw, or an option out of range.
        BadCounts: parts that cannot be merged.

    Example:
        >>> found = stability(pieces(model, corpus))                                             # doctest: +SKIP
        >>> wb.figures.matrix(found, "kept")                                                     # doctest: +SKIP
    """
    parts = list(parts)
    if len(parts) < 2:
        raise BadArgument(f"a bootstrap over {len(parts)} part draws the same every time; give two or more")
    whole_number("resamples", resamples, at_least=1)
    whole = merge(parts)
    first = _first(classify, whole, top_rate=top_rate, bar=bar)
    generator = np.random.default_rng(seed)
    kinds = first.kind.values
    classes = in_order(kinds)
    drawn, same = [], np.zeros(kinds.shape)
    often = np.zeros(first.member.shape)
    state = {"generator": generator, "same": same, "often": often, "drawn": drawn}
    for _ in resumed(tqdm(range(resamples), desc="stability", unit="draw", disable=not progress), state):
        chosen = [parts[i] for i in generator.integers(0, len(parts), len(parts))]
        again = classify(merge(chosen), top_rate=top_rate, bar=bar)
        kept = _kept(first, again)
        same += kept
        often += again.member.sel(language=first.language).values
        drawn.append(_shares(kinds, classes, kept))
    shares = np.stack(drawn)
    rows, low, high = (
        [shares.mean(0)],
        *([np.quantile(shares, end, axis=0)] for end in ((1 - level) / 2, (1 + level) / 2)),
    )
    names = [f"{resamples} bootstraps over samples"]
    for name, change in _OPTIONS.items():
        share = min(top_rate * change.get("top_rate", 1.0), 1.0)
        above = 1 - min((1 - bar) * change.get("bar", 1.0), 0.999)
        rows.append(_shares(kinds, classes, _kept(first, classify(whole, top_rate=share, bar=above))))
        names.append(name)
    for name, counts in (others or {}).items():
        rows.append(_shares(kinds, classes, _kept(first, classify(counts, top_rate=top_rate, bar=bar))))
        names.append(str(name))
    nothing = [np.full(len(classes), np.nan)] * (len(rows) - 1)
    origin = provenance(whole)
    ends = f"of the central {level:.0%} of the bootstraps"
    return make_result(
        {
            "kept": (("condition", "class"), np.stack(rows), "share of the class's neurons that keep their label"),
            "low": (("condition", "class"), np.stack(low + nothing), f"lower end {ends}"),
            "high": (("condition", "class"), np.stack(high + nothing), f"upper end {ends}"),
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


def _first(classify: Callable[..., xr.Dataset], counts: xr.Dataset, **options: float) -> xr.Dataset:
    """The classes of the whole, once the function that sorts was seen to be one."""
    try:
        inspect.signature(classify).bind(counts, **options)
    except (TypeError, ValueError) as error:
        raise BadArgument(f"classify={shown(classify)} does not take counts, top_rate and bar: {error}") from None
    found = classify(counts, **options)
    if not isinstance(found, xr.Dataset) or not {"kind", "member"} <= set(found.data_vars):
        raise BadArgument(f"classify={shown(classify)} returned no Dataset with kind and member, as ternary does")
    return found


def _kept(first: xr.Dataset, again: xr.Dataset) -> np.ndarray:
    """Whether each neuron has the same class and languages, [layer, neuron] bool."""
    languages = again.member.sel(language=first.language)
    return ((first.kind == again.kind) & (first.member == languages).all("language")).values


def _shares(kinds: np.ndarray, classes: list[str], kept: np.ndarray) -> np.ndarray:
    """Share of each class that is kept, [class]; NaN for a class without neurons."""
    found = [kept[kinds == name] for name in classes]
    return np.array([part.mean() if part.size else np.nan for part in found])
