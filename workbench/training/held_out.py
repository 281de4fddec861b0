"""Translation directions held out from training, for evaluation."""

from __future__ import annotations

import hashlib

from workbench.training.data.prompts import HeldOut


def held_out_directions(*, share: float = 0.1, seed: int = 0) -> HeldOut:
    """A seeded hash holds out about `share` of all (concept, source, target), each direction independently.

    Example:
        >>> held_out = held_out_directions(share=1.0)
        >>> held_out("dog", "de", "fr")
        True
    """

    def held_out(concept: str, source: str, target: str) -> bool:
        digest = hashlib.sha256(f"{seed}/{concept}/{source}/{target}".encode()).digest()
        return int.from_bytes(digest[:8], "big") < share * 2**64

    return held_out
