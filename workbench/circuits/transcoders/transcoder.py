"""The Transcoder: sparse features that read what MLPs read and write, together, what MLPs write."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from workbench.errors import BadTranscoder

Kind = Literal["cross_layer", "per_layer"]


# Long: each field is a part of the definition.
@dataclass(frozen=True, eq=False)
class Transcoder:
    """Features of several layers, float32 on one device.

    With x what layer l reads at a position and y what it writes: h = s (x - c) W_enc + b_enc; a = h where h > theta,
    else 0 (of "topk" only the k largest); yhat_m = (b_dec[m] + sum over layers l <= m of a_l W_dec[l, m]) / t_m + the
    skip connection x_m W_skip, where there is one. `per_layer` has l = m alone.

    Attributes:
        kind: "cross_layer": a feature writes to its own layer and all after it; "per_layer": to its own alone.
        layers: of the model that it reads and writes, ascending; each axis `layer` below goes over these.
        encoder: W_enc [layer, d, feature].
        encoder_bias: b_enc [layer, feature].
        threshold: theta [layer, feature]; 0 is a ReLU.
        decoder: for each layer W_dec [feature, target, d], targets being the layer itself and, cross-layer, those
            after it in `layers`.
        decoder_bias: b_dec [layer, d].
        input_scale: s [layer].
        output_scale: t [layer].
        activation: "jump_relu" (with `threshold`), "relu", or "topk".
        k: how many features of a layer "topk" leaves at a position.
        input_bias: c [layer, d], or None.
        skip: W_skip [layer, d, d], which x is multiplied by from the left, or None.
        reads: the site whose value is x (see `wb.model.SITES`).
        writes: the site whose value is y.
        record: where it comes from: training, or the files and their layout.
    """

    kind: Kind
    layers: tuple[int, ...]
    encoder: Tensor
    encoder_bias: Tensor
    threshold: Tensor
    decoder: tuple[Tensor, ...]
    decoder_bias: Tensor
    input_scale: Tensor
    output_scale: Tensor
    activation: Literal["jump_relu", "relu", "topk"] = "jump_relu"
    k: int | None = None
    input_bias: Tensor | None = None
    skip: Tensor | None = None
    reads: str = "mlp_in"
    writes: str = "mlp_out"
    record: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n, d, f = len(self.layers), self.width, self.n_features
        targets = [n - place if self.kind == "cross_layer" else 1 for place in range(n)]
        shapes = {
            "encoder": (self.encoder, (n, d, f)),
            "encoder_bias": (self.encoder_bias, (n, f)),
            "threshold": (self.threshold, (n, f)),
            "decoder_bias": (self.decoder_bias, (n, d)),
            "input_scale": (self.input_scale, (n,)),
            "output_scale": (self.output_scale, (n,)),
            "input_bias": (self.input_bias, (n, d)),
            "skip": (self.skip, (n, d, d)),
            **{
                f"decoder of layer {layer}": (weight, (f, count, d))
                for layer, weight, count in zip(self.layers, self.decoder, targets, strict=False)
            },
        }
        if not n or list(self.layers) != sorted(set(self.layers)) or len(self.decoder) != n:
            raise BadTranscoder(f"{len(self.decoder)} decoders of layers {list(self.layers)}: one for each, ascending")
        if self.activation == "topk" and not (isinstance(self.k, int) and 1 <= self.k <= f):
            raise BadTranscoder(f"activation topk with k={self.k!r}; k is a number of the {f} features")
        for name, (value, shape) in shapes.items():
            if value is None:
                continue
            if tuple(value.shape) != shape:
                raise BadTranscoder(f"{name} has shape {list(value.shape)}, expected {list(shape)}")
            if not bool(value.isfinite().all()):
                raise BadTranscoder(f"{name} has numbers that are NaN or infinite")

    def __repr__(self) -> str:
        layers = f"{len(self.layers)} layers x {self.n_features} features, width {self.width}"
        return f"Transcoder({self.kind}, {layers}, {self.reads} to {self.writes})"

    @property
    def width(self) -> int:
        """Width of the residual stream, d."""
        return int(self.encoder.shape[1])

    @property
    def n_features(self) -> int:
        """Features of a layer."""
        return int(self.encoder.shape[2])

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.encoder.device

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all weights."""
        sha = hashlib.sha256()
        own = (self.encoder, self.encoder_bias, self.threshold, *self.decoder, self.decoder_bias)
        for value in (*own, self.input_scale, self.output_scale, self.input_bias, self.skip):
            sha.update(b"" if value is None else value.detach().float().cpu().contiguous().numpy().tobytes())
        return sha.hexdigest()

    @property
    def info(self) -> dict[str, Any]:
        """What provenance records about it."""
        names = ("kind", "activation", "reads", "writes")
        shape = {"layers": list(self.layers), "features": self.n_features, "hash": self.digest}
        return {**{name: getattr(self, name) for name in names}, **shape, **self.record}

    def targets(self, place: int) -> range:
        """The places in `layers` that features at a place write to."""
        return range(place, len(self.layers) if self.kind == "cross_layer" else place + 1)

    def preactivation(self, place: int, states: Tensor) -> Tensor:
        """H [..., feature] of what the layer at a place of `layers` reads, [..., d]."""
        states = states.float() if self.input_bias is None else states.float() - self.input_bias[place]
        return self.input_scale[place] * states @ self.encoder[place] + self.encoder_bias[place]

    def activate(self, place: int, values: Tensor) -> Tensor:
        """A [..., feature] of h [..., feature]."""
        if self.activation == "topk":
            floor = values.topk(int(self.k or 0), dim=-1).values[..., -1:]
            return torch.where(values >= floor, values, 0).relu()
        return torch.where(values > self.threshold[place], values, 0)

    def encode(self, place: int, states: Tensor) -> Tensor:
        """A [..., feature] of what the layer at a place of `layers` reads, [..., d]."""
        return self.activate(place, self.preactivation(place, states))

    def output(self, place: int, activations: Sequence[Tensor], states: Tensor | None = None) -> Tensor:
        """Yhat [..., d] of the layer at a place of `layers`.

        Args:
            place: in `layers`.
            activations: a [..., feature] of every place up to this.
            states: what the layer reads, [..., d]; needed for a skip connection.
        """
        sources = range(place + 1) if self.kind == "cross_layer" else [place]
        total = self.decoder_bias[place]
        for source in sources:
            total = total + activations[source] @ self.decoder[source][:, place - source]
        total = total / self.output_scale[place]
        if self.skip is None:
            return total
        if states is None:
            raise BadTranscoder("it has a skip connection: give what the layer reads")
        return total + states.float() @ self.skip[place]

    def written(self, place: int, features: Tensor) -> Tensor:
        """What one unit of each feature writes to each of its targets, [feature, target, d], in y's units."""
        scale = self.output_scale[list(self.targets(place))]
        return self.decoder[place][features] / scale[:, None]

    def to(self, device: torch.device | str) -> Transcoder:
        """The same on another device."""
        moved = {
            name: tuple(part.to(device) for part in value) if isinstance(value, tuple) else value.to(device)
            for name, value in vars(self).items()
            if isinstance(value, Tensor) or name == "decoder"
        }
        return Transcoder(**{name: moved.get(name, getattr(self, name)) for name in self.__dataclass_fields__})
