"""Agreement: do the ways to score heads name the same heads?"""

import numpy as np
import xarray as xr
from scipy import stats

from workbench.arguments import checked, finite
from workbench.errors import BadArgument
from workbench.heads.head_score import HeadScores, measured, named
from workbench.heads.redraw import draws, per_layer
from workbench.heads.scores.built_in import built_in
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.results.make import make_result
from workbench.results.scores import NORMED
from workbench.text.corpus import Corpus

METHODS = (
    "zero",
    "mean",
    "resample",
    "lahis",
    "lahis_released",
    "michel",
    "gradient",
    "magnitude",
    "random",
)  # default
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
    `magnitude` (norm of W_O), `random`, and `shapley` where it is asked for. High means in all of them: the language
    needs the head. A function of model and corpus that returns a score (see `HeadScore`) is compared like these.

    Intervals come from drawing texts again, the same ones for both methods of a pair; they say how far other texts
    would move the agreement. `lahis_released` (its texts cannot be redrawn: their order counts), `magnitude`,
    `random`, `shapley` and functions whose score has no samples stay fixed, so a pair of those has no width.

    Args:
        model: the model.
        corpus: texts by language, at least two of each.
        methods: which of them: names and functions, or a dict of either; a function goes by its own name.
        top: share of heads that counts as the strongest.
        level: of the intervals.
        progress: show progress bars.
        batch_size: texts side by side; `"auto"` is at most 32.
        seed: of donors, of the random scores and of the bootstrap.
        truncate: cut texts that are longer than the model's context instead of refusing them.

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
        >>> found = wb.heads.agreement(model, corpus, methods=("zero", "lahis", "random"))       # doctest: +SKIP
        >>> wb.figures.agreement(found, reference="zero")                                        # doctest: +SKIP
        >>> wb.heads.agreement(model, corpus, methods=["zero", my_score])                        # doctest: +SKIP
    """
    options = {"progress": progress, "batch_size": batch_size, "seed": seed, "truncate": truncate}
    chosen = named("methods", methods, built_in(**options))
    if len(chosen) < 2:
        raise BadArgument(f"methods: {list(chosen)} names fewer than two (has: {', '.join(METHODS)})")
    finite("top", top, above=0, below=1)
    shape = (len(corpus.languages), model.n_layers, model.n_heads)
    values, redrawn = {}, {}
    for name, score in chosen.items():
        table, samples = measured(name, score, model, corpus)
        if samples is None:
            values[name] = table.to_numpy()
            redrawn[name] = np.broadcast_to(values[name], (_DRAWS, *shape))
            continue
        values[name] = np.nanmean(samples, 1)
        redrawn[name] = draws(samples, seed=seed, count=_DRAWS, clusters=corpus.row_clusters)
        if table.attrs.get(NORMED) == "layer":
            values[name], redrawn[name] = per_layer(values[name]), per_layer(redrawn[name])
    heads = shape[1] * shape[2]
    count = max(1, round(top * heads))
    flat = np.stack([values[name].reshape(shape[0], heads) for name in chosen])[None]  # [draw, method, language, cell]
    many = np.stack([redrawn[name].reshape(_DRAWS, shape[0], heads) for name in chosen], 1)
    tails = ((1 - level) / 2, (1 + level) / 2)
    variables = {}
    for name, compare, words in (
        ("correlation", correlations, "rank correlation of the scores"),
        ("overlap", lambda scores: overlaps(scores, count), f"share of the {count} strongest heads in common"),
    ):
        value, spread = compare(flat)[0], compare(many)
        for prefix, axes, one, drawn in (
            ("", _PAIRS, value, spread),
            ("mean_", _PAIRS[:2], value.mean(-1), spread.mean(-1)),
        ):
            low, high = np.quantile(drawn, tails, axis=0)
            ends = f"end of the {level:.0%} interval of {name}" + (", mean over languages" if prefix else "")
            variables[f"{prefix}{name}"] = (axes, one, words + (", mean over languages" if prefix else ""))
            variables[f"{prefix}{name}_low"] = (axes, low, f"lower {ends}")
            variables[f"{prefix}{name}_high"] = (axes, high, f"upper {ends}")
    variables["value"] = (
        ("score", "language", "layer", "head"),
        np.stack([values[name] for name in chosen]),
        "score of the head, each method's own unit",
    )
    return make_result(
        variables,
        {"score": list(chosen), "other": list(chosen), "language": list(corpus.languages)},
        method="heads.agreement",
        parameters={
            "methods": list(chosen),
            "top": top,
            "level": level,
            "batch_size": batch_size,
            "truncate": truncate,
        },
        model=model.info,
        corpus=corpus.info,
        seed=seed,
        attrs={"top": count, "chance": count / heads},
    )


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
