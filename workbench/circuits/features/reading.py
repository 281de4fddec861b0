"""Features of a transcoder while its model reads: layer by layer in one pass, which ends after the last."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from workbench.circuits.transcoders.states import check_fits
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import UnsupportedSite
from workbench.model.forward.fused_attention import fused
from workbench.model.hooks import Hook, StopForward, after, hooked
from workbench.model.model import Model
from workbench.text.batches import Batch


def fitting(transcoder: Transcoder, model: Model) -> Transcoder:
    """The transcoder on the model's device.

    Raises:
        BadTranscoder: it is of a model of another shape.
        UnsupportedSite: the model lacks what it reads or writes.
    """
    check_fits(model, transcoder)
    for layer in transcoder.layers:
        for site in (transcoder.reads, transcoder.writes):
            model.hook_point(site, layer)
    return transcoder if transcoder.device == model.device else transcoder.to(model.device)


def without_front(model: Model, batch: Batch) -> Batch:
    """The batch, counting no token that the tokenizer puts before every text: transcoders are not made for those."""
    counted = batch.counted * (batch.mask.cumsum(1) > len(model.front))
    return replace(batch, counted=counted)


@torch.no_grad()
def each_layer(transcoder: Transcoder, model: Model, batch: Batch, visit: Callable[[int, Tensor], None]) -> None:
    """Run a batch and give `visit` each place in the transcoder's layers with its features.

    Args:
        transcoder: on the model's device.
        model: its model.
        batch: the texts.
        visit: takes the place and the activations [sample, position, feature], padding included, of one layer at a
            time, so that those of all layers never exist together.

    Raises:
        UnsupportedSite: a layer did not read exactly once.
    """
    seen: list[int] = []

    def hook(place: int, layer: int) -> Hook:
        def step(states: Tensor) -> None:
            shape = (*batch.ids.shape, transcoder.width)  # some architectures merge rows and positions
            visit(place, transcoder.encode(place, states.reshape(shape)))
            seen.append(place)
            if place == len(transcoder.layers) - 1:
                raise StopForward

        return after(model.hook_point(transcoder.reads, layer), step)

    hooks = [hook(place, layer) for place, layer in enumerate(transcoder.layers)]
    with hooked(hooks), fused(model):  # in this order: norms with hooks inside stay as they are
        model.states(batch)
    if seen != list(range(len(transcoder.layers))):
        raise UnsupportedSite(f"{transcoder.reads!r} was read at places {seen}, once each expected")
