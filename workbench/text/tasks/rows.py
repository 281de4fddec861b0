"""Rows of published tasks as items: which fields each has, and what becomes of them.

Every reader takes a row with its fields and the row's language. Templates with instructions are lm-eval's to define:
`load_task("lm_eval:NAME")` takes them from there; here stand only those without words of ours.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np

from workbench.errors import BadTask
from workbench.text.display.naming import quoted, shortened
from workbench.text.tasks.task import Item, Kind

Row = Mapping[str, Any]
Reader = Callable[[Row, str, str], Item]
"""A row, its language and its number in the file, to an item."""

# lm-eval 0.4.13, tasks/xcopa/utils.py
_CONNECTORS = {
    "et": ("sest", "seetõttu"),
    "ht": ("poukisa", "donk sa"),
    "id": ("karena", "maka"),
    "it": ("perché", "quindi"),
    "qu": ("imataq", "chaymi"),
    "sw": ("kwa sababu", "kwa hiyo"),
    "ta": ("காரணமாக", "எனவே"),
    "th": ("เพราะ", "ดังนั้น"),
    "tr": ("çünkü", "bu yüzden"),
    "vi": ("bởi vì", "vì vậy"),
    "zh": ("因为", "所以"),
}
_STORY = {  # fields of XStoryCloze's TSV files, as the hub names them
    "InputStoryid": "story_id",
    **{f"InputSentence{n}": f"input_sentence_{n}" for n in range(1, 5)},
    "RandomFifthSentenceQuiz1": "sentence_quiz1",
    "RandomFifthSentenceQuiz2": "sentence_quiz2",
    "AnswerRightEnding": "answer_right_ending",
}
_MARKER = re.compile(r"(?<![A-Za-z])([A-Z])\s*[:：]")  # a localised template localises the colon, not the letter


@dataclass(frozen=True)
class Format:
    """A published layout of rows.

    Attributes:
        fields: that every row has; they tell the format.
        other_fields: the same by other names, which some distributions have.
        read: a row to an item.
        kind: of the task.
        native: each language has items of its own, which no id joins.
    """

    fields: tuple[str, ...]
    read: Reader
    kind: Kind = "choice"
    native: bool = False
    other_fields: tuple[str, ...] = ()

    def fits(self, columns: Collection[str]) -> bool:
        """Whether rows with these fields are of this format."""
        return any(names and set(names) <= set(columns) for names in (self.fields, self.other_fields))


def rows_item(row: Row, language: str, number: str) -> Item:
    """Our own rows: id, context, options, gold (a place, places, or an option's text); without options: an answer."""
    if "options" not in row:
        return Item(_id(row, "id", number), _text(row, "context"), (_text(row, "gold"),), frozenset({0}))
    options = tuple(_texts(row, "options"))
    context = row["context"]
    contexts = tuple(_texts(row, "context")) if isinstance(context, list | tuple) else _text(row, "context", blank=True)
    return Item(_id(row, "id", number), contexts, options, _places_or_texts(row["gold"], options))


def _xcopa(row: Row, language: str, number: str) -> Item:
    if language not in _CONNECTORS:
        raise BadTask(f"XCOPA has no connector for {language!r} (has: {', '.join(_CONNECTORS)})")
    cause, effect = _CONNECTORS[language]
    question = _text(row, "question")
    if question not in ("cause", "effect"):
        raise BadTask(f"question is {quoted(question)}; XCOPA asks for the cause or the effect")
    context = f"{_text(row, 'premise').strip()[:-1]} {cause if question == 'cause' else effect}"
    options = tuple(choice[0].lower() + choice[1:] for choice in (_text(row, "choice1"), _text(row, "choice2")))
    return Item(_id(row, "idx", number), context, options, _places(row["label"], options))


def _belebele(row: Row, language: str, number: str) -> Item:
    options = tuple(_text(row, f"mc_answer{n}") for n in range(1, 5))
    context = f"{_text(row, 'flores_passage')}\n{_text(row, 'question').strip()}"
    return Item(f"{row['link']} {row['question_number']}", context, options, _counted(row["correct_answer_num"]))


def _story(row: Row, language: str, number: str) -> Item:
    row = {_STORY.get(field, field): value for field, value in row.items()}
    context = " ".join(_text(row, f"input_sentence_{n}") for n in range(1, 5))
    options = (_text(row, "sentence_quiz1"), _text(row, "sentence_quiz2"))
    return Item(_id(row, "story_id", number), context, options, _counted(row["answer_right_ending"]))


def _mgsm(row: Row, language: str, number: str) -> Item:
    return Item(number, _text(row, "question"), (str(row["number"]),), frozenset({0}))


def _mmlu(row: Row, language: str, number: str) -> Item:
    options = tuple(_text(row, f"option_{letter}") for letter in "abcd")
    return Item(_id(row, "id", number), _text(row, "question"), options, _places(row["answer"], options))


def _mubench(row: Row, language: str, number: str) -> Item:
    prompt = _text(row, "prompt")
    options = tuple(_texts(row, "choices")) if row.get("choices") else letters_of(prompt)
    return Item(str(row["_id"]), prompt, options, _places(row["label"], options))


def letters_of(prompt: str) -> tuple[str, ...]:
    """The letters of the options that a prompt lists: single capitals before a colon of any script, in order A, B, C.

    Raises:
        BadTask: fewer than two.
    """
    letters: list[str] = []
    for match in _MARKER.finditer(prompt):
        if match[1] == chr(ord("A") + len(letters)):
            letters.append(match[1])
    if len(letters) < 2:
        raise BadTask(f"the prompt lists {len(letters)} options; expected 'A:', 'B:' ... in {quoted(prompt[:80])}")
    return tuple(letters)


FORMATS = {
    "xcopa": Format(("premise", "choice1", "choice2", "question", "label"), _xcopa),
    "belebele": Format(("flores_passage", "question", "mc_answer1", "correct_answer_num", "link"), _belebele),
    "xstorycloze": Format(
        ("input_sentence_1", "sentence_quiz1", "sentence_quiz2", "answer_right_ending"),
        _story,
        other_fields=tuple(_STORY),
    ),
    "include": Format(("question", "option_a", "option_b", "answer", "country"), _mmlu, native=True),
    "mmlu": Format(("question", "option_a", "option_b", "option_c", "option_d", "answer"), _mmlu),
    "mubench": Format(("_id", "prompt", "label"), _mubench),
    "mgsm": Format(("question", "number"), _mgsm, kind="generate"),
    "rows": Format(("context", "options", "gold"), rows_item),
    "answers": Format(("context", "gold"), rows_item, kind="generate"),
}


def format_of(columns: Sequence[str], where: str) -> Format:
    """The first format whose fields are all there.

    Raises:
        BadTask: none; names the formats and their fields.
    """
    for layout in FORMATS.values():
        if layout.fits(columns):
            return layout
    known = "; ".join(f"{name}: {', '.join(layout.fields)}" for name, layout in FORMATS.items())
    raise BadTask(f"{where}: no known task has the fields {shortened(list(columns))} ({known})")


def read_item(read: Reader, row: Row, language: str, number: str, where: str) -> Item:
    """An item of a row, whose arrays (of a frame or a parquet file) become lists; errors name its place.

    Raises:
        BadTask: a field is missing or of another type.
    """
    plain = {field: value.tolist() if isinstance(value, np.ndarray) else value for field, value in row.items()}
    try:
        item = read(plain, language, number)
    except BadTask as error:
        raise BadTask(f"{where}: {error}") from error
    except KeyError as error:
        raise BadTask(f"{where}: no field {error} (has: {shortened(list(row))})") from error
    if not isinstance(item, Item):
        raise BadTask(f"{where}: the reader returned {quoted(item)}; give an Item")
    return item


def _id(row: Row, name: str, number: str) -> str:
    """A row's id, or its number where it has none; a frame makes 1.0 of 1 where another row has none."""
    value = row.get(name)
    if value is None or (isinstance(value, float) and isnan(value)):
        return number
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _text(row: Row, name: str, *, blank: bool = False) -> str:
    value = row[name]
    value = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(value, str) or not (blank or value.strip()):
        raise BadTask(f"{name} is {quoted(value)}; expected text")
    return value


def _texts(row: Row, name: str) -> list[str]:
    values = row[name]
    if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
        raise BadTask(f"{name} is {quoted(values)}; expected a list of texts")
    return list(values)


def _places(value: Any, options: Sequence[str]) -> frozenset[int]:
    """Places of the right options, from a place that is counted from 0, a letter, or several of them."""
    if isinstance(value, list | tuple | set | frozenset):
        return frozenset().union(*(_places(each, options) for each in value))
    number = str(value).strip().removesuffix(".0")
    letter = number.upper()
    if isinstance(value, str) and len(letter) == 1 and "A" <= letter < chr(ord("A") + len(options)):
        return frozenset({ord(letter) - ord("A")})
    if isinstance(value, bool) or not number.isdecimal():
        raise BadTask(f"gold is {quoted(value)}; expected the place of an option, from 0, or its letter")
    return frozenset({int(number)})


def _places_or_texts(value: Any, options: Sequence[str]) -> frozenset[int]:
    """Places of the right options, from places, letters, or the options' own texts.

    Raises:
        BadTask: none of these, or a text that is one option and the place or letter of another.
    """
    if isinstance(value, list | tuple | set | frozenset):
        return frozenset().union(*(_places_or_texts(each, options) for each in value))
    if not isinstance(value, str):
        return _places(value, options)
    try:
        places = {place for place in _places(value, options) if place < len(options)}
    except BadTask:
        places = set()
    if value not in options:
        if not places:
            raise BadTask(f"gold {quoted(value)} is none of the options {shortened(list(options))}")
        return frozenset(places)
    text = options.index(value)
    if places - {text}:
        raise BadTask(
            f"gold {quoted(value)} is the text of option {text} and names option {min(places)} by its place or letter; "
            "give the place as a number, from 0"
        )
    return frozenset({text})


def _counted(value: Any) -> frozenset[int]:
    """A place that is counted from 1."""
    if not str(value).strip().isdecimal() or int(value) < 1:
        raise BadTask(f"the right answer is {quoted(value)}; expected its number, from 1")
    return frozenset({int(value) - 1})
