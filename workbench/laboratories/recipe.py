"""A Recipe: data, objective and trainable part of a training whose effect by language is measured."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr

from workbench.arguments import finite, whole_number
from workbench.text.corpus import Corpus

Module = Any
"""A causal language model of transformers, whose own type annotations are too narrow."""
HeldOut = Callable[[str, str, str], bool]
"""(concept, source language, target language) -> whether this direction is never trained on, to be measured."""


@dataclass(frozen=True)
class Example:
    """A text to train on.

    Attributes:
        text: prompt and answer.
        answer: characters that the loss covers, from and to; the whole text when None.
        language: of the answer, or of the text.
        group: consecutive examples of one group, other than "", stay in one batch: the options of an item.
        weight: factor on this example's loss, or the teacher's probability of an option.
    """

    text: str
    answer: tuple[int, int] | None = None
    language: str = ""
    group: str = ""
    weight: float = 1.0


@dataclass(frozen=True)
class ExampleBatch:
    """Examples as token ids, filled up on the right.

    Attributes:
        ids: [row, token] int64.
        mask: 1 at real tokens, [row, token] int64.
        marks: tokens that the loss covers, [row, token] bool; never the first.
        examples: of each row.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    marks: torch.Tensor
    examples: tuple[Example, ...]

    @property
    def tokens(self) -> int:
        """Real tokens."""
        return int(self.mask.sum())

    def to(self, device: torch.device | str) -> "ExampleBatch":
        """Move ids, mask and marks to a device."""
        moved = {name: getattr(self, name).to(device) for name in ("ids", "mask", "marks")}
        return replace(self, **moved)


@dataclass(frozen=True)
class Materials:
    """What data are made of.

    Attributes:
        tokenizer: of the base.
        corpus: texts by language to train on.
        test: texts by language to measure on; none of them is in `corpus`.
        words: a frame [concept, language].
        held_out: directions to measure on, which no data train.
        base: the module before any training; only read.
    """

    tokenizer: Any
    corpus: Corpus
    test: Corpus
    words: pd.DataFrame
    held_out: HeldOut
    base: Module = None

    @property
    def pairs(self) -> pd.DataFrame:
        """Parallel texts, [row, language]; empty where the corpus is not aligned."""
        return pd.DataFrame(self.corpus.texts if self.corpus.aligned else {})


Data = Callable[[Materials, np.random.Generator], Iterable[Example]]
"""Makes examples, with or without end; where they end, it is called again with the same generator."""
Objective = Callable[[Module, ExampleBatch], torch.Tensor]
"""Loss of a batch, a scalar with a gradient."""
Trainable = Callable[[Module], AbstractContextManager[Module]]
"""Inside, the parameters that require a gradient are those to train, of the module that it yields. On leaving, the
module that was passed computes what was trained, as a plain module (an adapter is merged)."""
Measure = Callable[[Any], xr.DataArray]
"""From a Model to one number of each sample, [language, sample]; NaN where a language has fewer. Its `name` is that of
the measure; attributes: `units`, `better` ("higher" or "lower"), and `aligned`, whether sample i is the same item in
every language."""


def of_module(measure: Measure) -> Measure:
    """Say of a measure that it needs no more than `model.module` and `model.tokenizer`: nothing is wrapped for it."""
    setattr(measure, "of_module", True)  # noqa: B010 (a function has no such attribute of its own)
    return measure


@dataclass(frozen=True)
class Recipe:
    """A training: data x objective x trainable part, and how long.

    Attributes:
        name: of the recipe.
        data: makes the examples.
        objective: the loss.
        trainable: what is trained.
        steps: updates; 0 trains nothing.
        batch: rows of an update, if they were full: examples are drawn until `batch * length` tokens are reached.
        length: of the longest example, in tokens; longer ones are cut.
        rate: highest learning rate of AdamW, without weight decay.
        warmup: share of the steps in which the rate rises linearly; it falls linearly to zero in the others.
    """

    name: str
    data: Data
    objective: Objective
    trainable: Trainable
    steps: int = 80
    batch: int = 16
    length: int = 128
    rate: float = 3e-4
    warmup: float = 0.1

    def __post_init__(self) -> None:
        for name, least in (("steps", 0), ("batch", 1), ("length", 2)):
            whole_number(name, getattr(self, name), at_least=least)
        finite("rate", self.rate, above=0)
        finite("warmup", self.warmup, at_least=0, below=1)

    def but(self, **changes: Any) -> "Recipe":
        """The same recipe with some fields changed."""
        return replace(self, **changes)


Control = Callable[[Recipe, Materials], Recipe]
"""Makes of a recipe the one that it is compared with."""
