"""What an entry holds when it is whole: the parts, and the analysis of a study that gives each."""

from collections.abc import Mapping
from typing import Any

import xarray as xr

from workbench.results.make import origin

# Method, a parameter that tells its variants apart, how many results of it, what they are, and what gives them.
_WHOLE: tuple[tuple[str, Mapping[str, Any], int, str, str], ...] = (
    ("heads.importance", {"variant": "paper"}, 1, "importance of heads by the paper", "heads"),
    ("heads.importance", {"variant": "released"}, 1, "importance of heads by the released code", "heads"),
    ("heads.ablate", {"how": "zero"}, 1, "exact ablation of heads", "heads"),
    ("heads.roles", {}, 1, "roles of heads", "heads"),
    ("heads.kinds", {}, 1, "kinds of heads", "heads"),
    ("neurons.firing", {}, 1, "firing counts of neurons", "neurons"),
    ("neurons.lape", {}, 1, "language neurons by LAPE", "neurons"),
    ("neurons.ternary", {}, 1, "ternary classes of neurons", "neurons"),
    ("neurons.knockout", {}, 1, "knock-out of language neurons", "neuron_knockout"),
    ("lens.by_language", {}, 3, "the lens on pairs of languages", "lens"),
    ("patching.concepts", {}, 6, "concept patching for pairs of languages, at two places", "concepts"),
    ("steering.curve", {}, 1, "dose curve of steering", "steer"),
    ("evaluation.tokenization", {}, 1, "token efficiency", "tokens"),
    ("evaluation.accuracy", {}, 1, "accuracy on the words task", "evaluate"),
)


def missing(results: Mapping[str, xr.Dataset]) -> list[str]:
    """What an entry usually has and these results lack, each with the analysis that gives it.

    Args:
        results: by name.
    """
    records = [origin(result) for result in results.values()]
    lacks = []
    for method, variant, number, words, analysis in _WHOLE:
        there = sum(
            record.get("method") == method and variant.items() <= (record.get("parameters") or {}).items()
            for record in records
        )
        if there < number:
            of = f" ({there} of {number})" if number > 1 else ""
            lacks.append(f'{words}{of}: run = "{analysis}" gives it')
    return lacks
