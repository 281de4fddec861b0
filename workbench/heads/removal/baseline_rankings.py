"""Baseline rankings: the order in which simple methods remove heads, least needed first."""

from collections import Counter

import numpy as np
import torch

from workbench.heads.score_draws import per_layer
from workbench.model.batching import by_language
from workbench.model.gradients import head_gradient
from workbench.model.model import Model
from workbench.text.batches import Encoded

Cells = list[tuple[int, int]]


def ascending(scores: np.ndarray) -> Cells:
    """Heads from the lowest score [layer, head] to the highest; equal ones in the order of the layers."""
    return [divmod(int(i), scores.shape[1]) for i in np.argsort(scores, axis=None, kind="stable")]


def michel(model: Model, encoded: list[Encoded], *, batch_size: int) -> np.ndarray:
    """Mean |m dNLL/dm| over all these texts, divided by the root of the sum of squares of each layer: [layer, head].

    Source:
        Michel et al. 2019 (arXiv 1905.10650), section 4; each language weighs the same.
    """
    sums: dict[str, np.ndarray] = {}
    counts: Counter[str] = Counter()
    for batch in by_language(model, encoded, batch_size=batch_size):
        gradient, _ = head_gradient(model, batch)
        language = batch.languages[0]
        sums[language] = sums.get(language, 0.0) + gradient.abs().double().sum(0).cpu().numpy()
        counts[language] += len(batch)
    return per_layer(np.mean([sums[language] / counts[language] for language in sums], axis=0))


def magnitude(model: Model) -> np.ndarray:
    """Frobenius norm of each head's part of W_O: [layer, head]."""
    norms = [torch.linalg.matrix_norm(model.output_weight(i).detach().double()) for i in range(model.n_layers)]
    return torch.stack(norms).cpu().numpy()


def random_ranking(layers: int, heads: int, *, seed: int, draw: int) -> Cells:
    """A random order; a draw does not depend on how many there are."""
    order = np.random.default_rng([seed, draw]).permutation(layers * heads)
    return [divmod(int(i), heads) for i in order]
