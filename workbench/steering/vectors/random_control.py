"""Random controls: a direction of equal length, or a subspace of equal rank, that stands for nothing."""

import numpy as np
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadResult


@checked
def random(result: xr.Dataset, *, seed: int = 0) -> xr.Dataset:
    """Replace each vector of a direction by a random one of equal length, each basis by a random one of equal rank.

    Args:
        result: of `directions` or `subspace`: `direction[..., layer, d]` or `basis[layer, component, d]`.
        seed: of the draws: normal numbers, a stream for each vector.

    Returns:
        The Result with these in place; of a subspace, its basis alone.

    Raises:
        BadResult: neither a direction nor a basis.
    """
    generator = np.random.default_rng(seed)
    if "direction" in result:
        values = result["direction"].transpose(..., "d")
        drawn = generator.normal(size=values.shape)
        lengths = np.linalg.norm(values, axis=-1, keepdims=True)
        return result.assign(
            direction=values.copy(data=drawn / np.linalg.norm(drawn, axis=-1, keepdims=True) * lengths)
        )
    if "basis" not in result:
        raise BadResult(f"this result has no direction and no basis (has: {', '.join(map(str, result))})")
    basis = result["basis"].transpose("layer", "component", "d")
    drawn = generator.normal(size=basis.shape)
    orthonormal = np.linalg.qr(drawn.transpose(0, 2, 1))[0].transpose(0, 2, 1)
    real = np.linalg.norm(basis, axis=-1, keepdims=True) > 0
    return result[["basis"]].assign(basis=basis.copy(data=np.where(real, orthonormal, 0.0)))
