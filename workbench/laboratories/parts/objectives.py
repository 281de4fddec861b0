"""Objectives: the loss of a batch of examples."""

import inspect
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from workbench.arguments import checked, shown
from workbench.errors import BadArgument
from workbench.laboratories.recipe import ExampleBatch, Module, Objective


@checked
def answers() -> Objective:
    """The mean NLL of the answers' tokens, in nats; of examples without an answer, of all their tokens.

    Each example's tokens count by its weight.

    Example:
        >>> recipe = Recipe("mine", data, answers(), everything())                               # doctest: +SKIP
    """

    def loss(module: Module, batch: ExampleBatch) -> Tensor:
        return _mean_nll(module, batch, batch.marks)

    return loss


@checked
def text() -> Objective:
    """The mean NLL of all tokens, prompts included, in nats.

    Example:
        >>> recipe = Recipe("mine", data, text(), everything())                                  # doctest: +SKIP
    """

    def loss(module: Module, batch: ExampleBatch) -> Tensor:
        marks = batch.mask.bool().clone()
        marks[:, 0] = False
        return _mean_nll(module, batch, marks)

    return loss


@checked
def match(teacher: Any) -> Objective:
    """The mean KL(teacher || student) over the vocabulary at the answers' tokens, in nats.

    Args:
        teacher: a module with the same vocabulary; it is not trained.

    Raises:
        BadArgument: the teacher is no module.

    Example:
        >>> recipe = Recipe("mine", data, match(teacher), lora())                                # doctest: +SKIP
    """
    if not isinstance(teacher, torch.nn.Module):
        raise BadArgument(f"teacher={shown(teacher)}; give a module of transformers")

    def loss(module: Module, batch: ExampleBatch) -> Tensor:
        with torch.no_grad():
            wanted, _ = predicted(teacher, batch, batch.marks)
        made, _ = predicted(module, batch, batch.marks)
        return kl_div(log_softmax(made, -1), log_softmax(wanted, -1), log_target=True, reduction="batchmean")

    return loss


def predicted(module: Module, batch: ExampleBatch, marks: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of the marked tokens, from the position before each, [marked, vocabulary]; and their ids, [marked].

    Logits are computed only at positions before which a row has a marked token, where the module can.
    """
    before = marks[:, 1:]
    columns = before.any(0).nonzero().flatten()
    if takes_positions(module):
        logits = module(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False, logits_to_keep=columns).logits
    else:
        logits = module(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False).logits[:, columns]
    chosen = before[:, columns]
    return logits[chosen].float(), batch.ids[:, 1:][:, columns][chosen]


def takes_positions(module: Module) -> bool:
    """Whether a module computes logits at some positions only."""
    inner = module.get_base_model() if hasattr(module, "get_base_model") else module
    return _has_option(type(inner))


@cache
def _has_option(kind: type) -> bool:
    return "logits_to_keep" in inspect.signature(kind.forward).parameters  # pyright: ignore[reportAttributeAccessIssue]


def _mean_nll(module: Module, batch: ExampleBatch, marks: Tensor) -> Tensor:
    logits, ids = predicted(module, batch, marks)
    weights = torch.tensor([example.weight for example in batch.examples], device=ids.device)
    own = weights[:, None].expand(marks[:, 1:].shape)[marks[:, 1:]]
    return (cross_entropy(logits, ids, reduction="none") * own).sum() / own.sum()
