"""Replacements: what a head's output becomes when it is ablated."""

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from workbench.errors import TooFewLanguages
from workbench.model.model import Model
from workbench.model.record import record
from workbench.model.recording import Recording
from workbench.text.batches import Batch, Encoded, pad

Values = Callable[[int, Sequence[int]], Tensor]
"""(layer, heads) to their new outputs, broadcastable to [cell, sample, position, d_head], a cell per head."""

Replacement = Callable[[Recording], Values]
"""What a recorded batch's heads become."""


def zero(recording: Recording) -> Values:
    """Nothing: the same as zeroing the head's columns of W_O."""
    nothing = torch.zeros(1, 1, 1, 1, dtype=recording.z[0].dtype, device=recording.z[0].device)
    return lambda layer, heads: nothing


def mean(model: Model, batches: Iterable[Batch], *, step: Callable[[], None]) -> Replacement:
    """Each head's mean output over all real positions of all texts of all languages, summed in float64.

    Args:
        model: the model.
        batches: the whole corpus.
        step: called after each batch.
    """
    total = torch.zeros(model.n_layers, model.n_heads, model.d_head, dtype=torch.float64)
    positions = 0
    for batch in batches:
        recording = record(model, batch, heads=True)
        real = recording.batch.mask.bool()
        total += torch.stack([z[real].float().sum(0) for z in recording.z]).cpu()
        positions += int(real.sum())
        step()
    means = (total / positions).to(device=model.device, dtype=model.dtype)
    return lambda recording: lambda layer, heads: means[layer, list(heads)][:, None, None]


def resample(model: Model, encoded: Sequence[Encoded], *, seed: int) -> Replacement:
    """The head's output in a donor text of another language, position by position from the first token on.

    Position p of a text takes the donor's position p modulo the donor's length, so a shorter donor repeats.

    Raises:
        TooFewLanguages: the corpus has one language only.
    """
    chosen = donors(encoded, seed=seed)

    def replacement(recording: Recording) -> Values:
        batch = recording.batch
        texts = [chosen[key] for key in zip(batch.languages, batch.rows, strict=True)]
        ids, mask = pad([text.ids for text in texts], model.pad_id, "right")
        rows = tuple(text.row for text in texts)
        given = record(model, Batch(ids, mask, tuple(text.language for text in texts), rows), heads=True)
        position = (batch.mask.cumsum(1) - 1).clamp(min=0)  # counted from each text's first real token
        column = position % given.batch.lengths[:, None]
        sample = torch.arange(len(texts), device=column.device)[:, None]
        return lambda layer, heads: given.z[layer][sample, column][:, :, list(heads)].permute(2, 0, 1, 3)

    return replacement


def donors(encoded: Sequence[Encoded], *, seed: int) -> dict[tuple[str, int], Encoded]:
    """A donor for every text, by (language, row): any text of the other languages, each as likely.

    Of those texts, sorted by language and token ids, it is the one whose place is the hash (SHA-256, first eight
    bytes) of seed, language and token ids, modulo their number. So the choice depends on nothing but the seed and the
    texts themselves: not on their order, nor on batches.

    Raises:
        TooFewLanguages: there is one language only.
    """
    ordered = sorted(encoded, key=lambda text: (text.language, text.ids))
    codes = [text.language for text in ordered]
    found = {}
    for text in encoded:
        start = bisect_left(codes, text.language)
        own = bisect_left(codes, text.language + "\0") - start
        others = len(ordered) - own
        if not others:
            raise TooFewLanguages(
                f"how='resample' takes a head's output from a text of another language; this corpus has only "
                f"{text.language!r}; how='mean' or 'zero' would work"
            )
        key = f"{seed} {text.language} {' '.join(map(str, text.ids))}"
        place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % others
        found[text.language, text.row] = ordered[place if place < start else place + own]
    return found
