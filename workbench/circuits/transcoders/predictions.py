"""What the model predicts while a transcoder, or a mean, stands in for what its layers write."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from workbench.circuits.transcoders.replaced import mean_ablated, replaced
from workbench.circuits.transcoders.states import before_text
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import NotFinite
from workbench.model.metrics import next_tokens, unembed
from workbench.model.model import Model
from workbench.text.batches import Batch

Mode = Literal["replaced", "mean_ablated"]
MODES: tuple[Mode, ...] = ("replaced", "mean_ablated")
MEASURES = ("nll", "kl", "agreement")
_BUDGET = 2**24  # logits of each run in memory at once


@torch.no_grad()
def predictions(
    model: Model, transcoder: Transcoder, batch: Batch, final: Tensor, means: Tensor, modes: Sequence[Mode]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Measures of each text of a batch, means over its predicted tokens; NaN where a text has none.

    A token counts where `metrics.next_tokens` says so and the token before it belongs to the text: predictions from
    BOS, where every mode leaves the model as it is, would flatter.

    Args:
        model: the model.
        transcoder: of it, on its device.
        batch: on its device.
        final: the normed states of the unchanged run.
        means: what layers write under "mean_ablated", [layer, d].
        modes: to run.

    Returns:
        The nll of the unchanged model, [sample]; `MEASURES` of each mode, [mode, measure, sample]; predicted tokens,
        [sample].

    Raises:
        NotFinite: a prediction is NaN or infinite; names the text.
    """
    targets, counts = next_tokens(batch)
    real = counts & ~before_text(model, batch)[:, :-1]
    sample, wanted = real.nonzero()[:, 0], targets[real]
    hidden = [final[:, :-1][real]]
    for mode in modes:
        with _changed(model, transcoder, batch, means, mode):
            states = model.states(batch)
        hidden.append(states[:, :-1][real])
    rows = max(1, _BUDGET // model.n_vocabulary)
    parts = []
    for following, *states in zip(wanted.split(rows), *(each.split(rows) for each in hidden), strict=True):
        truth, *changed = (unembed(model, each).double().log_softmax(-1) for each in states)
        values = [_nll(truth, following)]
        for each in changed:
            values += [
                _nll(each, following),
                (truth.exp() * (truth - each)).sum(-1),
                (truth.argmax(-1) == each.argmax(-1)).double(),
            ]
        parts.append(torch.stack(values))
    by_token = torch.cat(parts, 1) if parts else torch.zeros(1 + 3 * len(modes), 0)
    if not bool(by_token.isfinite().all()):
        text = int(sample[~by_token.isfinite().all(0)][0])
        raise NotFinite(f"a prediction is NaN or infinite for text {batch.rows[text]} of {batch.languages[text]!r}")
    totals = torch.zeros(len(by_token), len(batch), dtype=torch.float64, device=by_token.device)
    tokens = real.sum(1)
    values = (totals.index_add(1, sample, by_token.double()) / tokens).cpu().numpy()
    return values[0], values[1:].reshape(len(modes), len(MEASURES), len(batch)), tokens.cpu().numpy()


def _changed(
    model: Model, transcoder: Transcoder, batch: Batch, means: Tensor, mode: Mode
) -> AbstractContextManager[None]:
    if mode == "replaced":
        return replaced(model, transcoder, batch)
    return mean_ablated(model, transcoder, batch, means)


def _nll(scores: Tensor, following: Tensor) -> Tensor:
    """Negative log-likelihood of tokens [row] under log-probabilities [row, vocabulary]."""
    return -scores.gather(1, following[:, None])[:, 0]
