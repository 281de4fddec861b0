"""Whether languages share heads and neurons by script or by token length, and whether each has its own heads."""

from typing import Literal

import numpy as np
import xarray as xr
from scipy.stats import rankdata

from workbench.atlas.across.evidence import (
    FAILS,
    HOLDS,
    LEAST,
    UNDECIDED,
    Draws,
    Evidence,
    between,
    over_languages,
    unmeasured,
)
from workbench.atlas.across.mantel import jackknife, partial_correlation, permuted_p, upper
from workbench.atlas.across.reading import ABLATION, FIRING, OfModel, find
from workbench.errors import BadResult
from workbench.results.statistics import mean_of_known
from workbench.text.languages import script

Reason = Literal["script", "length"]
_UNITS = {ABLATION: "effects of removing heads", FIRING: "firing rates of neurons"}
_TEXTS = {
    "script": "correlate {how} between languages of one script, at like token counts",
    "length": "correlate {how} between languages of like token counts, of one script or not",
}
_HOW = {HOLDS: "more", FAILS: "less", UNDECIDED: "neither clearly more nor clearly less"}


def rank_correlations(profiles: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
    """Spearman's correlation over units between languages, [language, language].

    Args:
        profiles: a number for each unit, [language, unit].
        others: those of the columns; the same when None.
    """
    first, second = (_standard(rankdata(part, axis=1)) for part in (profiles, profiles if others is None else others))
    return first @ second.T


def profiles(results: OfModel, name: str) -> xr.DataArray | None:
    """What each language's heads or neurons do, [language, unit]: effects of removal, or firing rates; None without.

    Units that were not measured in every language are left out.
    """
    matching = find(results, name)
    if not matching:
        return None
    result = matching[name]
    values = result.delta if name == ABLATION else result.fired / result.tokens
    flat = values.values.reshape(values.shape[0], -1).astype(float)
    return xr.DataArray(flat[:, ~np.isnan(flat).any(0)], {"language": result.language}, ("language", "unit"))


def token_counts(results: OfModel, languages: list[str]) -> np.ndarray | None:
    """Tokens of the same sentences in each language, [language]; None where no firing counts say."""
    for result in find(results, FIRING).values():
        counts = dict(zip(map(str, result.language.values), result.tokens.values.astype(float), strict=True))
        if set(languages) <= counts.keys():
            return np.array([counts[language] for language in languages])
    return None


def shared_by(results: OfModel, name: str, reason: Reason, draws: Draws) -> Evidence:
    """Partial correlation over pairs of languages: of how alike their units are with a reason why they may be.

    Alike units: Spearman's correlation over units of the two languages' effects or firing rates. Reasons: the same
    script (1 or 0), and like token counts, -|ln(tokens / tokens)|; the other reason is taken out.

    Args:
        results: of a model.
        name: `heads/ablation` or `neurons/firing`.
        reason: which of the two is tested.
        draws: of the permutations; the interval is the jackknife's.
    """
    own = profiles(results, name)
    if own is None:
        return unmeasured(f"there is no {name}")
    languages = [str(code) for code in own.language.values]
    counts = token_counts(results, languages)
    if counts is None:
        return unmeasured(f"there is no {FIRING} with the token counts of its languages")
    if len(languages) < LEAST:
        return unmeasured(f"{len(languages)} languages are too few")
    if not (counts > 0).all():
        raise BadResult(f"{FIRING} has languages without tokens")
    scripts = np.array([script(language) for language in languages])
    reasons = {
        "script": (scripts[:, None] == scripts).astype(float),
        "length": -np.abs(np.log(counts[:, None] / counts)),
    }
    other = reasons["length" if reason == "script" else "script"]
    matrices = rank_correlations(own.values), reasons[reason], other
    estimate = float(partial_correlation(*map(upper, matrices)))
    if np.isnan(estimate):
        return unmeasured("scripts, token counts or units do not differ between its languages as needed")
    low, high = jackknife(*matrices, draws.level)
    p_value = permuted_p(*matrices, max(draws.resamples, 1), draws.seed)
    evidence = Evidence(estimate, low, high, p_value)
    how = _TEXTS[reason].format(how=_HOW[evidence.verdict(0, draws.level)])
    numbers = f"partial correlation {estimate:.2f} ({between(low, high, '.2f')}, permutation p = {p_value:.2g})"
    return evidence.worded(f"{_UNITS[name]} {how}: {numbers}")


def own_heads(results: OfModel, draws: Draws) -> Evidence:
    """How much more a language's heads are like themselves on other sentences than like other languages' heads.

    Sentences of even and odd rows make two halves. A language's number: Spearman's correlation over heads of its
    effects in one half with its own in the other, minus the mean of that with other languages' in the other. Both
    compare different sentences, so that what a sentence says counts for neither.
    """
    matching = find(results, ABLATION)
    if not matching:
        return unmeasured(f"there is no {ABLATION}")
    result = matching[ABLATION]
    if "sample_delta" not in result or result.sizes["sample"] < 2 or result.sizes["language"] < 2:
        return unmeasured(f"{ABLATION} has no effects by sentence in two languages")
    samples = result.sample_delta.transpose("language", "sample", "layer", "head").values.astype(float)
    halves = []
    for rows in (slice(0, None, 2), slice(1, None, 2)):
        part = samples[:, rows].reshape(len(samples), samples[:, rows].shape[1], -1)
        halves.append(mean_of_known(part, 1))
    known_units = ~np.isnan(np.stack(halves)).any((0, 1))
    crossed = rank_correlations(halves[0][:, known_units], halves[1][:, known_units])
    crossed = (crossed + crossed.T) / 2
    if np.isnan(crossed).any():
        return unmeasured("effects do not differ between heads")
    count = len(crossed)
    within = np.diag(crossed)
    outside = (crossed.sum(1) - within) / (count - 1)
    evidence = over_languages(within - outside, draws)
    return evidence.worded(
        f"effects of removing heads correlate {within.mean():.2f} between two halves of a language's sentences, and "
        f"{outside.mean():.2f} with another language's: a difference of {evidence.estimate:+.2f} "
        f"({between(evidence.low, evidence.high, '+.2f')})"
    )


def _standard(ranks: np.ndarray) -> np.ndarray:
    """Ranks [language, unit] with mean 0 and length 1; NaN where all are tied."""
    centred = ranks - ranks.mean(1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return centred / np.sqrt((centred**2).sum(1, keepdims=True))
