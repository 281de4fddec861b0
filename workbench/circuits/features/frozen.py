"""Frozen: parts of a pass that have their values of the same pass without a change, which is run first."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from workbench.errors import UnsupportedSite
from workbench.model.effective_weights import norm_scale
from workbench.model.hooks import Hook, after, on_return, outer_hooks
from workbench.model.model import Model


class Frozen:
    """Attention patterns, and with `everything` also denominators of norms and what MLPs write.

    Attributes:
        everything: whether more than patterns is frozen.
        recording: whether the running pass is the one without the change.
    """

    def __init__(self, model: Model, writes: str, *, everything: bool):
        model.require("pattern")
        self.model, self.writes, self.everything = model, writes, everything
        self.recording = False
        self.values: dict[Any, Any] = {}
        like = torch.empty(0, dtype=model.dtype, device=model.device)
        self.norms = [(norm, *norm_scale(norm, model.d_model, like)) for norm in self._norms()] if everything else []

    def hooks(self) -> list[Hook]:
        """Hooks that record in the first pass and put back in the second."""
        layers = range(self.model.n_layers)
        hooks = [after(self.model.hook_point("pattern", i), self._fixed(("pattern", i))) for i in layers]
        if self.everything:
            hooks += [after(self.model.hook_point(self.writes, i), self._fixed((self.writes, i))) for i in layers]
            hooks += [on_return(norm, self._norm(norm, scale, centred)) for norm, scale, centred in self.norms]
        return hooks

    def record(self, args: tuple[Any, ...], named: dict[str, Any], blocks: int) -> None:
        """Run the pass without the change; hooks of blocks that were entered after the first `blocks` do not see it.

        Raises:
            UnsupportedSite: the pass continues a cache, or its attention forms no patterns.
        """
        if named.get("past_key_values") is not None:
            raise UnsupportedSite("frozen values belong to a whole pass; run the model without a cache")
        self.values.clear()
        with self._recording(), outer_hooks(blocks):
            self.model.module.get_decoder()(*args, **named)
        if lacking := [i for i in range(self.model.n_layers) if ("pattern", i) not in self.values]:
            raise UnsupportedSite(f"attention forms no pattern in layers {lacking} of this pass; nothing can be frozen")

    @contextmanager
    def _recording(self) -> Iterator[None]:
        self.recording = True
        try:
            yield
        finally:
            self.recording = False

    def _norms(self) -> list[Any]:
        """Norms to freeze: those of queries and keys change only patterns, and what MLPs write is frozen anyway."""
        model, layers = self.model, range(self.model.n_layers)
        parts = {id(part) for i in layers for part in model.attention_parts(i)[0].modules()}
        written = {id(model.hook_point(self.writes, i)) for i in layers}
        return [
            norm
            for norm in model.norms
            if id(norm) not in parts and not written & {id(part) for part in norm.modules()}
        ]

    def _fixed(self, key: tuple[str, int]) -> Any:
        def step(output: Any) -> Any:
            if self.recording:
                self.values[key] = output
                return None
            return self.values[key]

        return step

    def _norm(self, norm: Any, scale: Tensor, centred: bool) -> Any:
        """A norm gives s (x - c) / size + b; with its size of the first pass, s (d - mean of d) / size comes on top."""

        def step(args: tuple[Any, ...], named: dict[str, Any], output: Any) -> Any:
            states = args[0] if args else next(iter(named.values()))
            if self.recording:
                bias = norm.original_component(torch.zeros_like(states[:1, :1]))
                direction = scale * _centred(states.double(), centred)
                square = direction.square().sum(-1, keepdim=True)
                size = square / (direction * (output - bias).double()).sum(-1, keepdim=True)
                self.values[id(norm)] = (states, output, torch.where(square > 0, size, 1.0))  # padding may be all 0
                return None
            before, written, size = self.values[id(norm)]
            moved = scale * _centred((states - before).double(), centred) / size
            return (written.double() + moved).to(output)

        return step


def _centred(values: Tensor, centred: bool) -> Tensor:
    return values - values.mean(-1, keepdim=True) if centred else values
