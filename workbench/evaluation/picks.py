"""Which option is picked, by which normalization of its score."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from workbench.arguments import checked, one_of
from workbench.errors import BadArgument, BadResult, warn
from workbench.evaluation.rules import Answers, summary
from workbench.results.make import make_result, provenance

NORMALIZE = ("none", "characters", "bytes", "unconditional", "tokens")
_CELLS = ("language", "item", "option")
MEASURED = (
    "score",
    "unconditional",
    "blind",
    "characters",
    "bytes",
    "tokens",
    "gold",
    "merged",
    "truncated",
)
OWNERS = {"accuracy": ("low", "high"), "above": ("p_value",)}


@checked
def choose(result: xr.Dataset, *, normalize: str = "none", level: float = 0.95, seed: int = 0) -> xr.Dataset:
    """Pick again by another normalization, without a model.

    Args:
        result: of `accuracy` or `from_lm_eval`.
        normalize: what the score of an option is divided by, or less: `"none"` (lm-eval's acc; for short exchangeable
            options), `"characters"` (acc_norm; for long endings), `"bytes"` (acc_bytes), `"unconditional"` (minus the
            score after an empty context: acc_mutual_info; for fixed label sets), `"tokens"` (ours: where it disagrees
            with characters, its pick has more tokens per character, so it favours badly tokenized options).

    Returns:
        The same Result with other `choice`, `correct` and everything that follows from them.

    Raises:
        BadArgument: no such normalization, or `"unconditional"` where those scores were not measured.
        BadResult: no result of scored options.
    """
    one_of("normalize", normalize, NORMALIZE)
    if "score" not in result or tuple(result.score.dims) != _CELLS:
        raise BadResult("choose takes a result of wb.evaluation.accuracy with score[language, item, option]")
    warn_of_tokens(normalize)
    record = provenance(result)
    answers = Answers(
        score=result.score.values,
        choice=picked(result, normalize),
        golds=result.gold.values.astype(bool),
        blind=blind_choice(result, normalize),
        fixed_labels=bool(result.attrs["fixed_labels"]),
        aligned=bool(result.attrs["aligned"]),
    )
    measured = [name for name in MEASURED if name in result]
    variables = {
        name: (tuple(map(str, result[name].dims)), result[name].values, _words(result[name])) for name in measured
    }
    numbers, attrs = summary(answers, list(result["language"].values.tolist()), level=level, seed=seed)
    stated = {name: result.attrs[name] for name in ("aligned", "fixed_labels", "item_format")}
    return make_result(
        variables | numbers,
        {name: result[name].values.tolist() for name in _CELLS},
        method="evaluation.accuracy",
        parameters={**(record.get("parameters") or {}), "normalize": normalize, "level": level},
        model=record.get("model"),
        corpus=record.get("corpus"),
        seed=seed,
        attrs=stated | attrs | {"normalize": normalize},
        owners=OWNERS,
    )


def warn_of_tokens(normalize: str) -> None:
    """Warn where scores are divided by tokens."""
    if normalize == "tokens":
        warn(
            "normalize='tokens' divides by tokens: wherever it disagrees with characters, its pick has more tokens per "
            "character; use it only to show that"
        )


def picked(measured: Mapping[Any, Any], normalize: str) -> np.ndarray:
    """The place of the best option, [language, item] int; -1 where the language lacks the item. Ties: the first.

    Args:
        measured: a Result of scores, or arrays by the names of its variables.
        normalize: see `choose`.
    """
    return _best(_normalized(measured, np.asarray(measured["score"]), normalize))


def blind_choice(result: xr.Dataset, normalize: str) -> np.ndarray | None:
    """What is picked with the question left out, [language, item]; None where that was not measured.

    An option's unconditional score less itself is 0, so that normalization picks without the question as none does.
    """
    if "blind" not in result:
        return None
    return _best(
        _normalized(result, np.asarray(result["blind"]), "none" if normalize == "unconditional" else normalize)
    )


def _normalized(measured: Mapping[Any, Any], scores: np.ndarray, normalize: str) -> np.ndarray:
    if normalize == "none":
        return scores
    if normalize == "unconditional":
        if "unconditional" not in measured:
            raise BadArgument(
                "normalize='unconditional' needs scores after an empty context; measure with answer_only=True"
            )
        return scores - np.asarray(measured["unconditional"])
    with np.errstate(invalid="ignore", divide="ignore"):
        return scores / np.asarray(measured[normalize])


def _best(values: np.ndarray) -> np.ndarray:
    missing = np.isnan(values)
    best = np.where(missing, -np.inf, values).argmax(-1)
    return np.where(missing.all(-1), -1, best)


def _words(values: xr.DataArray) -> str:
    unit = values.attrs.get("units")
    return f"{values.attrs.get('long_name', values.name)}" + (f" [{unit}]" if unit else "")
