"""The probe: three short token sequences on which a model is tried when it is loaded, and their logits."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from workbench.errors import BrokenModel, first_line
from workbench.model.effective_weights import device_of
from workbench.model.forward.evaluation_mode import evaluating
from workbench.text.batches import Batch, pad

TOLERANCE = {torch.float32: 5e-5, torch.float16: 3e-2, torch.bfloat16: 2e-1}  # of the largest logit
_LENGTH, _SHORT, _CHANGED = 9, 6, 3


@dataclass
class Probe:
    """Token sequences of two lengths; the second differs from the first in its last three tokens only.

    Attributes:
        rows: token ids, three sequences.
        reference: logits of the module as transformers made it, [row, position, vocabulary] float32, rows padded on the
            right.
    """

    rows: list[list[int]]
    reference: Tensor

    @property
    def lengths(self) -> list[int]:
        """Tokens of each sequence."""
        return [len(row) for row in self.rows]

    @property
    def scale(self) -> float:
        """The largest logit."""
        return max(float(self.reference[row, :length].abs().max()) for row, length in enumerate(self.lengths))

    def batch(self, device: torch.device, *, side: str = "right", rows: slice = slice(None)) -> Batch:
        """The sequences, or some of them, padded."""
        return batch_of(self.rows[rows], device, side)

    def gap(self, logits: Tensor) -> float:
        """Largest difference of logits [row, position, vocabulary], padded on the right, from the reference."""
        each = zip(logits, self.reference, self.lengths, strict=True)
        return max(
            float((actual[:length].float() - expected[:length]).abs().max()) for actual, expected, length in each
        )

    @property
    def leak(self) -> float:
        """How much a change of the last tokens changes the logits before them: 0 in a causal model."""
        before = self.reference[:2, : _LENGTH - _CHANGED]
        return float((before[0] - before[1]).abs().max())


def batch_of(rows: list[list[int]], device: torch.device, side: str = "right") -> Batch:
    """Token sequences as a padded batch; the padding is masked, so any token serves."""
    ids, mask = pad(rows, 0, side)
    return Batch(ids, mask, ("",) * len(rows), tuple(range(len(rows)))).to(device)


@torch.no_grad()
def make_probe(module: Any) -> Probe:
    """Draw the sequences from the tokens that the embedding has, and run the module on them."""
    generator = torch.Generator().manual_seed(0)
    size = module.get_input_embeddings().weight.shape[0]
    low = min(10, size - 1)
    ids = torch.randint(low, size, (3, _LENGTH), generator=generator)
    first, second, third = ids.tolist()
    second[: _LENGTH - _CHANGED] = first[: _LENGTH - _CHANGED]
    for position in range(_LENGTH - _CHANGED, _LENGTH):
        if second[position] == first[position]:
            second[position] = low + (second[position] - low + 1) % max(size - low, 1)
    rows = [first, second, third[:_SHORT]]
    batch = batch_of(rows, device_of(module))
    with evaluating(tuple(module.modules())):
        logits = module(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False).logits
    return Probe(rows, logits.float())


def try_probe(module: Any, name: str) -> Probe:
    """The probe of a module that may not run at all.

    Raises:
        BrokenModel: what its own code raises, in one line.
    """
    try:
        return make_probe(module)
    except Exception as error:  # a module of any class with any weights and configuration
        raise BrokenModel(
            f"{name!r} ({type(module).__name__}) does not run on nine tokens as transformers made it "
            f"({type(error).__name__}: {first_line(error)}); see that module(input_ids=...) works first"
        ) from error
