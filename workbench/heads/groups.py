"""Groups of heads: read from a Result or a dict, checked, and matched by random heads of the same layers."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from workbench.errors import BadArgument, BadResult

Groups = xr.Dataset | Mapping[Any, Iterable[Sequence[int]]]
"""A Result of `roles`, or group -> (layer, head) pairs."""

_AXES = ("language", "layer", "head")
_SCORES = ("importance", "delta", "excess", "value")


def read_heads(heads: Iterable[Sequence[int]], layers: int, width: int, *, of: str = "") -> np.ndarray:
    """Heads from (layer, head) pairs or from a [layer, head] mask of booleans: [layer, head] bool.

    Raises:
        BadArgument: no such head; names the range.
    """
    if isinstance(heads, np.ndarray | xr.DataArray) and heads.dtype == bool and heads.shape == (layers, width):
        return np.array(heads, dtype=bool)
    mask = np.zeros((layers, width), dtype=bool)
    allowed = f"there are layers 0 to {layers - 1} and heads 0 to {width - 1}"
    for pair in heads:
        try:
            layer, head = (int(number) for number in pair)
        except (TypeError, ValueError):
            raise BadArgument(f"{pair!r}{of} is not a (layer, head) pair; {allowed}") from None
        if not (0 <= layer < layers and 0 <= head < width):
            raise BadArgument(f"head {head} of layer {layer}{of} does not exist; {allowed}")
        mask[layer, head] = True
    return mask


def read_groups(groups: Groups, layers: int, heads: int) -> dict[str, np.ndarray]:
    """The heads of every group: name -> [layer, head] bool.

    Args:
        groups: a Result with `member[language, layer, head]`, or a dict of (layer, head) pairs by group.
        layers: layers of the model.
        heads: heads of each layer.

    Raises:
        BadResult: a Dataset without `member`, or of another model's shape.
        BadArgument: no group, or a head that does not exist.
    """
    if isinstance(groups, xr.Dataset):
        if "member" not in groups or set(groups.member.dims) != set(_AXES):
            has = ", ".join(f"{name}[{', '.join(map(str, v.dims))}]" for name, v in groups.data_vars.items())
            raise BadResult(f"groups come from member[{', '.join(_AXES)}]; this Result has {has or 'no variables'}")
        member = groups.member.transpose(*_AXES)
        if member.shape[1:] != (layers, heads):
            raise BadResult(
                f"member has {member.shape[1]} layers of {member.shape[2]} heads, the model has {layers} of {heads}: "
                "these roles belong to another model"
            )
        names = groups["language"].to_numpy().tolist()
        return {str(name): member.values[i].astype(bool) for i, name in enumerate(names)}
    if not isinstance(groups, Mapping) or not groups:
        raise BadArgument(
            f"groups={type(groups).__name__} names no group; give a Result of roles, or a dict such as "
            "{'de': [(0, 3), (2, 1)]}"
        )
    return {
        str(name): read_heads(pairs, layers, heads, of=f" in group {str(name)!r}") for name, pairs in groups.items()
    }


def top(result: xr.Dataset, *, share: float = 0.02) -> dict[str, list[tuple[int, int]]]:
    """The strongest heads of every language: the groups that the LAHIS paper switches off (2 %) or scales (1 %).

    Args:
        result: of `importance`, `ablate` or `shapley`, or any Dataset with one of their scores
            [language, layer, head]. Heads that were not measured (NaN) are never taken.
        share: of all heads, above 0 to 1; at least one head is taken. Equal heads are taken in the order of the layers.

    Returns:
        Language to its (layer, head) pairs, strongest first; what `knockout` takes.

    Raises:
        BadArgument: no score in `result`, or a share out of range.

    Source:
        arXiv 2511.07498, sections 4 and 5.

    Example:
        >>> wb.heads.knockout(model, corpus, wb.heads.top(found, share=0.02))                    # doctest: +SKIP
    """
    if not 0 < share <= 1:
        raise BadArgument(f"share={share!r}; it is above 0 and at most 1, such as 0.02")
    scores = read_score(result)
    count = max(1, round(share * scores[0].size))
    found = {}
    for name, values in zip(scores["language"].to_numpy().tolist(), scores.values, strict=True):
        order = np.argsort(-np.where(np.isnan(values), -np.inf, values), axis=None, kind="stable")[:count]
        cells = [divmod(int(place), values.shape[1]) for place in order]
        found[str(name)] = [cell for cell in cells if not np.isnan(values[cell])]
    return found


def read_score(result: xr.Dataset) -> xr.DataArray:
    """The score of a Result, [language, layer, head]: importance, delta, excess or value.

    Raises:
        BadArgument: there is none.
    """
    for name in _SCORES:
        if name in result and set(result[name].dims) == set(_AXES):
            return result[name].transpose(*_AXES)
    has = ", ".join(f"{name}[{', '.join(map(str, v.dims))}]" for name, v in result.data_vars.items()) or "no variables"
    raise BadArgument(f"a score is {', '.join(_SCORES)}[{', '.join(_AXES)}]; this result has {has}")


def random_groups(name: str, mask: np.ndarray, count: int, *, seed: int) -> np.ndarray:
    """Random groups with as many heads in each layer as this one: [draw, layer, head] bool.

    Heads outside the group are taken first; only where a layer has too few of them do its own heads fill the rest. The
    draws depend on the seed and the group's name alone, not on the other groups.
    """
    found = np.zeros((count, *mask.shape), dtype=bool)
    generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
    for draw in range(count):
        for layer in np.flatnonzero(mask.any(1)):
            outside = generator.permutation(np.flatnonzero(~mask[layer]))
            inside = generator.permutation(np.flatnonzero(mask[layer]))
            found[draw, layer, np.concatenate([outside, inside])[: len(inside)]] = True
    return found
