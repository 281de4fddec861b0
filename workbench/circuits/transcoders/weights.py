"""The weights of a transcoder in training, and its loss."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from workbench.circuits.transcoders.jump_relu import Window, jump_relu
from workbench.circuits.transcoders.transcoder import Kind, Transcoder

_FIRING = 0.1  # share of tokens on which a feature is on before training
_RAMP = 0.95  # of the steps, over which the sparsity penalty grows
_COOLDOWN = 0.2  # of the steps, in which the rate goes to zero
_WARMUP = 50  # steps


@dataclass(frozen=True)
class Recipe:
    """The hyperparameters of a training.

    Attributes:
        kind: of transcoder.
        features: of each layer.
        steps: of training.
        batch: tokens in a step.
        rate: of Adam, at its highest.
        sparsity: lambda, the weight of the sparsity penalty at its highest.
        pull: mu, the weight of the penalty on features that are off.
        threshold: theta before training.
        width: eps of the straight-through gradient.
        window: what has the window's gradient.
        bf16: whether matrices are multiplied in bfloat16; weights stay float32.
    """

    kind: Kind
    features: int
    steps: int
    batch: int
    rate: float
    sparsity: float
    pull: float
    threshold: float
    width: float
    window: Window
    bf16: bool = False

    def rate_at(self, step: int) -> float:
        """Warm-up, constant, and linear to 0."""
        left = (self.steps - step) / max(1.0, _COOLDOWN * self.steps)
        return self.rate * min(1.0, (step + 1) / _WARMUP, left)

    def sparsity_at(self, step: int) -> float:
        """Linear from 0 over most of the steps, then constant."""
        return self.sparsity * min(1.0, step / max(1.0, _RAMP * self.steps))


class Weights:
    """The parameters of a transcoder in training, in the units in which states have length sqrt(d)."""

    def __init__(self, recipe: Recipe, read: Tensor, written: Tensor, draw: torch.Generator):
        self.recipe = recipe
        layers, _, width = read.shape
        count, device = recipe.features, read.device
        self.input_scale = width**0.5 / read.norm(dim=-1).mean(1)
        self.output_scale = width**0.5 / written.norm(dim=-1).mean(1).clamp(min=1e-12)
        cross = recipe.kind == "cross_layer"
        near = count**-0.5

        def uniform(bound: float, *shape: int) -> Tensor:
            return ((2 * torch.rand(*shape, generator=draw) - 1) * bound).to(device)

        self.encoder = uniform(near, layers, width, count)
        targets = [layers - layer if cross else 1 for layer in range(layers)]
        decoders = [uniform((layers * width) ** -0.5, count, many, width) for many in targets]
        plain = (own * scale @ weight for own, scale, weight in zip(read, self.input_scale, self.encoder, strict=True))
        self.bias = torch.stack([recipe.threshold - values.quantile(1 - _FIRING, 0) for values in plain])
        self.log_threshold = torch.full((layers, count), recipe.threshold, device=device).log()
        self.decoder_bias = torch.zeros(layers, width, device=device)
        self.trained = {
            "encoder": self.encoder,
            "bias": self.bias,
            "log_threshold": self.log_threshold,
            "decoder_bias": self.decoder_bias,
            **{f"decoder_{layer}": decoder for layer, decoder in enumerate(decoders)},
        }
        for value in self.trained.values():
            value.requires_grad_(True)
        self.silent = torch.zeros(layers, count, device=device)

    @property
    def decoders(self) -> list[Tensor]:
        """W_dec [feature, target, d] of each layer."""
        return [self.trained[f"decoder_{layer}"] for layer in range(len(self.encoder))]

    def loss(self, read: Tensor, written: Tensor, sparsity: float) -> tuple[Tensor, Tensor, Tensor]:
        """Of x and y [layer, token, d]: the mean loss of a token, unexplained variance, active features of a layer."""
        layers, tokens, width = read.shape
        read, written = read * self.input_scale[:, None, None], written * self.output_scale[:, None, None]
        threshold = self.log_threshold.exp()
        outputs = [self.decoder_bias[layer].expand(tokens, width) for layer in range(layers)]
        penalty = read.new_zeros(())
        active = read.new_zeros(())
        for layer, decoder in enumerate(self.decoders):
            values = self._product(read[layer], self.encoder[layer]) + self.bias[layer]
            features = jump_relu(values, threshold[layer], width=self.recipe.width, window=self.recipe.window)
            written_here = self._product(features, decoder.flatten(1)).unflatten(1, (-1, width))
            for place in range(decoder.shape[1]):
                outputs[layer + place] = outputs[layer + place] + written_here[:, place]
            lengths = decoder.flatten(1).norm(dim=1)
            penalty = penalty + sparsity * torch.tanh(4 * features * lengths).sum()
            penalty = penalty + self.recipe.pull * ((threshold[layer] - values).relu() * lengths).sum()
            with torch.no_grad():
                on = features > 0
                active += on.sum() / (tokens * layers)
                self.silent[layer] = torch.where(on.any(0), 0, self.silent[layer] + 1)
        missed = (written - torch.stack(outputs)).square().sum((1, 2))
        with torch.no_grad():
            variance = (written - written.mean(1, keepdim=True)).square().sum((1, 2))
            unexplained = (missed / variance.clamp(min=1e-12)).mean()
        return (missed.sum() + penalty) / tokens, unexplained, active

    def _product(self, rows: Tensor, matrix: Tensor) -> Tensor:
        """A matrix product, float32."""
        if not self.recipe.bf16:
            return rows @ matrix
        return (rows.bfloat16() @ matrix.bfloat16()).float()

    def transcoder(self, record: dict[str, Any]) -> Transcoder:
        """The Transcoder of the present weights."""
        own = {name: value.detach().clone() for name, value in self.trained.items()}
        return Transcoder(
            kind=self.recipe.kind,
            layers=tuple(range(len(self.encoder))),
            encoder=own["encoder"],
            encoder_bias=own["bias"],
            threshold=own["log_threshold"].exp(),
            decoder=tuple(own[f"decoder_{layer}"] for layer in range(len(self.encoder))),
            decoder_bias=own["decoder_bias"],
            input_scale=self.input_scale,
            output_scale=self.output_scale,
            record=record,
        )
