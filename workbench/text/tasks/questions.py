"""Questions: prompts with the answers that a model should give, and their readers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import BadPairs
from workbench.text.formats.decoding import kind, read_json_lines, read_text
from workbench.text.pairs import Pairs


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
        if kind(path) in (".jsonl", ".ndjson"):
            items: list[Any] = [row for _, row in read_json_lines(path, BadPairs)]
        else:
            parts = [
                part for article in json.loads(read_text(path, BadPairs))["data"] for part in article["paragraphs"]
            ]
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
