"""The split of mean states into what languages share and the subspace in which they differ (Lens, Zhao et al. 2024)."""

from dataclasses import dataclass

import numpy as np

_NOISE = 10 * float(np.finfo(np.float32).eps)  # of a mean of float32 states, relative to its length


@dataclass(frozen=True)
class Split:
    """Of the means of one layer.

    Attributes:
        agnostic: the part that all languages have in common, [d].
        basis: orthonormal components of the subspace in which they differ, strongest first, then zeros, [component, d].
        explained: share of the variance between the languages' means that lies in the subspace; NaN without any.
    """

    agnostic: np.ndarray
    basis: np.ndarray
    explained: float


def decompose(means: np.ndarray, rank: int) -> Split:
    """Minimize |M - a 1' - W G'|^2 over a orthogonal to W and W of `rank` columns, M = means' [d, language].

    The minimum has W = the first left singular vectors of the centred means, and a = m - P m with m the mean over the
    languages and P = W W'. Components in which the means differ by less than float32 resolves are zeros.

    Args:
        means: [language, d] float64.
        rank: components.
    """
    mean = means.mean(0)
    _, sizes, components = np.linalg.svd(means - mean, full_matrices=False)
    real = sizes > _NOISE * np.linalg.norm(means)
    basis = np.where(real[:, None], components, 0.0)[:rank]
    largest = np.abs(basis).argmax(1)
    basis = basis * np.where(basis[np.arange(len(basis)), largest] < 0, -1.0, 1.0)[:, None]
    power = np.where(real, sizes, 0.0) ** 2
    explained = power[:rank].sum() / power.sum() if power.any() else np.nan
    return Split(mean - basis.T @ (basis @ mean), basis, float(explained))


def inside(vectors: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """The part of vectors [..., layer, d] in the subspace of each layer, of a basis [layer, component, d]."""
    return np.einsum("...lc,lcd->...ld", np.einsum("...ld,lcd->...lc", vectors, basis), basis)
