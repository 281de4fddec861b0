"""An objective on options: the student's probabilities of an item's options follow a teacher's."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal

import torch
from torch import Tensor

from workbench.arguments import checked
from workbench.errors import BadArgument
from workbench.laboratories.parts.objectives import predicted
from workbench.laboratories.recipe import Example, ExampleBatch, Module, Objective


@checked
def match_options(*, variant: Literal["paper", "released"] = "paper") -> Objective:
    """The mean KL(teacher || student) over the options of an item, in nats.

    An item is the examples of one `group`; an option's probability is that of its answer, among those of the group.
    The teacher's probabilities are the examples' weights, so no gradient goes into the teacher. One-hot weights make
    it the cross-entropy on a label.

    Args:
        variant: `"released"` is the loss of the paper's code: a group has the options in two languages, first the
            student's, then the teacher's; it is KL(student || teacher), and the gradient goes into both.

    Raises:
        BadArgument: when it is used: examples without a group, a group of one option, without any weight, or, as
            released, not of two languages with as many options each.

    Source:
        ALSACE (arXiv 2404.08491).

    Example:
        >>> recipe = Recipe("mine", data, match_options(), everything())                         # doctest: +SKIP
    """
    item_loss = _paper if variant == "paper" else _released

    def loss(module: Module, batch: ExampleBatch) -> Tensor:
        scores = answer_scores(module, batch)
        return torch.stack([item_loss(scores[rows], batch.examples[rows]) for rows in items(batch.examples)]).mean()

    return loss


def divergence(first: Tensor, second: Tensor) -> Tensor:
    """KL(first || second) in nats, of log-probabilities along the last axis; where the first is -inf, it adds 0."""
    probability = first.exp()
    return torch.where(probability > 0, probability * (first - second), 0.0).sum(-1)


def answer_scores(module: Module, batch: ExampleBatch) -> Tensor:
    """Log-probability of each row's answer, [row], in nats."""
    logits, ids = predicted(module, batch, batch.marks)
    values = logits.log_softmax(-1).gather(-1, ids[:, None])[:, 0]
    row = batch.marks[:, 1:].nonzero()[:, 0]
    return torch.zeros(len(batch.examples), dtype=values.dtype, device=values.device).index_add(0, row, values)


def items(examples: Sequence[Example]) -> Iterator[slice]:
    """The rows of each group.

    Raises:
        BadArgument: an example has no group.
    """
    start = 0
    for group, members in groupby(examples, key=lambda example: example.group):
        if not group:
            raise BadArgument(f"{examples[start].text[:60]!r} has no group; the options of an item share Example.group")
        count = len(list(members))
        yield slice(start, start + count)
        start += count


def _paper(scores: Tensor, examples: Sequence[Example]) -> Tensor:
    weights = torch.tensor([example.weight for example in examples], dtype=scores.dtype, device=scores.device)
    if len(examples) < 2 or not weights.sum() > 0 or (weights < 0).any():
        raise BadArgument(
            f"the item {examples[0].group!r} has the weights {weights.tolist()}; give the teacher's probabilities of "
            "two options or more"
        )
    return divergence((weights / weights.sum()).log(), scores.log_softmax(-1))


def _released(scores: Tensor, examples: Sequence[Example]) -> Tensor:
    languages = [example.language for example in examples]
    half = len(examples) // 2
    if half < 2 or languages != [languages[0]] * half + [languages[-1]] * half or languages[0] == languages[-1]:
        raise BadArgument(
            f"the item {examples[0].group!r} has options in {', '.join(languages)}; as released, it has those of the "
            "student's language, then as many of the teacher's"
        )
    return divergence(scores[:half].log_softmax(-1), scores[half:].log_softmax(-1))
