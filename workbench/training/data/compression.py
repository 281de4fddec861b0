"""Compression baselines without a neural model: `xz`, and a character 5-gram."""

from __future__ import annotations

import lzma

import numpy as np


def xz_bits_per_byte(text: str) -> float:
    """Bits per byte of `text` under `xz -9e`, its header included."""
    data = text.encode()
    return 8 * len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)) / len(data)


def _hashes(codes: np.ndarray, order: int) -> np.ndarray:
    """A 64-bit hash of the `order` codes that end at each place; codes: [n] uint64, left-padded."""
    padded = np.concatenate([np.zeros(order, dtype=np.uint64), codes])
    result = np.zeros(len(codes), dtype=np.uint64)
    for back in range(order - 1, -1, -1):
        result = result * np.uint64(0x9E3779B97F4A7C15) + padded[order - back : len(padded) - back] + np.uint64(1)
    return result


def _count(sorted_keys: np.ndarray, counts: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Count of each of `keys`."""
    place = np.minimum(np.searchsorted(sorted_keys, keys), len(sorted_keys) - 1)
    return np.where(sorted_keys[place] == keys, counts[place], 0)


def ngram_bits_per_byte(train: str, text: str, *, order: int = 5) -> float:
    """Bits per byte of `text` under a character n-gram with Witten-Bell interpolation, counted on `train`.

    The lowest order is uniform over all 1,112,064 Unicode characters, so that any text has a probability.
    """
    known = np.frombuffer(train.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    scored = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    probability = np.full(len(scored), 1 / 1_112_064)
    for n in range(1, order + 1):
        grams, gram_counts = np.unique(_hashes(known, n), return_counts=True)
        contexts = np.concatenate([np.zeros(1, dtype=np.uint64), _hashes(known, n - 1)[:-1]]) if n > 1 else None
        if contexts is None:
            total, kinds = np.full(len(scored), len(known)), np.full(len(scored), len(grams))
        else:
            keys, totals = np.unique(contexts, return_counts=True)
            _, first = np.unique(_hashes(known, n), return_index=True)
            kind_keys, kind_counts = np.unique(contexts[first], return_counts=True)
            here = np.concatenate([np.zeros(1, dtype=np.uint64), _hashes(scored, n - 1)[:-1]])
            total, kinds = _count(keys, totals, here), _count(kind_keys, kind_counts, here)
        seen = _count(grams, gram_counts, _hashes(scored, n))
        with np.errstate(invalid="ignore"):
            mixed = (seen + kinds * probability) / (total + kinds)
        probability = np.where(total > 0, mixed, probability)
    return float(-np.log2(probability).sum() / len(text.encode()))
