"""Questions as token ids, and the losses of their answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from workbench.arguments import checked
from workbench.errors import BadPairs, TooLarge
from workbench.model.batching import texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.metrics import unembed
from workbench.model.model import Model
from workbench.text.batches import Batch, check_ids, pad
from workbench.text.tasks.questions import Question, read_tasks
from workbench.text.tokens.spans import Divider


@dataclass(frozen=True)
class EncodedTasks:
    """Questions as token ids: the prompt's and then the answer's, and how many are the answer's."""

    model: Model
    ids: list[list[int]]
    answers: list[int]

    def losses(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Mean loss of the tokens of some rows' answers, [row] nats, and whether all of them come first, [row] bool.

        Greedy generation of the exact answer needs that all come first. Gradients flow where they are enabled.
        """
        ids, mask = pad([self.ids[row] for row in rows], self.model.pad_id)
        batch = Batch(ids, mask, ("",) * len(rows), tuple(rows)).to(self.model.device)
        last = mask.sum(1)
        first = last - torch.tensor([self.answers[row] for row in rows])
        place = torch.arange(ids.shape[1] - 1)[None]
        follows = (place >= first[:, None] - 1) & (place < last[:, None] - 1)  # an answer's token comes next
        sample, position = follows.to(self.model.device).nonzero().unbind(1)
        logits = unembed(self.model, self.model.states(batch)[sample, position]).float()
        wanted = batch.ids[sample, position + 1]
        losses = cross_entropy(logits, wanted, reduction="none")
        zeros = torch.zeros(len(batch), device=losses.device)
        count = zeros.index_add(0, sample, torch.ones_like(losses))
        right = (logits.detach().argmax(1) == wanted).float()
        return zeros.index_add(0, sample, losses) / count, zeros.index_add(0, sample, right) == count


def encode_tasks(model: Model, questions: Sequence[Question]) -> EncodedTasks:
    """Encode questions: each prompt and its answer as one text, divided where the answer begins (see `text.spans`).

    Raises:
        TooLarge: a question exceeds the model's context.
        BadPairs: an answer adds no token of its own, or nothing is before it.
    """
    ids, answers = [], []
    divide = Divider(model.tokenizer)
    for number, question in enumerate(questions):
        whole, before = divide(question.prompt + question.answer, len(question.prompt))
        if len(whole) > model.n_context:
            raise TooLarge(f"question {number} has {len(whole)} tokens, the model takes {model.n_context}")
        if len(whole) == before or not before:
            raise BadPairs(f"question {number} ({question.answer!r}) has no token of its own to predict")
        check_ids(model.tokenizer, whole, model.n_embedded, f"question {number}", BadPairs)
        ids.append(whole)
        answers.append(len(whole) - before)
    return EncodedTasks(model, ids, answers)


@checked
@alone
@torch.no_grad()
def task_losses(model: Model, tasks: Any, *, batch_size: int | str = "auto") -> np.ndarray:
    """The mean loss of each task's answer, in nats: [task].

    Args:
        model: the model; inside `wb.model.edited` with its edits.
        tasks: `Pairs`, questions, or a file, as of `tune_mask`.

    Raises:
        BadPairs: a task lacks text, or its answer has no token of its own.
        TooLarge: a task exceeds the model's context.

    Example:
        >>> with wb.model.edited(model, heads=wb.heads.load_mask(model, "de-fr.json")):          # doctest: +SKIP
        ...     losses = wb.heads.task_losses(model, pairs)
    """
    encoded, size = encode_tasks(model, read_tasks(tasks)), texts_per_batch(batch_size)
    rows = range(len(encoded.ids))
    losses = [encoded.losses(rows[start : start + size])[0] for start in rows[::size]]
    return torch.cat(losses).double().cpu().numpy()
