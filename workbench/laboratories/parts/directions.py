"""Directions of translation that a caller gives."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

from workbench.arguments import shown
from workbench.errors import BadArgument, UnknownLanguage
from workbench.laboratories.parts.data import Direction


def checked_directions(directions: Sequence[Any] | None, languages: Sequence[str]) -> list[Direction]:
    """Directions as pairs of languages; all of them when None.

    Raises:
        BadArgument: there is none, or one is no pair of two codes.
        UnknownLanguage: a language is not there.
    """
    if directions is None:
        return list(permutations(languages, 2))
    pairs: list[tuple[Any, ...]] = [tuple(way) if isinstance(way, tuple | list) else () for way in directions]
    for way, pair in zip(directions, pairs, strict=True):
        if len(pair) != 2 or not all(isinstance(code, str) for code in pair) or pair[0] == pair[1]:
            raise BadArgument(f"directions has {shown(way)}; give pairs of two languages, such as ('de', 'fr')")
        if missing := [code for code in pair if code not in languages]:
            raise UnknownLanguage(f"{missing[0]!r} is not among the words (has: {', '.join(languages)})")
    if not pairs:
        raise BadArgument("directions is empty; give pairs of two languages, or None for all")
    return [(str(source), str(target)) for source, target in pairs]
