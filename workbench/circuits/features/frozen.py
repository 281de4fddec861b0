"""Frozen: parts of a pass that have their values of the same pass without a change, which is run first."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import UnsupportedSite
from workbench.model.effective_weights import norm_scale
from workbench.model.forward.recording import first
from workbench.model.hooks import Hook, after, on_return, outer_hooks
from workbench.model.model import Model


class Frozen:
    """Attention patterns, and with `everything` also denominators of norms and what MLPs write.

    A skip connection stays: it is linear, and in an attribution graph a path like those through attention.

    Attributes:
        everything: whether more than patterns is frozen.
        recording: whether the running pass is the one without the change.
    """

    def __init__(self, model: Model, transcoder: Transcoder, *, everything: bool):
        """Take the model and the transcoder whose features will be set.

        Raises:
            UnsupportedSite: patterns cannot be edited, or, with `everything`, the features write to other outputs.
        """
        model.require("pattern")
        if everything and transcoder.writes != "mlp_out":
            raise UnsupportedSite(
                f"frozen='all' freezes what MLPs write, and these features write to {transcoder.writes!r}; take "
                "frozen='attention' or None"
            )
        self.model, self.transcoder, self.everything = model, transcoder, everything
        self.writes = transcoder.writes
        self.recording = False
        self.values: dict[Any, Any] = {}
        like = torch.empty(0, dtype=model.dtype, device=model.device)
        self.norms = [(norm, *norm_scale(norm, model.d_model, like)) for norm in self._norms()] if everything else []

    def hooks(self) -> list[Hook]:
        """Hooks that record in the first pass and put back in the second."""
        layers = range(self.model.n_layers)
        hooks = [after(self.model.hook_point("pattern", i), self._fixed(("pattern", i))) for i in layers]
        if self.everything:
            hooks += [after(self._point(i), self._read(i)) for i in self._skips]
            hooks += [on_return(norm, self._norm(norm, scale, centred)) for norm, scale, centred in self.norms]
            hooks += [after(self.model.hook_point(self.writes, i), self._written(i)) for i in layers]
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

    @property
    def _skips(self) -> dict[int, Tensor]:
        """The skip connections of layers, [d, d]."""
        skip = self.transcoder.skip
        return {} if skip is None else dict(zip(self.transcoder.layers, skip, strict=True))

    def _point(self, layer: int) -> Any:
        return self.model.hook_point(self.transcoder.reads, layer)

    def _read(self, layer: int) -> Any:
        """How far what a layer with a skip connection reads moves."""

        def step(states: Tensor) -> None:
            if self.recording:
                self.values["read", layer] = states
            else:
                self.values["moved", layer] = states.float() - self.values["read", layer].float()

        return step

    def _written(self, layer: int) -> Any:
        """What an MLP writes, and what its skip connection makes of the move of what it reads."""
        fixed, skip = self._fixed((self.writes, layer)), self._skips.get(layer)

        def step(output: Any) -> Any:
            before = fixed(output)
            if before is None or skip is None:
                return before
            states = first(before)
            changed = states + (self.values["moved", layer] @ skip).reshape(states.shape).to(states)
            return (changed, *before[1:]) if isinstance(before, tuple) else changed

        return step

    def _fixed(self, key: tuple[str, int]) -> Any:
        def step(output: Any) -> Any:
            if self.recording:
                self.values[key] = output
                return None
            return self.values[key]

        return step

    def _norm(self, norm: Any, scale: Tensor, centred: bool) -> Any:
        """A norm gives s (x - c) / size + b; with its size of the first pass, s (d - mean of d) / size comes on top."""
        inner = next((i for i in self._skips if self._point(i) is norm.hook_normalized), None)

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
            moved = _centred((states - before).double(), centred) / size
            if inner is not None:  # read inside the norm, where its own denominator moves
                self.values["moved", inner] = moved.float()
            return (written.double() + scale * moved).to(output)

        return step


def _centred(values: Tensor, centred: bool) -> Tensor:
    return values - values.mean(-1, keepdim=True) if centred else values
