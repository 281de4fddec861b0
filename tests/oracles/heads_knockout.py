"""Groups of heads from the definition: one text, one mask, one pass of the unwrapped module at a time."""

import itertools

import numpy as np
import torch

from tests.oracles import heads as oracle


def scaled_loss(module, ids, scales):
    """The loss of one text with every head's output multiplied by scales[layer][head]."""
    mask = torch.tensor(np.asarray(scales), dtype=torch.float32)
    with torch.no_grad():
        return float(oracle.masked_loss(module, ids, mask))


def knockout(module, corpus, pairs, scale=0.0):
    """{language: change of each text's loss with the outputs of these (layer, head) pairs multiplied by scale}."""
    mask = np.ones((module.config.num_hidden_layers, oracle.n_heads(module)))
    for layer, head in pairs:
        mask[layer, head] = scale
    whole = np.ones_like(mask)
    return {
        language: [scaled_loss(module, ids, mask) - scaled_loss(module, ids, whole) for ids in texts]
        for language, texts in corpus.items()
    }


def assignment_p(matrix):
    """Share of all ways to assign rows to columns whose sum is at least that of the diagonal."""
    n = len(matrix)
    sums = [sum(matrix[i][j] for i, j in enumerate(order)) for order in itertools.permutations(range(n))]
    observed = sum(matrix[i][i] for i in range(n))
    return sum(value >= observed - 1e-12 for value in sums) / len(sums)
