"""Project: take the part in a subspace out of the residual stream, in every pass of a model."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch
import xarray as xr

from workbench.arguments import checked, finite
from workbench.model.edits import edited
from workbench.model.model import Model
from workbench.results.reading.directions import read_basis
from workbench.steering.vectors.layers import at_layers


@checked
def project(
    model: Model, subspace: xr.Dataset, layers: int | Sequence[int] | None = None, *, scale: float = 1.0
) -> AbstractContextManager[None]:
    """Inside, the residual stream h after each layer is h - s P h, at every position but padding.

    It applies however the model is run, as `wb.model.edited` does: forward passes, measurements, generation.

    Args:
        model: the model.
        subspace: of `subspace`: a Result with `basis[layer, component, d]`.
        layers: where; every layer when None.
        scale: s: 1 removes the part in the subspace, 0 changes nothing, below 0 strengthens it.

    Returns:
        A context manager.

    Raises:
        BadArgument: a layer that does not exist, or a scale that is no finite number.
        BadResult: no basis, or one of another model.

    Source:
        Zhao et al. 2024, Lens (arXiv 2410.04407), of whose subspace it is; Ravfogel et al. 2020 (arXiv 2004.07667),
        who remove by projection.

    Example:
        >>> with wb.steering.project(model, space, layers=[3, 4]):                               # doctest: +SKIP
        ...     wb.evaluation.accuracy(model, task)
    """
    scale = finite("scale", scale)
    basis = at_layers(read_basis(subspace, model.n_layers, model.d_model, model=model.info), layers)
    return edited(model, projections=torch.from_numpy(basis), projection_scale=scale)
