"""What the lenses on translations share: few-shot prompts of a word list, read batch by batch at every layer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from workbench.model.batching import texts_per_batch
from workbench.model.model import Model
from workbench.results.resuming.stoppable import Stoppable
from workbench.text.batches import Batch, Encoded, batches
from workbench.text.clusters import numbered, repeats_record, word_clusters
from workbench.text.corpus import Corpus, chosen
from workbench.text.pairs import first_tokens
from workbench.text.words import load_words, translation_prompts

LEVEL = 0.95  # of intervals
_AUTO = 16  # prompts in a batch


@dataclass(frozen=True)
class Translations:
    """Prompts that ask for the translation of a word, one for each concept.

    Attributes:
        frame: the words.
        source: language of the words that are shown.
        target: language of the answers.
        languages: those to compare.
        prompts: concept to prompt.
        encoded: the prompts' tokens.
        size: prompts in a batch.
    """

    frame: pd.DataFrame
    source: str
    target: str
    languages: list[str]
    prompts: dict[str, str]
    encoded: list[Encoded]
    size: int

    @classmethod
    def make(
        cls,
        model: Model,
        words: pd.DataFrame | str,
        *,
        source: str,
        target: str,
        languages: str | Sequence[str] | None = None,
        batch_size: int | str,
        **how: Any,
    ) -> "Translations":
        """Write and encode the prompts; `how` is for `translation_prompts`."""
        size = texts_per_batch(batch_size, auto=_AUTO)
        frame = words if isinstance(words, pd.DataFrame) else load_words(words)
        present, where = list(frame.columns), "this word list"
        source, target = (chosen([code], present, where=where)[0] for code in (source, target))
        read = present if languages is None else chosen(languages, present, where=where)
        prompts = translation_prompts(frame, source=source, target=target, **how)
        texts = Corpus({source: tuple(prompts.values())}, aligned=False, source="translation prompts")
        return cls(frame, source, target, read, prompts, model.encode(texts), size)

    @cached_property
    def clusters(self) -> np.ndarray:
        """Concepts with the same words in every language share a cluster, [concept]."""
        return word_clusters(self.frame, self.prompts)

    def answers(self, model: Model) -> list[list[int]]:
        """First tokens of each concept's answer."""
        words = (str(self.frame.loc[concept, self.target]) for concept in self.prompts)
        return [sorted(first_tokens(model.tokenizer, word)) for word in words]

    def info(self, *, languages: bool = True) -> dict[str, Any]:
        """What a Result records of its words."""
        about = {name: self.frame.attrs.get(name, other) for name, other in (("source", "frame"), ("hash", None))}
        counts = {"counts": {"concepts": len(self.prompts)}}
        same = repeats_record(numbered(self.clusters.tolist())[None], ["concepts"])
        return (
            about | ({"languages": self.languages} if languages else {}) | counts | ({"same_as": same} if same else {})
        )

    def read(
        self, model: Model, run: Callable[[Batch], None], state: Mapping[str, np.ndarray], *, what: str, progress: bool
    ) -> Stoppable:
        """Run every batch of prompts that is not finished yet.

        Args:
            model: the model.
            run: writes what it reads of a batch into the arrays of `state`.
            state: these arrays.
            what: name of the progress bar.
            progress: show it.

        Returns:
            The loop, whose `result` raises what is finished where Ctrl-C stopped it.
        """
        done = np.zeros((), dtype=np.int64)
        every = list(batches(self.encoded, batch_size=self.size, pad_id=model.pad_id, side="left"))

        def finished() -> str:
            return f"interrupted: {done} of {len(self.encoded)} concepts are finished; they are in .partial"

        with Stoppable(what, len(self.encoded), "prompt", finished, progress=progress) as loop:
            for batch in loop.steps(every, {**state, "done": done}):
                run(batch)
                done += len(batch)
        return loop


def name_states(result: xr.Dataset, model: Model) -> xr.Dataset:
    """Say what the axis of layers of a lens means; returns the Result."""
    result.layer.attrs["long_name"] = f"state before layer (0 the embedding, {model.n_layers} the model's output)"
    return result
