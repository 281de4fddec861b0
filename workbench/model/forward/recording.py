"""The Recording: what one ordinary forward pass stores, so that it can be run again from any layer on."""

from dataclasses import dataclass, field
from typing import Any

from einops import repeat
from torch import Tensor

from workbench.model.loading.cache_argument import CACHE_NAMES
from workbench.model.model import Model
from workbench.text.batches import Batch


@dataclass
class Recording:
    """One ordinary forward pass, stored so that it can be run again from any layer on.

    Attributes:
        residual: the input of each layer and, last, of the final norm: n_layers + 1 of [sample, position, d_model].
        z: the heads' outputs before W_O, per layer [sample, position, head, d_head]; empty unless requested.
        attention: the output of each layer's attention, [sample, position, d_model]; empty unless requested.
        keys_values: per layer [sample, kv head, position, d_head] twice; empty unless requested.
        arguments: every other argument of each layer, by name.
        n_attention_outputs: per layer the length of the attention's output tuple; 0 where it returns a bare tensor.
        fused: attention ran, and will run, without forming its pattern.
    """

    model: Model
    batch: Batch
    residual: list[Tensor] = field(default_factory=list)
    z: list[Tensor] = field(default_factory=list)
    attention: list[Tensor] = field(default_factory=list)
    keys_values: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    arguments: list[dict[str, Any]] = field(default_factory=list)
    n_attention_outputs: list[int] = field(default_factory=list)
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


def stack(tensor: Tensor, copies: int) -> Tensor:
    """Repeat a batch, copy after copy: [sample, ...] to [copies * sample, ...]."""
    if copies == 1:
        return tensor
    return repeat(tensor, "sample ... -> (copy sample) ...", copy=copies)


def first(output: Any) -> Tensor:
    """The tensor of a module's output, which may be the first of a tuple."""
    return output[0] if isinstance(output, tuple) else output
