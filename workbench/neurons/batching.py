"""Batching: the texts of one language at a time, so that an interrupted sweep keeps whole languages."""

from collections.abc import Sequence
from itertools import groupby

from workbench.errors import BadArgument
from workbench.text.batches import Batch, Encoded, batches

_AUTO = 32  # texts


def texts_per_batch(batch_size: int | str) -> int:
    """Number of texts that run side by side; `"auto"` is 32.

    Raises:
        BadArgument: neither `"auto"` nor a whole number from 1.
    """
    if batch_size == "auto":
        return _AUTO
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise BadArgument(f"batch_size={batch_size!r} runs nothing; give a whole number of texts from 1, or 'auto'")
    return batch_size


def by_language(encoded: Sequence[Encoded], *, batch_size: int, pad_id: int) -> list[Batch]:
    """Batches that hold one language each, language by language, shortest texts first."""
    return [
        batch
        for _, texts in groupby(encoded, key=lambda text: text.language)
        for batch in batches(list(texts), batch_size=batch_size, pad_id=pad_id)
    ]
