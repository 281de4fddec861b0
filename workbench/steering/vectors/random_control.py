"""Random controls: a direction of equal length, or a subspace of equal rank, that stands for nothing."""

import numpy as np
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadResult
from workbench.results.reading.directions import random_directions


@checked
def random(result: xr.Dataset, *, seed: int = 0) -> xr.Dataset:
    """Turn each direction as a whole at random, or replace each basis by a random one of equal rank.

    So a random direction has the lengths of its layers and the angles between them, but points elsewhere.

    Args:
        result: of `directions` or `subspace`: `direction[..., layer, d]` or `basis[layer, component, d]`.
        seed: of the draws; that of a direction depends on its language too, and on no other language.

    Returns:
        The Result with these in place; of a subspace, its basis alone.

    Raises:
        BadResult: neither a direction nor a basis, or a direction with values that are NaN or infinite.
    """
    if "direction" in result and {"layer", "d"} <= {*result["direction"].dims}:
        values = result["direction"].transpose(..., "layer", "d")
        if not np.isfinite(values).all():
            raise BadResult("direction has values that are NaN or infinite; set those to 0 to do nothing there")
        turned = np.zeros(values.shape)
        for place in np.ndindex(values.shape[:-2]):
            own = values[place]
            name = str(own["language"].item()) if "language" in own.coords else "direction"
            turned[place] = random_directions(name, own.to_numpy(), 1, seed=seed)[0]
        return result.assign(direction=values.copy(data=turned))
    if "basis" not in result:
        raise BadResult(
            f"this result has no direction and no basis with a layer axis (has: {', '.join(map(str, result))})"
        )
    basis = result["basis"].transpose("layer", "component", "d")
    drawn = np.random.default_rng(seed).normal(size=basis.shape)
    orthonormal = np.linalg.qr(drawn.mT)[0].mT
    real = np.linalg.norm(basis, axis=-1, keepdims=True) > 0
    return result[["basis"]].assign(basis=basis.copy(data=np.where(real, orthonormal, 0.0)))
