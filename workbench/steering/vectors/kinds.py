"""Kinds of directions, each from the moments of states by language to [language, layer, d]."""

import numpy as np

from workbench.steering.vectors.decompose import decompose, inside
from workbench.steering.vectors.states import Moments, against


def difference(measured: Moments, pivot: int | None) -> np.ndarray:
    """The mean of a language less that of the others, or of the pivot."""
    return measured.mean - against(measured.mean, pivot)


def principal(measured: Moments, pivot: int | None) -> np.ndarray:
    """The first component of paired differences, not centred, as long as their mean is along it.

    A difference is the state of a row in a language less the mean of the row's states in the others, or in the pivot.
    With v the unit vector that their squares sum to most along, and m their mean: (m'v) v.
    """
    differences = (measured.rows - against(measured.rows, pivot)).astype(np.float64)
    vectors = np.zeros(measured.mean.shape)
    for language, layer in np.ndindex(vectors.shape[:2]):
        own = differences[language, :, layer]
        component = np.linalg.svd(own, full_matrices=False)[2][0]
        vectors[language, layer] = (own.mean(0) @ component) * component
    return vectors


def shift(measured: Moments, pivot: int | None, rank: int) -> np.ndarray:
    """The part of the difference of means in the subspace of languages."""
    bases = [decompose(measured.mean[:, layer], rank).basis for layer in range(measured.mean.shape[1])]
    return inside(difference(measured, pivot), np.stack(bases))


def sparse(measured: Moments, pivot: int | None, coordinates: int) -> np.ndarray:
    """The difference of means in the coordinates where it is largest beside its spread, and 0 elsewhere.

    The spread is the root of the mean of two variances over texts: the language's, and the mean of the others' or the
    pivot's.
    """
    moved = difference(measured, pivot)
    spread = np.sqrt((measured.variance + against(measured.variance, pivot)) / 2)
    size = np.abs(moved)
    standardized = np.divide(size, spread, out=np.where(size > 0, np.inf, 0.0), where=spread > 0)
    order = np.argsort(-standardized, axis=-1, kind="stable")[..., :coordinates]
    chosen = np.zeros(moved.shape, dtype=bool)
    np.put_along_axis(chosen, order, True, axis=-1)
    return np.where(chosen, moved, 0.0)
