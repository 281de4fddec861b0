"""Batches of examples with about as many tokens each, filled up on the right."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby, islice
from typing import Any

import numpy as np

from workbench.errors import BadCorpus
from workbench.laboratories.recipe import Data, Example, ExampleBatch, Materials
from workbench.text.batches import pad
from workbench.text.tokens.around import around

_TOGETHER = 64  # examples that are tokenized at a time
Row = tuple[list[int], list[bool], Example]


def endless(data: Data, materials: Materials, rng: np.random.Generator) -> Iterator[Example]:
    """Examples without end: where the data end, they begin again, with new draws.

    Raises:
        BadCorpus: there are none, or one is blank.
    """
    while True:
        empty = True
        for example in data(materials, rng):
            empty = False
            if not example.text.strip():
                raise BadCorpus(f"an example in {example.language or 'no language'!r} is blank")
            yield example
        if empty:
            raise BadCorpus("the recipe's data are empty: no example is left to train on (all may be filtered out)")


def example_batches(examples: Iterable[Example], tokenizer: Any, *, tokens: int, length: int) -> Iterator[ExampleBatch]:
    """Batches of examples, each with `tokens` real tokens or a few more; examples of one group stay together.

    Args:
        examples: as `endless` gives them.
        tokenizer: of the model; what it puts before a text stands before each example, what it puts behind does not.
        tokens: of a batch.
        length: of the longest example; longer ones are cut.

    Raises:
        BadCorpus: an example has no token that a loss could cover.
    """
    front = list(around(tokenizer)[0])
    fill = next((token for token in (tokenizer.pad_token_id, tokenizer.eos_token_id) if token is not None), 0)
    rows: list[Row] = []
    count = 0
    for group in _groups(_encoded(examples, tokenizer, front, length)):
        rows += group
        count += sum(len(ids) for ids, _, _ in group)
        if count >= tokens:
            yield _batch(rows, fill)
            rows, count = [], 0
    if rows:
        yield _batch(rows, fill)


def _groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows that stay together: those of one group, and each of the others alone."""
    numbered = enumerate(rows)
    for _, members in groupby(numbered, key=lambda item: item[1][2].group or item[0]):
        yield [row for _, row in members]


def _encoded(examples: Iterable[Example], tokenizer: Any, front: Sequence[int], length: int) -> Iterator[Row]:
    left = iter(examples)
    while some := list(islice(left, _TOGETHER)):
        made = tokenizer(
            [example.text for example in some],
            add_special_tokens=False,
            return_offsets_mapping=any(example.answer for example in some),
        )
        offsets = made.get("offset_mapping") or [[]] * len(some)
        for ids, places, example in zip(made["input_ids"], offsets, some, strict=True):
            begin, end = example.answer or (0, len(example.text))
            own = [True] * len(ids) if example.answer is None else [b > a and b > begin and a < end for a, b in places]
            marks = list(chain([False] * len(front), own))[:length]
            marks[0] = False  # nothing predicts the first token
            if not any(marks):
                raise BadCorpus(f"no token of the answer is among the first {length} of {example.text[:60]!r}")
            yield [*front, *ids][:length], marks, example


def _batch(rows: Sequence[Row], fill: int) -> ExampleBatch:
    ids, mask = pad([ids for ids, _, _ in rows], fill)
    marks, _ = pad([[int(mark) for mark in marks] for _, marks, _ in rows], 0)
    return ExampleBatch(ids, mask, marks.bool(), tuple(example for _, _, example in rows))
