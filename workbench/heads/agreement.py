"""Agreement: do the ways to score heads name the same heads?"""

import numpy as np
import xarray as xr
from scipy import stats

from workbench.arguments import checked, finite
from workbench.errors import BadArgument
from workbench.heads.head_score import HeadScore, HeadScores, measured, named
from workbench.heads.score_draws import draws, per_layer
from workbench.heads.scores.built_in import built_in
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.results.bootstrap import ends_of_draws
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.scores import NORMED
from workbench.text.corpus import Corpus

METHODS = ("zero", "mean", "resample", "lahis", "lahis_released", "michel", "gradient", "magnitude", "random")
_PAIRS = ("score", "other", "language")
_DRAWS = 200


@checked
@alone
def agreement(
    model: Model,
    corpus: Corpus,
    *,
    methods: HeadScores = METHODS,
    top: float = 0.1,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Compare scores of heads: rank correlation and overlap of the strongest, language by language.

    The methods are exact ablation (`zero`, `mean`, `resample`), LAHIS (`lahis`, `lahis_released`), `michel` (mean
    |gradient|, normed per layer), `gradient` (minus the mean slope in the mask, which is gradient x activation),
    `magnitude` (norm of W_O), `random`, and `shapley` where it is named. In all of them a high score means that the
    language needs the head. A function of model and corpus that returns a score (see `HeadScore`) is compared like
    these.

    Intervals come from a bootstrap over texts, the same draws for both methods of a pair: how far other texts would
    move the agreement. `lahis_released` (its texts cannot be redrawn: their order matters), `magnitude`, `random`,
    `shapley` and functions whose score has no samples stay fixed, so the interval of a pair of those has no width.

    Args:
        model: the model.
        corpus: texts by language, at least two of each.
        methods: which of them: names and functions, or a dict of either; a function goes by its own name.
        top: share of heads that counts as the strongest.

    Returns:
        `correlation[score, other, language]`, Spearman's, with `correlation_low`, `correlation_high`;
        `overlap[score, other, language]`, the share of the strongest heads that both name, with `overlap_low`,
        `overlap_high`; both also as means over languages, `mean_correlation` and `mean_overlap[score, other]`, each
        with `_low` and `_high`; `value[score, language, layer, head]`. The attribute `chance` is the overlap that
        random scores have on average.

    Raises:
        BadArgument: an unknown method, fewer than two, a function without a name of its own, or a share out of range.
        BadResult: a function returned something else than a score of all heads in all languages.
        Interrupted: Ctrl-C in one of the measurements; its `partial` is that measurement's.

    Example:
        >>> result = wb.heads.agreement(model, corpus, methods=("zero", "lahis", "random"))      # doctest: +SKIP
        >>> wb.figures.agreement(result, reference="zero")                                       # doctest: +SKIP
        >>> wb.heads.agreement(model, corpus, methods=["zero", my_score])                        # doctest: +SKIP
    """
    options = {"progress": progress, "batch_size": batch_size, "seed": seed, "truncate": truncate}
    chosen = named("methods", methods, built_in(**options))
    if len(chosen) < 2:
        raise BadArgument(f"methods: {list(chosen)} names fewer than two (has: {', '.join(METHODS)})")
    finite("top", top, above=0, below=1)
    scored = [_scored(name, score, model, corpus, seed) for name, score in chosen.items()]
    values, redrawn = (np.stack(arrays, axis) for axis, arrays in enumerate(zip(*scored, strict=True)))
    heads = model.n_layers * model.n_heads
    count = max(1, round(top * heads))
    cells = (len(chosen), len(corpus.languages), heads)
    variables = _comparisons(values.reshape(1, *cells), redrawn.reshape(_DRAWS, *cells), count, level)
    axes = ("score", "language", "layer", "head")
    recorded = {"methods": list(chosen), "top": top, "level": level, "batch_size": batch_size, "truncate": truncate}
    return make_result(
        {**variables, "value": (axes, values, "score of the head, each method's own unit")},
        {"score": list(chosen), "other": list(chosen), "language": list(corpus.languages)},
        method="heads.agreement",
        parameters=recorded,
        model=model.info,
        corpus=corpus.info,
        seed=seed,
        attrs={"top": count, "chance": count / heads},
    )


def _scored(name: str, score: HeadScore, model: Model, corpus: Corpus, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A score [language, layer, head] and what redrawn texts would have given, [draw, language, layer, head]."""
    table, samples = measured(name, score, model, corpus)
    if samples is None:
        value = table.to_numpy()
        return value, np.broadcast_to(value, (_DRAWS, *value.shape))
    value, redrawn = np.nanmean(samples, 1), draws(samples, seed=seed, count=_DRAWS, clusters=corpus.row_clusters)
    return (per_layer(value), per_layer(redrawn)) if table.attrs.get(NORMED) == "layer" else (value, redrawn)


def _comparisons(values: np.ndarray, redrawn: np.ndarray, count: int, level: float) -> Variables:
    """Correlations and overlaps with their intervals, from scores [draw, method, language, cell]."""
    variables: Variables = {}
    for name, compare, words in (
        ("correlation", correlations, "rank correlation of the scores"),
        ("overlap", lambda scores: overlaps(scores, count), f"share of the {count} strongest heads in common"),
    ):
        value, drawn = compare(values)[0], compare(redrawn)
        for prefix, axes, words_after in (("", _PAIRS, ""), ("mean_", _PAIRS[:2], ", mean over languages")):
            if prefix:
                value, drawn = value.mean(-1), drawn.mean(-1)
            own = f"{prefix}{name}"
            variables[own] = (axes, value, words + words_after)
            bounds = ends_of_draws(drawn, level)
            variables |= interval_ends(axes, bounds, f"{name}{words_after}", level=level, name=own)
    return variables


def correlations(scores: np.ndarray) -> np.ndarray:
    """Spearman's correlation between methods: [draw, method, language, cell] to [draw, method, method, language].

    0 where a method gives every head the same score.
    """
    ranks = stats.rankdata(scores, axis=-1)
    ranks = ranks - ranks.mean(-1, keepdims=True)
    norm = np.sqrt((ranks**2).sum(-1, keepdims=True))
    ranks = np.divide(ranks, norm, out=np.zeros_like(ranks), where=norm > 0)
    return np.einsum("dmkc,dnkc->dmnk", ranks, ranks)


def overlaps(scores: np.ndarray, count: int) -> np.ndarray:
    """Share of the `count` strongest cells in common; same axes."""
    best = np.argsort(-scores, axis=-1, kind="stable")[..., :count]
    chosen = np.zeros(scores.shape)
    np.put_along_axis(chosen, best, 1.0, axis=-1)
    return np.einsum("dmkc,dnkc->dmnk", chosen, chosen) / count
