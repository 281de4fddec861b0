"""Directions: a Result with a vector for each layer, which is added to the residual stream, and random ones like it."""

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
    if not isinstance(result, xr.Dataset):
        raise BadArgument(f"directions={shown(result)}; give a Result with direction[layer, d]")
    axes = tuple(map(str, result["direction"].dims)) if "direction" in result else ()
    if len(axes) != 2 or "layer" not in axes:
        stated = f"direction[{', '.join(axes)}]" if axes else "no direction"
        raise BadResult(
            f"directions have {stated}; give direction[layer, d], of several languages with .sel(language=)"
        )
    values = result["direction"].transpose("layer", ...).to_numpy()
    if values.shape != (layers, width):
        raise BadResult(
            f"direction has {values.shape[0]} layers of width {values.shape[1]}, the model {layers} of {width}: this "
            "direction belongs to another model"
        )
    made = origin(result).get("model") or {}
    if made.get("hash", model["hash"]) != model["hash"]:
        raise BadResult(
            f"this direction belongs to another model: {made.get('name')!r}, whose weights differ from "
            f"those of {model['name']!r}"
        )
    if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise BadResult(
            "direction has values that are NaN, infinite or no numbers; set those to 0 to add nothing there"
        )
    return values.astype(np.float64) * finite("strength", result.attrs.get("strength", 1.0))


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
