"""Mutual information of the prompt that a text retrieves and its language, with permuted labels beside it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument
from workbench.results.make import make_result


@checked
def mutual_information(
    choices: Sequence[int],
    languages: Sequence[str],
    *,
    permutations: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Measure what a choice says of the language, and how much of that permuted labels say.

    With few texts, choices that are independent of the language share information with it by chance; the quantile of
    `level` over permuted labels says how much. Nothing below it is a clustering.

    Args:
        choices: a number for each text, such as that of its strongest prompt.
        languages: of each text.
        permutations: number of permutations of the languages.
        seed: of the permutations.

    Returns:
        `information`, `highest` (entropy of the languages, its bound), `permuted[permutation]`, `permuted_mean`,
        `permuted_high` (their quantile of `level`), all in bits; `p_value`, one-sided; `count[choice, language]`.

    Raises:
        BadArgument: no texts, or not one language for each choice.

    Source:
        Ours, as a control of Zeng et al. 2023, arXiv 2306.07610.

    Example:
        >>> import workbench as wb
        >>> float(wb.laboratories.mutual_information([0, 0, 1, 1], ["de", "de", "fr", "fr"]).information)
        1.0
    """
    whole_number("permutations", permutations, at_least=1)
    if len(choices) != len(languages) or not len(choices):
        raise BadArgument(f"{len(choices)} choices and {len(languages)} languages; give one of each for every text")
    numbers, rows = np.unique(np.asarray(choices), return_inverse=True)
    codes, columns = np.unique(np.asarray(languages, dtype=str), return_inverse=True)
    rng = np.random.default_rng(seed)
    shape = (len(numbers), len(codes))
    counts = _counts(rows, columns, shape)
    observed = bits(counts)
    permuted = np.array([bits(_counts(rows, rng.permutation(columns), shape)) for _ in range(permutations)])
    variables = {
        "information": ((), observed, "mutual information of choice and language [bits]"),
        "highest": ((), bits(np.diag(counts.sum(0))), "entropy of the languages, which no information exceeds [bits]"),
        "permuted": (("permutation",), permuted, "mutual information with permuted languages [bits]"),
        "permuted_mean": ((), permuted.mean(), "mean over permuted languages [bits]"),
        "permuted_high": ((), np.quantile(permuted, level), f"{level:.0%} quantile over permuted languages [bits]"),
        "p_value": (
            (),
            (1 + (permuted >= observed - 1e-12).sum()) / (1 + permutations),
            "probability of as much under permuted languages, one-sided",
        ),
        "count": (("choice", "language"), counts, "number of texts"),
    }
    return make_result(
        variables,
        {"choice": numbers.tolist(), "language": codes.tolist()},
        method="laboratories.mutual_information",
        parameters={"permutations": permutations, "level": level, "texts": len(rows)},
        seed=seed,
    )


def bits(counts: Any) -> float:
    """Mutual information in bits of the axes of a table of counts, [row, column]; plug-in, never negative."""
    joint = np.asarray(counts, dtype=np.float64)
    joint = joint / joint.sum()
    apart = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    present = joint > 0
    return max(0.0, float((joint[present] * np.log2(joint[present] / apart[present])).sum()))


def _counts(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """How often each pair occurs, [row, column]."""
    return np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1]).reshape(shape)
