"""Tasks: prompts with the answers that a model should give, read and encoded."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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
from workbench.text.formats.decoding import read_text
from workbench.text.pairs import Pairs
from workbench.text.tokens.spans import Divider


@dataclass(frozen=True)
class Question:
    """A prompt and the text that should follow it."""

    prompt: str
    answer: str


def read_tasks(source: Any) -> list[Question]:
    """Questions from Pairs, a list or a file.

    Args:
        source: `Pairs` (the source prompt and its answer, as `translation_pairs` makes them), a list of Question or of
            dicts with `prompt` and `answer`, a JSONL file of such, or XQuAD-like JSON (the context, the question, the
            first of its answers).

    Raises:
        BadPairs: missing, empty, broken, or a question without an answer; names it.
    """
    if isinstance(source, Pairs):
        if source.chat:
            raise BadPairs(f"{source.name}: questions cannot go through a chat template yet; make pairs without chat")
        return [Question(pair.source, pair.answer) for pair in source]
    if isinstance(source, str | Path):
        return _of_file(Path(source))
    if not isinstance(source, Sequence) or not source:
        raise BadPairs(
            f"{type(source).__name__} holds no questions; give Pairs, a list of dicts, .jsonl or XQuAD .json"
        )
    return [_question(item, f"question {number}") for number, item in enumerate(source)]


def _of_file(path: Path) -> list[Question]:
    try:
        text = read_text(path, BadPairs)
        if path.suffix == ".jsonl":
            items: list[Any] = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            parts = [part for article in json.loads(text)["data"] for part in article["paragraphs"]]
            items = [_of_xquad(part["context"], question) for part in parts for question in part["qas"]]
    except BadPairs:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        reason = f"{type(error).__name__}: {str(error)[:80]}"
        raise BadPairs(f"{path} holds no questions that can be read ({reason})") from error
    if not items:
        raise BadPairs(f"{path} holds no questions")
    return [_question(item, f"{path}, question {number}") for number, item in enumerate(items)]


def _of_xquad(context: str, question: Any) -> dict[str, Any]:
    first = (question.get("answers") or [{}])[0]
    return {"prompt": f"{context}\n{question['question']}\n", "answer": first.get("text")}


def _question(item: Any, place: str) -> Question:
    if isinstance(item, Question):
        return item
    for name in ("prompt", "answer"):
        value = item.get(name) if isinstance(item, Mapping) else None
        if not isinstance(value, str) or not value.strip():
            raise BadPairs(f"{place} has no {name}; a task needs text in prompt and answer")
    return Question(item["prompt"], item["answer"])


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
