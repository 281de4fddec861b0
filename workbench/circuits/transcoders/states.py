"""What the layers of a transcoder read and write in a model, recorded in one pass."""

import torch
from torch import Tensor

from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadTranscoder
from workbench.model.activations import tensors
from workbench.model.model import Model
from workbench.text.batches import Batch


def read_and_written(model: Model, transcoder: Transcoder, batch: Batch) -> tuple[Tensor, Tensor]:
    """X and y of every layer of the transcoder, each [layer, sample, position, d] float32, padding included.

    Raises:
        BadTranscoder: the transcoder is of a model of another shape.
        UnsupportedSite: the model has no such site.
    """
    check_fits(model, transcoder)
    sites = [(site, layer) for site in (transcoder.reads, transcoder.writes) for layer in transcoder.layers]
    seen = tensors(model, batch, sites)
    read, written = (
        torch.stack([seen[site, layer].float() for layer in transcoder.layers])
        for site in (transcoder.reads, transcoder.writes)
    )
    return read, written


def check_fits(model: Model, transcoder: Transcoder) -> None:
    """Refuse a transcoder of a model of another shape.

    Raises:
        BadTranscoder: names both shapes.
    """
    if transcoder.width != model.d_model or transcoder.layers[-1] >= model.n_layers:
        raise BadTranscoder(
            f"it reads width {transcoder.width} in layers up to {transcoder.layers[-1]}; {model.name!r} has width "
            f"{model.d_model} and {model.n_layers} layers"
        )
