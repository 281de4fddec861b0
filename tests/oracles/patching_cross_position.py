"""Patching across positions by a plain loop: one cell and one full forward of an unwrapped module at a time."""

from __future__ import annotations

from tests.oracles.patching import patched_state, states


def cross_position(module, pair, layer, read, behind=False):
    """[source position][target position] of the metric, at one layer."""
    source, target = pair
    given = states(module, source)[layer + behind]
    return [
        [read(patched_state(module, target, layer, q, given[p], behind)) for q in range(len(target))]
        for p in range(len(source))
    ]
