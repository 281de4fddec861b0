"""Batches of a corpus, past those that an earlier run finished."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from tqdm.auto import tqdm

from workbench.model.batching import streamed
from workbench.model.model import Model
from workbench.results.resuming.progress import resumed
from workbench.text.batches import Batch
from workbench.text.corpus import Corpus


def unfinished(
    model: Model, corpus: Corpus, state: Mapping[str, Any], *, bar: str, size: int, truncate: bool, progress: bool
) -> Iterator[Batch]:
    """Yield batches of `size` texts with a progress bar in texts; `state` is what they add to, as in `resumed`."""
    stream = partial(streamed, model, corpus, batch_size=size, truncate=truncate)
    with tqdm(total=len(corpus), desc=bar, unit="text", disable=not progress) as texts:
        for batch in resumed(stream, state, skip=lambda batch: texts.update(len(batch))):
            yield batch
            texts.update(len(batch))
