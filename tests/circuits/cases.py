"""Small transcoders for tests: random ones, and models to read."""

import torch

import workbench as wb
from tests.models import byte_tokenizer, tiny
from workbench.circuits.transcoders.transcoder import Transcoder


def model_of(architecture: str = "llama"):
    return wb.load_model(tiny(architecture), tokenizer=byte_tokenizer())


def random_transcoder(
    n_layers: int, width: int, *, features: int = 24, kind: str = "cross_layer", seed: int = 0, skip: bool = False
) -> Transcoder:
    """Random weights, of which about half the features fire; scales differ from 1."""
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=draw)

    targets = [n_layers - place if kind == "cross_layer" else 1 for place in range(n_layers)]
    return Transcoder(
        kind=kind,  # pyright: ignore[reportArgumentType]
        layers=tuple(range(n_layers)),
        encoder=normal(n_layers, width, features) / width**0.5,
        encoder_bias=0.1 * normal(n_layers, features),
        threshold=0.1 * torch.rand(n_layers, features, generator=draw),
        decoder=tuple(0.1 * normal(features, count, width) for count in targets),
        decoder_bias=0.1 * normal(n_layers, width),
        input_scale=torch.rand(n_layers, generator=draw) + 0.5,
        output_scale=torch.rand(n_layers, generator=draw) + 0.5,
        skip=0.1 * normal(n_layers, width, width) if skip else None,
    )
