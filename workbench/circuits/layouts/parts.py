"""A transcoder from the parts of its layers, and to parts that any layout can hold."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from workbench.circuits.transcoders.transcoder import Kind, Transcoder
from workbench.errors import BadArgument, BadTranscoder

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
NOT_WRITTEN = ("layout", "dtype")  # entries of a record that say how a file was stored


@dataclass(frozen=True)
class Layer:
    """The weights of a layer: encoder [d, feature], decoder [feature, target, d], the rest as in `Transcoder`."""

    encoder: Tensor
    encoder_bias: Tensor
    decoder: Tensor
    decoder_bias: Tensor
    threshold: Tensor | None = None
    skip: Tensor | None = None
    input_bias: Tensor | None = None


@dataclass(frozen=True)
class Sites:
    """Where a caller says that a transcoder reads and writes; None is what its files say."""

    reads: str | None = None
    writes: str | None = None


def assembled(
    layers: Mapping[int, Layer],
    *,
    kind: Kind,
    sites: tuple[str, str],
    record: Mapping[str, Any],
    activation: str | None = None,
    k: int | None = None,
    input_scale: Tensor | None = None,
    output_scale: Tensor | None = None,
) -> Transcoder:
    """A transcoder of layers by their numbers; `sites` are what it reads and what it writes.

    Without an activation it is JumpReLU where a threshold is not 0, and ReLU elsewhere.

    Raises:
        BadTranscoder: layers differ in size, or only some have a part.
    """
    numbers = sorted(layers)
    if not numbers:
        raise BadTranscoder("there is no layer in it")
    first = layers[numbers[0]]
    for number in numbers:
        own = layers[number]
        if own.encoder.shape != first.encoder.shape:
            sizes = [list(each.encoder.shape) for each in (own, first)]
            raise BadTranscoder(
                f"layer {number} has {sizes[0]} weights to read with, layer {numbers[0]} has {sizes[1]}; width and "
                "number of features must be those of all layers"
            )
    thresholds = _stacked(layers, numbers, "threshold")
    theta = torch.zeros(len(numbers), first.encoder.shape[1]) if thresholds is None else thresholds
    if activation is None:
        activation = "jump_relu" if bool(theta.any()) else "relu"
    ones = torch.ones(len(numbers))
    return Transcoder(
        kind=kind,
        layers=tuple(numbers),
        encoder=torch.stack([layers[number].encoder for number in numbers]),
        encoder_bias=torch.stack([layers[number].encoder_bias for number in numbers]),
        threshold=theta if activation == "jump_relu" else torch.zeros_like(theta),
        decoder=tuple(layers[number].decoder.contiguous() for number in numbers),
        decoder_bias=torch.stack([layers[number].decoder_bias for number in numbers]),
        input_scale=ones if input_scale is None else input_scale,
        output_scale=ones.clone() if output_scale is None else output_scale,
        activation=activation,  # pyright: ignore[reportArgumentType]  (checked by the layouts)
        k=k,
        input_bias=_stacked(layers, numbers, "input_bias"),
        skip=_stacked(layers, numbers, "skip"),
        reads=sites[0],
        writes=sites[1],
        record=dict(record),
    )


def _stacked(layers: Mapping[int, Layer], numbers: list[int], part: str) -> Tensor | None:
    """A part of all layers, or None where none has it."""
    values = {number: getattr(layers[number], part) for number in numbers}
    lacking = [number for number, value in values.items() if value is None]
    if len(lacking) == len(numbers):
        return None
    if lacking:
        raise BadTranscoder(f"layer {lacking[0]} has no {part.replace('_', ' ')}, and other layers have one")
    return torch.stack(list(values.values()))


def folded(transcoder: Transcoder, *, input_bias: bool = False) -> Transcoder:
    """The same function with scales of 1 and, unless it is to stay, no input bias: they go into the other weights.

    Exact but for rounding, and to the bit where the scales are powers of 2 and there is no input bias.
    """
    scale, out = transcoder.input_scale, transcoder.output_scale
    encoder = scale[:, None, None] * transcoder.encoder
    bias, left = transcoder.encoder_bias, transcoder.input_bias
    if left is not None and not input_bias:
        bias, left = bias - torch.einsum("ld,ldf->lf", left, encoder), None
    decoder = tuple(
        weight / out[list(transcoder.targets(place))][:, None] for place, weight in enumerate(transcoder.decoder)
    )
    return replace(
        transcoder,
        encoder=encoder,
        encoder_bias=bias,
        decoder=decoder,
        decoder_bias=transcoder.decoder_bias / out[:, None],
        input_scale=torch.ones_like(scale),
        output_scale=torch.ones_like(out),
        input_bias=left,
    )


def stored(name: str, value: Tensor, dtype: str) -> Tensor:
    """A tensor as it is written.

    Raises:
        BadArgument: a number is too large for the type.
    """
    value = value.detach().cpu().to(DTYPES[dtype]).contiguous().clone()
    if not bool(value.isfinite().all()):
        raise BadArgument(f"dtype={dtype!r} cannot hold the numbers of {name}; give 'bfloat16' or 'float32'")
    return value


def all_layers(transcoder: Transcoder) -> None:
    """Refuse a transcoder that leaves out a layer, where a layout numbers layers from 0.

    Raises:
        BadTranscoder: names its layers.
    """
    if transcoder.layers != tuple(range(len(transcoder.layers))):
        raise BadTranscoder(
            f"it has the layers {list(transcoder.layers)}, and this layout holds layers from 0 without a gap; "
            "save it as 'saelens', which holds any layer"
        )


def no_negative_thresholds(transcoder: Transcoder) -> None:
    """Refuse thresholds below 0 where a layout's features are never negative.

    Raises:
        BadTranscoder: a threshold is negative.
    """
    if bool((transcoder.threshold < 0).any()):
        raise BadTranscoder("it has thresholds below 0, so that features can be negative; in this layout they cannot")
