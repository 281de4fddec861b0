"""Replacements: what a head's output becomes when it is ablated."""

import hashlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import torch
from einops import rearrange
from torch import Tensor

from workbench.errors import BadCorpus, TooFewLanguages
from workbench.model.forward.record import record
from workbench.model.forward.recording import Recording
from workbench.model.model import Model
from workbench.text.batches import Batch, Encoded, collate

Values = Callable[[int, Sequence[int]], Tensor]
"""(layer, heads) to their new outputs, broadcastable to [cell, sample, position, d_head], a cell per head."""

Replacement = Callable[[Recording], Values]
"""What a recorded batch's heads become."""

_BY_HEAD = "sample position head d_head -> head sample position d_head"


def zero(recording: Recording) -> Values:
    """Zero: the same as zeroing the head's columns of W_O."""
    nothing = torch.zeros(1, 1, 1, 1, dtype=recording.z[0].dtype, device=recording.z[0].device)
    return lambda layer, heads: nothing


def scaled(factor: float) -> Replacement:
    """The head's own output times a factor."""
    return lambda recording: lambda layer, heads: rearrange(recording.z[layer][:, :, list(heads)], _BY_HEAD) * factor


def mean(model: Model, batches: Iterable[Batch], *, step: Callable[[], None], by: str = "corpus") -> Replacement:
    """Each head's mean output over the positions that count, summed in float64.

    In a chat these are the text's own; by position also the template's, which have means of their own.

    `by` says over which texts: all of all languages (`"corpus"`), those of the text's own language (`"language"`), or
    all at the same position, counted from each text's first token (`"position"`). `step` is called after each batch.
    """
    totals: dict[str | int, Tensor] = {}
    counts: Counter[str | int] = Counter()

    def add(key: str | int, values: list[Tensor]) -> None:
        totals[key] = totals.get(key, 0) + torch.stack([z.float().sum(0) for z in values]).double().cpu()
        counts[key] += len(values[0])

    for batch in batches:
        recording = record(model, batch, heads=True)
        real = (recording.batch.mask if by == "position" else recording.batch.counted).bool()
        if by == "corpus":
            add("", [z[real] for z in recording.z])
        elif by == "language":
            for row, language in enumerate(batch.languages):
                add(language, [z[row, real[row]] for z in recording.z])
        else:
            place = _places(recording.batch)
            for position in range(int(real.sum(1).max())):
                add(position, [z[real & (place == position)] for z in recording.z])
        step()
    means = {key: (total / counts[key]).to(device=model.device, dtype=model.dtype) for key, total in totals.items()}

    def replacement(recording: Recording) -> Values:
        batch = recording.batch
        if by == "corpus":
            return lambda layer, heads: means[""][layer, list(heads)][:, None, None]
        if by == "language":
            own = torch.stack([means[language] for language in batch.languages])  # [sample, layer, head, d_head]
            return lambda layer, heads: rearrange(
                own[:, layer, list(heads)], "sample head d_head -> head sample 1 d_head"
            )
        every = torch.stack([means[position] for position in range(len(means))])  # [position, layer, head, d_head]
        place = _places(batch)
        return lambda layer, heads: rearrange(every[:, layer, list(heads)][place], _BY_HEAD)

    return replacement


def _places(batch: Batch) -> Tensor:
    """Position of each column, counted from the text's first real token: [sample, position]."""
    return (batch.mask.cumsum(1) - 1).clamp(min=0)


def resample(model: Model, encoded: Sequence[Encoded], *, seed: int, same: bool = False) -> Replacement:
    """The head's output in a donor text of another language (or of the same), by position from the start.

    Position p of a text takes the donor's position p modulo the donor's length, so a shorter donor repeats. It raises
    what `donors` raises.
    """
    chosen = donors(encoded, seed=seed, same=same)

    def replacement(recording: Recording) -> Values:
        batch = recording.batch
        texts = [chosen[key] for key in zip(batch.languages, batch.rows, strict=True)]
        given = record(model, collate(texts, model.pad_id), heads=True)
        column = _places(batch) % given.batch.lengths[:, None]
        sample = torch.arange(len(texts), device=column.device)[:, None]
        return lambda layer, heads: rearrange(given.z[layer][sample, column][:, :, list(heads)], _BY_HEAD)

    return replacement


def donors(encoded: Sequence[Encoded], *, seed: int, same: bool = False) -> dict[tuple[str, int], Encoded]:
    """A donor for every text, by (language, row): any text of the other languages, all equally likely.

    With `same`, any other text of its own language.

    Of those texts, sorted by language and token ids, the hash (SHA-256, first eight bytes) of seed, language and token
    ids, modulo their number, is the index. So the choice depends on the seed and the texts alone, not on their order or
    on batches.

    Raises:
        TooFewLanguages: there is one language only.
        BadCorpus: with `same`, a language has one text only.
    """
    distinct = {(text.language, tuple(text.ids)): text for text in reversed(encoded)}  # a copy is not another text
    ordered = sorted(distinct.values(), key=lambda text: (text.language, text.ids))
    codes = [text.language for text in ordered]
    chosen = {}
    for text in encoded:
        start = bisect_left(codes, text.language)
        own = bisect_left(codes, text.language + "\0") - start
        key = f"{seed} {text.language} {' '.join(map(str, text.ids))}"
        drawn = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
        if same:
            if own < 2:
                raise BadCorpus(f"{text.language!r} has one text; how='resample_same' needs two that differ")
            left = [other for other in ordered[start : start + own] if other.ids != text.ids]
            chosen[text.language, text.row] = left[drawn % len(left)]
            continue
        others = len(ordered) - own
        if not others:
            raise TooFewLanguages(
                f"how='resample' takes a head's output from a text of another language; this corpus has only "
                f"{text.language!r}; how='mean' or 'zero' would work"
            )
        place = drawn % others
        chosen[text.language, text.row] = ordered[place if place < start else place + own]
    return chosen
