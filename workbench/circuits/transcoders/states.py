"""What the layers of a transcoder read and write in a model, recorded in one pass."""

from functools import partial
from operator import setitem

import torch
from torch import Tensor

from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadTranscoder
from workbench.model.hooks import after, hooked
from workbench.model.model import Model
from workbench.text.batches import Batch


def read_and_written(model: Model, transcoder: Transcoder, batch: Batch) -> tuple[Tensor, Tensor]:
    """X and y of every layer of the transcoder, each [layer, sample, position, d] float32, padding included.

    Raises:
        BadTranscoder: the transcoder is of a model of another shape.
        UnsupportedSite: the model has no such site.
    """
    return recorded_pass(model, transcoder, batch)[1:]


@torch.no_grad()
def recorded_pass(model: Model, transcoder: Transcoder, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """The final normed states [sample, position, d], and beside them what `read_and_written` returns."""
    check_fits(model, transcoder)
    sites = [(site, layer) for site in (transcoder.reads, transcoder.writes) for layer in transcoder.layers]
    seen: dict[tuple[str, int], Tensor] = {}
    hooks = [after(model.hook_point(*place), partial(setitem, seen, place)) for place in dict.fromkeys(sites)]
    with hooked(hooks, once=f"{transcoder.reads} and {transcoder.writes} of {model.name!r}"):
        final = model.states(batch)
    shape = (*batch.ids.shape, -1)  # some architectures merge samples and positions
    read, written = (
        torch.stack([seen[site, layer].reshape(shape).float() for layer in transcoder.layers])
        for site in (transcoder.reads, transcoder.writes)
    )
    return final, read, written


def before_text(model: Model, batch: Batch) -> Tensor:
    """Where a batch has the tokens that the tokenizer puts before a text, mostly BOS: [sample, position] bool.

    Their states are far from all others, so transcoders are neither trained on them nor measured there.
    """
    return batch.mask.bool() & (batch.mask.cumsum(1) <= len(model.front))


def measured(model: Model, batch: Batch) -> Tensor:
    """The positions at which a transcoder is measured: those that count, without the tokens before a text."""
    return batch.counted.bool() & ~before_text(model, batch)


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
