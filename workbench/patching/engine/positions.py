"""Names of positions in a table over pairs: counted from the end where lengths differ, with tokens and roles."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np
import xarray as xr

from workbench.errors import BadPairs
from workbench.model.model import Model
from workbench.patching.engine.prompts import Prompts
from workbench.patching.engine.roles import SIDES, role_columns
from workbench.patching.engine.table import Table
from workbench.results.hdf5.storable import writable_values
from workbench.text.tokens.pieces import pieces, token_texts


def numbers(prompts: Prompts) -> Sequence[int]:
    """Labels of the columns: from 0 where all prompts have one length, else from the end."""
    width = prompts.width
    return range(width) if len(set(prompts.lengths)) == 1 else range(-width, 0)


def forget_padding(table: Table) -> None:
    """Positions that a shorter pair does not have are NaN; the columns are positions, or units times positions."""
    width = table.prompts.width
    values = table.values.reshape(*table.values.shape[:2], -1, width)
    for row, ids in enumerate(table.prompts.target):
        values[row, :, :, : width - len(ids)] = np.nan


def tokens(model: Model, prompts: Prompts) -> np.ndarray:
    """The token at each position where all pairs agree on it, else nothing; source/target where those two differ."""
    names = []
    for back in range(prompts.width, 0, -1):
        token_pairs = {
            (source[-back], target[-back])
            for source, target in zip(prompts.source, prompts.target, strict=True)
            if len(target) >= back
        }
        if len(token_pairs) == 1:
            source, target = (model.tokenizer.decode([token]) for token in next(iter(token_pairs)))
            names.append(target if source == target else f"{source}/{target}")
        else:
            names.append("")
    return np.array(names, dtype=object)


def with_example(
    result: xr.Dataset, model: Model, prompts: Prompts, axes: Mapping[str, Sequence[str]] | None = None
) -> xr.Dataset:
    """Add the tokens of one pair's prompts to axes of positions, and roles where all pairs have them in one place.

    The pair is the first of the longest, so that every position has a token; its number is the attribute `example_pair`
    of the Result and of the coordinates.

    Args:
        result: with the axes.
        model: the model.
        prompts: the pairs.
        axes: axis to the prompts whose positions it has; both prompts' on `position` by default.

    Returns:
        The Result with the coordinates `source_token`, `target_token` and, of an axis with roles, `position_role` and
        so on; "" where there is none.
    """
    example = max(range(len(prompts)), key=lambda row: len(prompts.source[row]) + len(prompts.target[row]))
    about = {"example_pair": example}
    names: dict[str, tuple[str, np.ndarray, dict[str, int]]] = {}
    for axis, sides in (axes or {"position": SIDES}).items():
        size = result.sizes[axis]
        for side in sides:
            texts = _texts(model, getattr(prompts, side)[example])
            names[f"{side}_token"] = (axis, _coordinate([""] * (size - len(texts)) + texts), about)
        role_of = _aligned_roles(prompts, sides)
        if any(-back in role_of for back in range(1, size + 1)):
            names[f"{axis}_role"] = (axis, _coordinate([role_of.get(back, "") for back in range(-size, 0)]), about)
    return result.assign_coords(names).assign_attrs(about)


def with_example_of_roles(
    result: xr.Dataset, model: Model, prompts: Prompts, columns: Mapping[str, Sequence[Sequence[int]]]
) -> xr.Dataset:
    """Add the tokens of the first pair's prompts at its roles; `columns` as in `role_columns`."""
    names = {}
    for side in SIDES:
        texts = _texts(model, getattr(prompts, side)[0])
        names[f"{side}_token"] = ("role", _coordinate([texts[at] for at in columns[side][0]]), {"example_pair": 0})
    return result.assign_coords(names).assign_attrs(example_pair=0)


def _texts(model: Model, ids: list[int]) -> list[str]:
    """What each token adds to its text; bytes of a character that a later token completes."""
    whole, each = pieces(model.tokenizer, ids), token_texts(model.tokenizer, ids)
    return [piece or alone for piece, alone in zip(whole, each, strict=True)]


def _coordinate(texts: list[str]) -> np.ndarray:
    return writable_values("token", np.array(texts, dtype=object))


def _aligned_roles(prompts: Prompts, sides: Sequence[str]) -> dict[int, str]:
    """The roles at each position from the end, where every pair has them there; roles that do not fit name nothing."""
    role_of: dict[int, str] = {}
    if all(pair.roles for pair in prompts.pairs):
        with suppress(BadPairs):
            shared, columns = role_columns(prompts)
            for number, role in enumerate(shared):
                places = {row[number] for side in sides for row in columns[side]}
                if len(places) == 1:
                    place = places.pop()
                    role_of[place] = f"{role_of[place]}, {role}" if place in role_of else role
    return role_of
