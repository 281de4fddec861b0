"""Batches of texts by length and by language, so that an interrupted sweep keeps whole languages."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from workbench.arguments import whole_number
from workbench.model.memory import sliced, texts_at_once
from workbench.model.model import Model
from workbench.text.batches import Batch, Encoded, batches, stream
from workbench.text.corpus import Corpus

_AUTO = 32  # texts


def texts_per_batch(batch_size: int | str, *, auto: int = _AUTO) -> int:
    """The batch size in texts; `"auto"` gives the keyword's value.

    Raises:
        BadArgument: neither `"auto"` nor a whole number from 1.
    """
    return auto if batch_size == "auto" else whole_number("batch_size", batch_size, at_least=1)


def by_length(
    model: Model, encoded: Sequence[Encoded], *, batch_size: int, side: str = "right", passes: int = 1
) -> Iterator[Batch]:
    """Batches of about equal length, shortest first, of `batch_size` texts or as many as fit the model's memory.

    Raises:
        TooLarge: a text does not fit even alone.
    """
    ordered = sorted(encoded, key=lambda text: len(text.ids))
    start = 0
    for size in sliced(
        [len(text.ids) for text in ordered], batch_size, lambda n: texts_at_once(model, n, passes=passes)
    ):
        yield from batches(ordered[start : start + size], batch_size=size, pad_id=model.pad_id, side=side)
        start += size


def streamed(model: Model, corpus: Corpus, *, batch_size: int, truncate: bool = False) -> Iterator[Batch]:
    """Batches of a corpus, sorted by length within windows of rows, of as many texts as fit the model's memory.

    Memory use does not grow with the corpus.
    """
    limits = {"max_length": model.n_context, "n_embedded": model.n_embedded}
    for encoded in stream(model.tokenizer, corpus, truncate=truncate, **limits):
        yield from by_length(model, encoded, batch_size=batch_size)


def by_language(model: Model, encoded: Sequence[Encoded], *, batch_size: int, passes: int = 1) -> list[Batch]:
    """Batches that hold one language each, language by language, shortest texts first.

    Raises:
        TooLarge: a text does not fit even alone.
    """
    return [
        batch
        for _, texts in groupby(encoded, key=lambda text: text.language)
        for batch in by_length(model, list(texts), batch_size=batch_size, passes=passes)
    ]
