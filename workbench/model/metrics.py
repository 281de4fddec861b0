"""Metrics: one number per sample, read from the final residual stream so that only needed logits are computed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from workbench.model.forward.alone import alone
from workbench.model.forward.blockwise_loss import next_token_loss
from workbench.model.model import Model
from workbench.text.batches import Batch

_CHUNK = 256  # rows of logits held at once


@dataclass(frozen=True)
class Metric:
    """A named reading of the final residual stream.

    Attributes:
        name: the field's word for it.
        unit: its unit.
        last: reads the last position only.
        read: (model, states [cell, sample, position, d_model] before the final norm, batch) to [cell, sample].
    """

    name: str
    unit: str
    last: bool
    read: Callable[[Model, Tensor, Batch], Tensor]


@alone
def unembed(model: Model, states: Tensor) -> Tensor:
    """Logits of states that passed the final norm: [row, d_model] to [row, vocabulary].

    The model's own head is run, so that soft-capping and scaling apply.
    """
    with _backbone_gives(model, states[None]):
        ids = torch.zeros(1, states.shape[0], dtype=torch.long, device=states.device)
        return model.module(input_ids=ids, use_cache=False).logits[0]


@contextmanager
def _backbone_gives(model: Model, states: Tensor) -> Iterator[None]:
    backbone = model.module.get_decoder()  # what the head's owner calls; not always the base model (OPT)
    backbone.__dict__["forward"] = lambda *args, **options: _Answer(states)
    try:
        yield
    finally:
        del backbone.__dict__["forward"]


class _Answer:
    """What a backbone returns, with the final state alone; every other field of any architecture is None."""

    def __init__(self, states: Tensor):
        self.last_hidden_state = states

    def __getitem__(self, index: Any) -> Any:
        return (self.last_hidden_state,)[index]

    def __getattr__(self, name: str) -> None:
        return None


def _norm(model: Model, states: Tensor) -> Tensor:
    return model.bridge.ln_final(states)


@alone
@torch.no_grad()
def read_nll(model: Model, states: Tensor, batch: Batch) -> Tensor:
    """Mean negative log-likelihood of each sample's counted tokens but a first one, in nats: [cell, sample].

    Logits are never held for the whole batch: blocks of the vocabulary, or chunks of rows where the model's head scales
    or caps its logits.
    """
    cells, samples = states.shape[:2]
    targets, real = next_tokens(batch)
    counts = real.sum(1)
    sample, position = real.nonzero().unbind(1)
    wanted = targets[sample, position]
    values = torch.zeros(cells, samples, device=states.device)
    for cell in range(cells):
        losses = token_losses(model, _norm(model, states[cell])[sample, position], wanted)
        values[cell].index_add_(0, sample, losses)
    return values / counts


@alone
def token_losses(model: Model, hidden: Tensor, targets: Tensor) -> Tensor:
    """Negative log-likelihood of each target after its normed state, in nats: [row]."""
    weight = plain_unembedding(model)
    if weight is not None:
        return next_token_loss(hidden, weight, targets)
    parts = zip(hidden.split(_CHUNK), targets.split(_CHUNK), strict=True)
    return torch.cat([cross_entropy(unembed(model, part).float(), wanted, reduction="none") for part, wanted in parts])


def next_tokens(batch: Batch) -> tuple[Tensor, Tensor]:
    """For every position but the last: the token that follows, and whether it counts. [sample, position - 1].

    It counts where it is one that enters statistics and the token before it is real.
    """
    return batch.ids[:, 1:], (batch.counted[:, 1:] * batch.mask[:, :-1]).bool()


nll = Metric("nll", "nats", False, read_nll)


def _last_logits(model: Model, states: Tensor) -> Tensor:
    """Logits of the last position: [cell, sample, vocabulary]."""
    hidden = _norm(model, states[:, :, -1])
    return unembed(model, hidden.flatten(0, 1)).float().reshape(*hidden.shape[:2], -1)


def logit_difference(answers: Tensor, foils: Tensor) -> Metric:
    """The last position's logit of each sample's answer minus that of its foil.

    Args:
        answers: token ids, [sample].
        foils: token ids, [sample].
    """

    @alone
    @torch.no_grad()
    def read(model: Model, states: Tensor, batch: Batch) -> Tensor:
        plain = plain_unembedding(model)
        if plain is None:
            logits = _last_logits(model, states)
            sample = torch.arange(logits.shape[1], device=logits.device)
            return logits[:, sample, answers] - logits[:, sample, foils]
        hidden = _norm(model, states[:, :, -1])
        return (hidden * (plain[answers] - plain[foils])).sum(-1).float()

    return Metric("logit_difference", "logits", True, read)


def answer_probability(answers: list[list[int]]) -> Metric:
    """The last position's probability of each sample's answer tokens, summed.

    Args:
        answers: per sample the distinct token ids that count as its answer.
    """

    @alone
    @torch.no_grad()
    def read(model: Model, states: Tensor, batch: Batch) -> Tensor:
        probabilities = _last_logits(model, states).softmax(-1)
        columns = [probabilities[:, i, tokens].sum(-1) for i, tokens in enumerate(answers)]
        return torch.stack(columns, 1)

    return Metric("answer_probability", "probability", True, read)


def plain_unembedding(model: Model) -> Tensor | None:
    """The unembedding [vocabulary, d_model] where logits are exactly its product with the state, else None.

    Whether they are (no soft cap, scale or bias) was seen when the model was loaded.
    """
    if not model.plain_head:
        return None
    head = model.module.get_output_embeddings()
    return getattr(head, "original_component", head).weight.detach()
