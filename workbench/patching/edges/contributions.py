"""What each part of a model adds to the residual stream: the differences between two runs."""

from collections.abc import Iterator
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from workbench.model import memory
from workbench.model.model import Model
from workbench.patching.edges.graph import Node
from workbench.patching.engine.cells import split


def projected(model: Model, layer: int, z: Tensor) -> Tensor:
    """Heads' outputs [..., position, head, d_head] through W_O and its bias: [..., position, d_model]."""
    projection = model.attention_parts(layer)[1]
    projection: Any = getattr(projection, "original_component", projection)
    return projection(rearrange(z, "... head d_head -> ... (head d_head)"))


def norm_after_attention(model: Model, layer: int) -> Any:
    """The norm between a layer's attention and the residual stream (Gemma), or None."""
    return getattr(model.bridge.blocks[layer], "ln1_post", None)


class ContributionDifferences:
    """The change of every sender's contribution from the target to the source run.

    A head's change is that of the target run with this head's output from the source run; with a norm after the
    attention the heads' changes therefore need not sum to the attention's. The MLP's is the rest of its layer's.
    """

    def __init__(self, model: Model, residuals: list[tuple[Tensor, Tensor]], z: list[tuple[Tensor, Tensor]]):
        """Take pairs (source, target): each layer's input and, last, the final state; and each layer's head outputs."""
        self.model, self.residuals, self.z = model, residuals, z

    def of(self, sender: Node) -> Tensor:
        """[sample, position, d_model]."""
        if sender.kind == "embedding":
            return self._moved(0)
        return self._heads(sender.layer, [sender.unit])[0] if sender.kind == "head" else self._mlp(sender.layer)

    def by_row(self, layer: int) -> Iterator[tuple[int, Tensor]]:
        """A layer's senders, the embedding's for layer -1, in blocks that fit the model's memory.

        Yields:
            The row of the first in `graph.senders`, and [sender, sample, position, d_model].
        """
        if layer < 0:
            yield 0, self._moved(0)[None]
            return
        yield from self.heads_by_row(layer)
        yield (layer + 1) * (self.model.n_heads + 1), self._mlp(layer)[None]

    def heads_by_row(self, layer: int) -> Iterator[tuple[int, Tensor]]:
        """A layer's heads alone, in the same form."""
        bytes_each = self.residuals[0][0].numel() * self.residuals[0][0].element_size()
        for heads in split(range(self.model.n_heads), max(1, memory.budget(self.model) // (8 * bytes_each))):
            yield 1 + layer * (self.model.n_heads + 1) + heads[0], self._heads(layer, heads)

    def _moved(self, layer: int) -> Tensor:
        source, target = self.residuals[layer]
        return source - target

    def _heads(self, layer: int, heads: list[int]) -> Tensor:
        source, target = self.z[layer]
        change = (source - target)[:, :, heads]
        moved = torch.einsum("bphd,hdm->hbpm", change, self.model.output_weight(layer)[heads])
        norm = norm_after_attention(self.model, layer)
        if norm is None:
            return moved
        own = projected(self.model, layer, target)
        return norm(own + moved) - norm(own)

    def _mlp(self, layer: int) -> Tensor:
        source, target = (projected(self.model, layer, z) for z in self.z[layer])
        norm = norm_after_attention(self.model, layer)
        attention = source - target if norm is None else norm(source) - norm(target)
        return self._moved(layer + 1) - self._moved(layer) - attention
