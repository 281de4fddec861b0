"""The logit lens itself: the model's output if a layer's state were its last."""

from collections.abc import Iterator

import torch
import xarray as xr
from torch import Tensor

from workbench.lens.tuned import translated
from workbench.model.forward.record import record
from workbench.model.metrics import unembed
from workbench.model.model import Model
from workbench.text.batches import Batch

_BUDGET = 2**25  # logits in memory at once: 128 MB in float32


@torch.no_grad()
def last_position(model: Model, batch: Batch, tuned: xr.Dataset | None = None) -> Iterator[tuple[int, Tensor]]:
    """The lens at the last position of left-padded prompts, layer by layer.

    Args:
        model: the model; its own final norm and head are run, so that soft-capping and scaling apply.
        batch: prompts, padded on the left.
        tuned: a tuned lens of this model; the logit lens when None.

    Yields:
        (layer, probabilities [sample, vocabulary] float32): the state before each layer (0 is the embedding), and with
        layer = n_layers the state after the last, where the lens is the model's output.
    """
    for layer, states in enumerate(record(model, batch).residual):
        hidden = model.bridge.ln_final(translated(tuned, model, layer, states[:, -1:]))[:, 0]
        rows = max(1, _BUDGET // model.n_vocabulary)
        yield layer, torch.cat([unembed(model, part).float().softmax(-1) for part in hidden.split(rows)])
