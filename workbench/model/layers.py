"""How a decoder layer is called: the only file that knows.

A recorded layer can be called again on other states: for stacked copies of the batch, for the positions from `start`
on (with the clean keys and values of the positions before), or with its attention answered by a known tensor.
Nothing is assumed about the architecture but that it is a list of decoder layers, each with an attention that ends in
an output projection. Arguments are fitted to copies and suffixes by their shape, because their names differ.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from workbench.model.attention import attend, fused
from workbench.model.model import Model
from workbench.text.batches import Batch

CACHE_NAMES = ("past_key_values", "past_key_value", "layer_past")


@dataclass
class Recording:
    """One ordinary forward pass, remembered so that any tail of it can be run again.

    Attributes:
        residual: the input of each layer and, last, of the final norm: n_layers + 1 of [sample, position, d_model].
        z: the heads' outputs before W_O, per layer [sample, position, head, d_head]; empty unless asked for.
        attention: the output of each layer's attention, [sample, position, d_model]; empty unless asked for.
        keys_values: per layer [sample, kv head, position, d_head] twice; empty unless asked for.
        arguments: every other argument of each layer, by name.
        answers: per layer the length of the attention's output tuple; 0 where it returns a bare tensor.
        fused: attention ran, and will run, without forming its pattern.
    """

    model: Model
    batch: Batch
    residual: list[Tensor] = field(default_factory=list)
    z: list[Tensor] = field(default_factory=list)
    attention: list[Tensor] = field(default_factory=list)
    keys_values: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    arguments: list[dict[str, Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    cache_name: str = CACHE_NAMES[0]
    fused: bool = False

    @property
    def n_samples(self) -> int:
        """Rows of the batch."""
        return self.batch.ids.shape[0]

    @property
    def n_positions(self) -> int:
        """Columns of the batch, padding included."""
        return self.batch.ids.shape[1]


class PrefixCache:
    """Stands in for a key-value cache: gives each layer the clean keys and values of the positions before `start`."""

    is_compileable = False

    def __init__(self, keys_values: list[tuple[Tensor, Tensor]], start: int):
        self.keys_values, self.start = keys_values, start

    def update(self, keys: Tensor, values: Tensor, layer_idx: int, *args: Any, **options: Any) -> tuple[Tensor, Tensor]:
        """The clean prefix followed by the new suffix, for every stacked copy."""
        past_keys, past_values = (past[:, :, : self.start] for past in self.keys_values[layer_idx])
        copies = keys.shape[0] // past_keys.shape[0]
        return (
            torch.cat([stack(past_keys, copies), keys], 2),
            torch.cat([stack(past_values, copies), values], 2),
        )

    def get_seq_length(self, *args: Any) -> int:
        """Number of positions that are already known."""
        return self.start


def stack(tensor: Tensor, copies: int) -> Tensor:
    """Repeat a batch, copy after copy: [sample, ...] to [copies * sample, ...]."""
    if copies == 1:
        return tensor
    return tensor.unsqueeze(0).expand(copies, *tensor.shape).reshape(copies * tensor.shape[0], *tensor.shape[1:])


def first(output: Any) -> Tensor:
    """The tensor of a module's output, which may be the first of a tuple."""
    return output[0] if isinstance(output, tuple) else output


def call_layer(recording: Recording, layer: int, states: Tensor, copies: int = 1, start: int = 0) -> Tensor:
    """Run one layer on states [copies * sample, position from start, d_model]."""
    block = recording.model.bridge.blocks[layer]
    with fused(recording.model, range(layer, layer + 1), on=recording.fused):
        return first(block(states, **_arguments(recording, layer, copies, start)))


def call_behind_attention(recording: Recording, layer: int, states: Tensor, attention: Tensor) -> Tensor:
    """Run one layer with its attention answered: no queries, scores or output projection are computed.

    Right for sequential, parallel and post-norm blocks alike, since the layer itself adds what it is given.
    """
    length = recording.answers[layer]
    answer = (attention, *(None,) * (length - 1)) if length else attention
    module = recording.model.attention_parts(layer)[0]
    with _answered(module, lambda *args, **options: answer):
        return first(recording.model.bridge.blocks[layer](states, **recording.arguments[layer]))


def call_last_position(recording: Recording, layer: int, states: Tensor, copies: int = 1, start: int = 0) -> Tensor:
    """Run one layer for the last position only: keys and values of all, everything else of one. [rows, 1, d_model]."""
    attention, projection = recording.model.attention_parts(layer)
    run = attend(recording.model, layer, on=recording.fused)
    seen: list[Tensor] = []

    def attend_then_stop(*args: Any, **options: Any) -> Any:
        seen.append(first(run(*args, **options)))
        raise _StopLayerError

    handle = projection.register_forward_pre_hook(lambda module, args: (args[0][:, -1:],))
    try:
        with _answered(attention, attend_then_stop):
            call_layer(recording, layer, states, copies, start)
    except _StopLayerError:
        pass
    finally:
        handle.remove()
    return call_behind_attention(recording, layer, states[:, -1:], seen[0])


class _StopLayerError(Exception):
    """Leaves a layer once its attention is known."""


def _arguments(recording: Recording, layer: int, copies: int, start: int) -> dict[str, Any]:
    """The recorded arguments of a layer for stacked copies, cut to the positions from `start` on."""
    samples, positions, heads = recording.n_samples, recording.n_positions, recording.model.n_heads

    def fit(name: str, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(fit(name, part) for part in value)
        if not isinstance(value, Tensor):
            return value
        if start:
            if name == "attention_mask" and value.dim() == 4:
                value = value[:, :, start:]
            elif value.dim() >= 2 and value.shape[1] == positions:
                value = value[:, start:]
            elif value.dim() == 1 and value.shape[0] == positions:
                value = value[start:]
        rows = value.shape[0] if value.dim() >= 2 else 0
        if rows > 1 and rows in (samples, samples * heads):  # alibi has a row per sample and head
            return stack(value, copies)
        return value

    arguments = {name: fit(name, value) for name, value in recording.arguments[layer].items()}
    if start and recording.fused and arguments.get("attention_mask") is None:  # fused attention leaves it out
        mask = torch.ones(positions - start, positions, dtype=torch.bool, device=recording.model.device)
        arguments["attention_mask"] = mask.tril(start)[None, None]
    if start:
        arguments[recording.cache_name] = PrefixCache(recording.keys_values, start)
    return arguments


@contextmanager
def _answered(module: Any, answer: Callable[..., Any]) -> Iterator[None]:
    """For a while, calls of this module run `answer` instead of its forward."""
    before = module.__dict__.get("forward")
    module.__dict__["forward"] = answer
    try:
        yield
    finally:
        if before is None:
            del module.__dict__["forward"]
        else:
            module.__dict__["forward"] = before
