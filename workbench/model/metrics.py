"""Metrics: one number per sample, differentiable, read so that only needed logits are computed.

Whether gradients are recorded is left to the caller: nothing here disables them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from workbench.errors import BadArgument, NotFinite
from workbench.model.forward.alone import alone, turn
from workbench.model.forward.blockwise_loss import next_token_loss
from workbench.model.hooks import with_forward
from workbench.model.model import Model
from workbench.text.batches import Batch

_CHUNK = 256  # rows of logits in memory at once


@dataclass(frozen=True)
class Metric:
    """A named number per sample, of logits. Its gradients are those of `of`, so `of` must be differentiable.

    Attributes:
        name: its name in figures and provenance.
        unit: its unit.
        of: logits and batch to [sample]. Logits are float32, [sample, vocabulary] of each sample's last token or, with
            `last=False`, [sample, position, vocabulary], padding included. `batch.rows` is the number of each
            sample's pair, or of its text within its language (`batch.languages`); `batch.ids` and `batch.mask` are
            [sample, position].
        last: the last token alone is read.
        lower_is_better: as for a loss; `circuit` uses it to tell damage from improvement.
        of_states: a faster way to the same numbers: (model, states [cell, sample, position, d_model] before the final
            norm, batch) to [cell, sample].

    Example:
        >>> import workbench as wb
        >>> surest = wb.model.Metric("largest logit", "logits", lambda logits, batch: logits.amax(-1))
        >>> wb.patching.sweep(model, pairs, metric=surest)                                     # doctest: +SKIP
    """

    name: str
    unit: str
    of: Callable[[Tensor, Batch], Tensor]
    last: bool = True
    lower_is_better: bool = False
    of_states: Callable[[Model, Tensor, Batch], Tensor] | None = None

    @property
    def noun(self) -> str:
        """Its name in a sentence."""
        return "loss" if self.name == "nll" else self.name.replace("_", " ")

    @property
    def long_name(self) -> str:
        """Its name on an axis."""
        return "negative log-likelihood" if self.name == "nll" else self.noun

    def read(self, model: Model, states: Tensor, batch: Batch) -> Tensor:
        """The metric of final states [cell, sample, position, d_model] before the final norm: [cell, sample].

        Raises:
            BadArgument: `of` does not give one number per sample.
        """
        with turn(model):
            if self.of_states is not None:
                return self.of_states(model, states, batch)
            selected = _last(states, batch) if self.last else states
            cells = _logits(model, selected) if self.last else (_logits(model, cell) for cell in selected)
            values = [self.of(logits, batch) for logits in cells]
        if any(getattr(each, "shape", None) != (len(batch),) for each in values):
            shape = tuple(getattr(values[0], "shape", ()))
            raise BadArgument(
                f"metric {self.name!r} gives shape {shape}; give one number for each of {len(batch)} samples"
            )
        return torch.stack(values)


def require_finite(values: Tensor, batch: Batch, cells: Sequence[str]) -> None:
    """Refuse values [cell, sample] of which one is NaN or infinite.

    Raises:
        NotFinite: names the first of them, by the name of its cell, and its sample.
    """
    bad = ~torch.isfinite(values)
    if bool(bad.any()):
        cell, sample = bad.nonzero()[0].tolist()
        where = f"sample {batch.rows[sample]} of {batch.languages[sample]!r}"
        raise NotFinite(f"{cells[cell]} is NaN or infinite for {where}")


@alone
def unembed(model: Model, states: Tensor) -> Tensor:
    """Logits of states that passed the final norm: [row, d_model] to [row, vocabulary].

    The model's own head is run, so that soft-capping and scaling apply.
    """
    backbone = model.module.get_decoder()  # what the head's owner calls; not always the base model (OPT)
    with with_forward(backbone, lambda *args, **options: _BackboneOutput(states[None])):
        ids = torch.zeros(1, states.shape[0], dtype=torch.long, device=states.device)
        return model.module(input_ids=ids, use_cache=False).logits[0]


class _BackboneOutput:
    """What a backbone returns, with the final state alone; every other field of any architecture is None."""

    def __init__(self, states: Tensor):
        self.last_hidden_state = states

    def __getitem__(self, index: Any) -> Any:
        return (self.last_hidden_state,)[index]

    def __getattr__(self, name: str) -> None:
        return None


def _norm(model: Model, states: Tensor) -> Tensor:
    return model.bridge.ln_final(states)


def _logits(model: Model, states: Tensor) -> Tensor:
    """Logits of states before the final norm: [..., d_model] to [..., vocabulary], float32."""
    hidden = _norm(model, states)
    return unembed(model, hidden.flatten(0, -2)).float().unflatten(0, hidden.shape[:-1])


def _last(states: Tensor, batch: Batch) -> Tensor:
    """The state of each sample's last token, [cell, sample, d_model]; texts of a corpus are padded on the right."""
    if states.shape[2] == 1 or bool(batch.mask[:, -1].all()):
        return states[:, :, -1]
    position = batch.mask.shape[1] - 1 - batch.mask.flip(1).argmax(1)
    return states[:, torch.arange(len(position)), position]


@alone
def read_nll(model: Model, states: Tensor, batch: Batch) -> Tensor:
    """Mean negative log-likelihood of each sample's counted tokens but a first one, in nats: [cell, sample].

    Logits of the whole batch are never in memory: blocks of the vocabulary, or chunks of rows where the model's head
    scales or caps its logits.
    """
    targets, real = next_tokens(batch)
    sample, position = real.nonzero().unbind(1)
    wanted, zeros = targets[sample, position], torch.zeros(len(batch), device=states.device)
    sums = [
        zeros.index_add(0, sample, token_losses(model, _norm(model, cell)[sample, position], wanted)) for cell in states
    ]
    return torch.stack(sums) / real.sum(1)


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

    It counts where it enters statistics and the token before it is real.
    """
    return batch.ids[:, 1:], (batch.counted[:, 1:] * batch.mask[:, :-1]).bool()


def _nll(logits: Tensor, batch: Batch) -> Tensor:
    targets, real = next_tokens(batch)
    losses = cross_entropy(logits[:, :-1].transpose(1, 2), targets, reduction="none")
    return torch.where(real, losses, 0.0).sum(1) / real.sum(1)


nll = Metric("nll", "nats", _nll, last=False, lower_is_better=True, of_states=read_nll)


def logit_difference(answers: Sequence[int], foils: Sequence[int]) -> Metric:
    """The logit of an answer minus that of a foil, after the last token.

    Args:
        answers: the token id of each pair, or of each text of a language: `batch.rows` are places in this list.
        foils: the same.
    """

    @lru_cache(maxsize=2)
    def tokens(rows: tuple[int, ...], device: torch.device) -> Tensor:
        return torch.tensor([[int(ids[row]) for row in rows] for ids in (answers, foils)], device=device)

    def of(logits: Tensor, batch: Batch) -> Tensor:
        answer, foil = logits.gather(1, tokens(batch.rows, logits.device).T).unbind(1)
        return answer - foil

    def of_states(model: Model, states: Tensor, batch: Batch) -> Tensor:
        weight = plain_unembedding(model)
        if weight is None:
            return whole.read(model, states, batch)
        answer, foil = weight[tokens(batch.rows, states.device)]
        return (_norm(model, _last(states, batch)) * (answer - foil)).sum(-1).float()

    whole = Metric("logit_difference", "logits", of)
    return replace(whole, of_states=of_states)


def answer_probability(answers: Sequence[Sequence[int]]) -> Metric:
    """The probability of an answer's tokens, summed, after the last token.

    Args:
        answers: the distinct token ids that count as the answer of each pair, or of each text of a language:
            `batch.rows` are places in this list.
    """

    def of(logits: Tensor, batch: Batch) -> Tensor:
        probabilities = logits.softmax(-1)
        return torch.stack([probabilities[i, list(answers[row])].sum() for i, row in enumerate(batch.rows)])

    return Metric("answer_probability", "probability", of)


def plain_unembedding(model: Model) -> Tensor | None:
    """The unembedding [vocabulary, d_model] where logits are exactly its product with the state, else None.

    Whether they are (no soft cap, scale or bias) was measured when the model was loaded.
    """
    if not model.plain_head:
        return None
    head = model.module.get_output_embeddings()
    return getattr(head, "original_component", head).weight.detach()
