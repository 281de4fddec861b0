"""What each schedule did beyond the schedules without pairs, with intervals and signs by seed."""

from collections.abc import Sequence

import numpy as np

from workbench.laboratories.changes import changes, sign_flip_p
from workbench.results.make import Variables
from workbench.results.statistics import corrected

_OF_CHANGE = ("change", "low", "high", "change_by_seed", "mean_change", "mean_change_low", "mean_change_high")


def excesses(
    score: np.ndarray,
    controls: Sequence[int],
    better: np.ndarray,
    aligned: np.ndarray,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> Variables:
    """Variables of a Result from its scores, as `laboratories.changes.changes`, for several conditions at once.

    Args:
        score: [condition, seed, measure, language, sample]; the first condition is before training.
        controls: places of the conditions that the others are compared with.
        better: 1 where a higher score is better, -1 where a lower one is, [measure].
        aligned: whether sample i is the same item in all languages, [measure].
        level: confidence level.
        seed: of the resampling and of the sign flips.

    Returns:
        The changes [condition, ...], after minus before training, and the excesses [condition, control, ...]; a
        control has none over itself, nor a model before training: NaN, and 0 in `helps`. `p_value` is corrected over
        all cells together.
    """
    how = {"level": level, "seed": seed}
    result = {name: value for name, value in changes(score, better, aligned, **how).items() if name in _OF_CHANGE}
    tables: dict[str, np.ndarray] = {}
    for condition in range(1, len(score)):
        against = [place for place in controls if place != condition]
        if not against:
            continue
        own = changes(score[[0, condition, *against]], better, aligned, **how)
        for name, (axes, values, words) in own.items():
            if name in _OF_CHANGE or "condition" in axes:
                continue
            values = np.asarray(values)
            if name not in tables:
                blank = 0 if values.dtype.kind == "i" else np.nan
                tables[name] = np.full((len(score), len(controls), *values.shape[1:]), blank, values.dtype)
                result[name] = (("condition", *axes), tables[name], words)
            tables[name][condition, [list(controls).index(place) for place in against]] = values
    result["p_value"] = (*result["p_value"][:1], _p_values(score, controls, seed), result["p_value"][2])
    return result


def _p_values(score: np.ndarray, controls: Sequence[int], seed: int) -> np.ndarray:
    """Sign-flip p-values [condition, control, measure, language], corrected over all of them."""
    there = ~np.isnan(score)
    count = there.sum(1)
    mean = np.where(count, np.where(there, score, 0).sum(1) / np.maximum(count, 1), np.nan)  # seeds averaged
    p = sign_flip_p(mean[:, None] - mean[None, list(controls)], seed=seed)
    p[0] = np.nan
    p[list(controls), range(len(controls))] = np.nan
    return corrected(p)
