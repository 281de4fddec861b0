"""Routed apart: intervals of the experts' shares, and tests whether languages take different experts."""

import zlib
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from workbench.neurons.mixtures.divergence import exchange, share_interval
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables
from workbench.results.resuming.progress import resumed
from workbench.results.statistics import corrected
from workbench.text.clusters import joined
from workbench.text.corpus import Corpus

_AXES = ("language", "layer", "expert")
_PAIRS = ("language", "other", "layer")


def intervals(fired: Mapping[str, np.ndarray], corpus: Corpus, level: float, seed: int) -> Variables:
    """Intervals of each language's shares, from its texts' counts [text, layer, expert]."""
    ends = [
        share_interval(counts, level=level, seed=seed, clusters=own[: len(counts)])
        for counts, own in zip(fired.values(), corpus.clusters, strict=True)
    ]
    return interval_ends(_AXES, np.stack(ends, 1), "share over texts", level=level, name="share")


def divergences(
    fired: Mapping[str, np.ndarray], corpus: Corpus, permutations: int, seed: int, progress: bool
) -> Variables:
    """The divergence of all languages and of every two, with what exchanging labels leaves."""
    names = list(fired)
    layers = next(iter(fired.values())).shape[1]
    options: dict[str, Any] = {"aligned": corpus.aligned, "permutations": permutations}
    whole = np.full((3, layers), np.nan)
    pairs = np.full((3, len(names), len(names), layers), np.nan)
    own = {name: clusters[: len(fired[name])] for name, clusters in zip(names, corpus.clusters, strict=True)}

    def exchanged(some: list[str], draws: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        clusters = [own[name] for name in some]
        if corpus.aligned:
            clusters = [joined(np.stack(clusters))] * len(some)
        return exchange([fired[name] for name in some], **options, seed=draws, clusters=clusters)

    if len(names) > 1:
        whole[:] = exchanged(names, [seed])
        whole[2] = corrected(whole[2])
    couples = list(combinations(range(len(names)), 2))
    for i, j in resumed(tqdm(couples, desc="divergence", unit="pair", disable=not progress), {"pairs": pairs}):
        first, second = sorted((i, j), key=lambda k: names[k])
        # By name, so that a pair's draws do not depend on the other languages.
        draws = [seed, zlib.crc32(f"{names[first]}\n{names[second]}".encode())]
        pairs[:, i, j] = exchanged([names[first], names[second]], draws)
    upper = np.triu_indices(len(names), 1)
    pairs[2][upper] = corrected(pairs[2][upper])
    for table in pairs:
        table[upper[1], upper[0]] = table[upper]
    alike = np.arange(len(names))
    pairs[0, alike, alike] = np.where(np.isnan(whole[0]), np.nan, 0.0)
    left = "Jensen-Shannon divergence that exchanging labels leaves, mean [bits]"
    chance = "p-value that languages route alike, corrected"
    return {
        "divergence": (("layer",), whole[0], "Jensen-Shannon divergence of all languages' shares [bits]"),
        "divergence_null": (("layer",), whole[1], left),
        "divergence_p_value": (("layer",), whole[2], chance),
        "pair_divergence": (_PAIRS, pairs[0], "Jensen-Shannon divergence of two languages' shares [bits]"),
        "pair_divergence_null": (_PAIRS, pairs[1], left),
        "pair_divergence_p_value": (_PAIRS, pairs[2], chance),
    }
