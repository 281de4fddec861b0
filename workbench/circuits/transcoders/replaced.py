"""Runs in which what a transcoder describes, mostly all MLP outputs at once, is replaced."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from workbench.circuits.transcoders.states import before_text, check_fits
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.model.forward.alone import alone_inside
from workbench.model.hooks import Hook, after, hooked
from workbench.model.model import Model
from workbench.text.batches import Batch


@alone_inside
def replaced(model: Model, transcoder: Transcoder, batch: Batch) -> Iterator[None]:
    """Inside, in the one forward pass of the batch, what each layer writes is what the transcoder writes.

    Its features read the states of this very run, so errors of early layers reach late ones. The tokens before a text
    (BOS) keep what the model itself writes there: transcoders are not trained on them.

    Args:
        model: the model.
        transcoder: on the model's device.
        batch: what will be run.

    Raises:
        BadTranscoder: the transcoder is of a model of another shape.
        UnsupportedSite: the model has no such site, or did not run it once in the pass.
    """
    check_fits(model, transcoder)
    states: list[Tensor] = [torch.empty(0)] * len(transcoder.layers)
    activations = list(states)

    def read(place: int, values: Tensor) -> None:
        states[place] = values
        activations[place] = transcoder.encode(place, values)
        if transcoder.kind == "per_layer" and place:
            activations[place - 1] = states[place - 1] = torch.empty(0)  # read no more

    readers = [
        after(model.hook_point(transcoder.reads, layer), lambda values, place=place: read(place, values))
        for place, layer in enumerate(transcoder.layers)
    ]
    writers = _writers(model, transcoder, batch, lambda place: transcoder.output(place, activations, states[place]))
    with hooked([*readers, *writers], once=f"{transcoder.reads} and {transcoder.writes} of {model.name!r}"):
        yield


@alone_inside
def mean_ablated(model: Model, transcoder: Transcoder, batch: Batch, means: Tensor) -> Iterator[None]:
    """Inside, in the one forward pass of the batch, each layer writes its mean [layer, d] at every position.

    The tokens before a text keep what the model itself writes there, as in `replaced`.
    """
    check_fits(model, transcoder)
    writers = _writers(model, transcoder, batch, lambda place: means[place])
    with hooked(writers, once=f"{transcoder.writes} of {model.name!r}"):
        yield


def _writers(model: Model, transcoder: Transcoder, batch: Batch, values: Callable[[int], Tensor]) -> list[Hook]:
    """Hooks that write the values of each place of the layers, [..., d], everywhere but before a text."""
    own = before_text(model, batch)[..., None].to(model.device)

    def write(place: int, output: Tensor) -> Tensor:
        new = values(place).to(output)
        new = new if new.dim() == 1 else new.reshape(*batch.ids.shape, -1)
        return torch.where(own, output.reshape(*batch.ids.shape, -1), new).reshape(output.shape)

    return [
        after(model.hook_point(transcoder.writes, layer), lambda output, place=place: write(place, output))
        for place, layer in enumerate(transcoder.layers)
    ]
