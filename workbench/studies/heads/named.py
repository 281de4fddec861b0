"""Heads as the command line names them."""

import re

_HEAD = re.compile(r"L?(\d+)[.H](\d+)", re.IGNORECASE)


def named_heads(text: str) -> list[tuple[int, int]]:
    """(layer, head) pairs from "2.3,4.1" or "L2H3,L4H1"; none where a part has another form."""
    places = [_HEAD.fullmatch(part.strip()) for part in text.split(",")]
    return [(int(place[1]), int(place[2])) for place in places if place] if all(places) else []
