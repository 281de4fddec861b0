"""Read directions and subspaces: a Result with a vector, or a basis, for each layer's residual stream; random ones."""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from workbench.arguments import finite, shown
from workbench.errors import BadArgument, BadResult
from workbench.results.make import origin
from workbench.text.corpus import digest


def read_direction(result: Any, layers: int, width: int, *, model: Mapping[str, Any]) -> np.ndarray:
    """What is added after each layer, [layer, d] float64: the direction times its strength.

    Args:
        result: a Result with `direction[layer, d]` of the model's layers and width; its attribute `strength`, 1 where
            it has none, multiplies it.
        layers: layers of the model.
        width: of its residual stream.
        model: `Model.info`.

    Raises:
        BadArgument: no Result, or a strength that is no finite number.
        BadResult: no direction in these axes, one of another model or shape, or numbers that are NaN or infinite.
    """
    values = _own_values(result, "direction", ("layer", "d"), (layers, width), model)
    return values * finite("strength", result.attrs.get("strength", 1.0))


def read_basis(result: Any, layers: int, width: int, *, model: Mapping[str, Any]) -> np.ndarray:
    """The subspace of each layer, [layer, component, d] float64: orthonormal components, then zeros.

    Args:
        result: a Result with `basis[layer, component, d]` of the model's layers and width.
        layers: as of `read_direction`, as the next two.
        width: of the residual stream.
        model: `Model.info`.

    Raises:
        BadArgument: no Result.
        BadResult: no basis in these axes, one of another model or shape, or numbers that are NaN or infinite; or
            components that are not orthonormal.
    """
    basis = _own_values(result, "basis", ("layer", "component", "d"), (layers, width), model)
    if not orthonormal(basis):
        raise BadResult("basis has components that are not orthonormal; give those of wb.steering.subspace")
    return basis


def orthonormal(basis: np.ndarray) -> bool:
    """Whether the components of each layer, [layer, component, d], are orthonormal, or 0."""
    products = basis @ basis.transpose(0, 2, 1)
    lengths = np.diagonal(products, axis1=1, axis2=2)
    return np.allclose(products, np.where(lengths > 0.5, 1.0, 0.0)[:, None] * np.eye(basis.shape[1]), atol=1e-4)


def _own_values(
    result: Any, name: str, axes: tuple[str, ...], sizes: tuple[int, int], model: Mapping[str, Any]
) -> np.ndarray:
    """A variable of a Result in these axes, float64, after a check that it belongs to the model."""
    wanted = f"{name}[{', '.join(axes)}]"
    if not isinstance(result, xr.Dataset):
        raise BadArgument(f"{name}s={shown(result)}; give a Result with {wanted}")
    present = tuple(map(str, result[name].dims)) if name in result else ()
    if len(present) != len(axes) or not {*axes[:-1]} <= {*present}:
        stated = f"{name}[{', '.join(present)}]" if present else f"no {name}"
        raise BadResult(f"{name}s have {stated}; give {wanted}, of several languages with .sel(language=)")
    values = result[name].transpose(*axes[:-1], ...).to_numpy()
    layers, width = values.shape[0], values.shape[-1]
    if (layers, width) != sizes:
        raise BadResult(
            f"{name} has {layers} layers of width {width}, the model {sizes[0]} of {sizes[1]}: this {name} belongs to "
            "another model"
        )
    made = origin(result).get("model") or {}
    if made.get("hash", model["hash"]) != model["hash"]:
        raise BadResult(
            f"this {name} belongs to another model: {made.get('name')!r}, whose weights differ from "
            f"those of {model['name']!r}"
        )
    if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise BadResult(f"{name} has values that are NaN, infinite or no numbers; set those to 0 to do nothing there")
    return values.astype(np.float64)


def read_directions(given: Any, layers: int, width: int, *, model: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Several directions, name -> [layer, d], as `read_direction` reads each.

    Args:
        given: a Result with `direction[language, layer, d]`, whose languages become the names; one with
            `direction[layer, d]`, which is named `direction`; or a mapping of name -> such a Result.
        layers: layers of the model.
        width: of its residual stream.
        model: `Model.info`.

    Raises:
        BadArgument: no direction, or a strength that is no finite number.
        BadResult: as `read_direction`.
    """
    if isinstance(given, xr.Dataset):
        names = given["language"].to_numpy().tolist() if "language" in given["direction"].dims else None
        given = {"direction": given} if names is None else {name: given.sel(language=name) for name in names}
    if not given:
        raise BadArgument("there are no directions; give at least one")
    return {str(name): read_direction(result, layers, width, model=model) for name, result in given.items()}


def random_directions(name: str, vectors: np.ndarray, count: int, *, seed: int) -> np.ndarray:
    """Random directions like this one, [draw, layer, d]: it is turned as a whole.

    So each has the lengths of its layers, and the angles between them. The draws depend on the seed and the name alone.

    Args:
        name: of the direction.
        vectors: [layer, d].
        count: of the directions to draw.
        seed: of the draws.
    """
    generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
    drawn = np.zeros((count, *vectors.shape))
    used = vectors.any(1)
    left, sizes, _ = np.linalg.svd(vectors[used], full_matrices=False)
    for draw in range(count):
        axes, upper = np.linalg.qr(generator.normal(size=(vectors.shape[1], len(sizes))))
        axes *= np.sign(upper.diagonal())  # the factorization chooses signs: without this, not all are as likely
        drawn[draw, used] = (left * sizes) @ axes.T
    return drawn


def described(vectors: np.ndarray) -> dict[str, Any]:
    """What provenance records of vectors [layer, d] that are added: their layers, lengths and hash."""
    norms = np.linalg.norm(vectors, axis=1)
    layers = np.flatnonzero(norms).tolist()
    return {"layers": layers, "norms": norms[layers].round(6).tolist(), "hash": digest(vectors.tolist())}
