"""What a model reads: options as texts or as letters, solved items before the question, and no question at all."""

from dataclasses import replace
from typing import Literal

from workbench.errors import BadTask
from workbench.text.tasks.task import Context, Task

Format = Literal["cloze", "question", "letters"]
_QUESTION, _ANSWER = "Question:", "Answer:"
_MOST_LETTERS = 26


def formatted(task: Task, format: Format, shots: int) -> Task:
    """The task as the model reads it.

    Args:
        task: questions and options.
        format: `"cloze"`: the question, then an option's text; `"question"`: `Question:` before it, and a line with
            `Answer:` after it; `"letters"`: the question, the options as `A. text` lines and `Answer:`, then a letter.
        shots: the first items, solved, stand before each of the others, with a blank line between.

    Raises:
        BadTask: no item is left after the shots, a shot that a language lacks, or more options than letters.
    """
    shaped = {"cloze": lambda same: same, "question": _questioned, "letters": _lettered}[format](task)
    return _with_shots(shaped, shots) if shots else shaped


def without_question(task: Task, format: Format) -> Task:
    """The task with the question left out: an empty context, or the lettered options alone."""
    empty = {language: tuple(None if c is None else "" for c in rows) for language, rows in task.context.items()}
    same = _with_own_separators(task) if format == "cloze" else task
    return formatted(replace(same, context=empty), format, 0)


def _with_own_separators(task: Task) -> Task:
    """The task with separators that contexts decide, by an opening quotation mark, put into the options."""
    options, delimiter = dict(task.options), dict(task.delimiter)
    for language, rows in task.context.items():
        separators = [
            [task.separator(language, text) for text in _contexts(context, own)]
            for context, own in zip(rows, task.options[language], strict=True)
        ]
        if language not in task.delimiter and not all(space for each in separators for space in each):
            delimiter[language] = ""
            options[language] = tuple(
                tuple(map("".join, zip(spaces, own, strict=True)))
                for spaces, own in zip(separators, task.options[language], strict=True)
            )
    return replace(task, options=options, delimiter=delimiter)


def _contexts(context: Context | None, options: tuple[str, ...]) -> tuple[str, ...]:
    """The context of each option."""
    return context if isinstance(context, tuple) else (context or "",) * len(options)


def letters(options: int) -> tuple[str, ...]:
    """A, B, C ...

    Raises:
        BadTask: more options than letters.
    """
    if options > _MOST_LETTERS:
        raise BadTask(f"{options} options; there are {_MOST_LETTERS} letters")
    return tuple(chr(ord("A") + place) for place in range(options))


def _questioned(task: Task) -> Task:
    def lines(question: str) -> str:
        return "\n".join([*([f"{_QUESTION} {question}"] if question else []), _ANSWER])

    context: dict[str, tuple[Context | None, ...]] = {
        language: tuple(
            tuple(map(lines, each)) if isinstance(each, tuple) else None if each is None else lines(each)
            for each in rows
        )
        for language, rows in task.context.items()
    }
    return replace(task, context=context, delimiter=dict.fromkeys(task.languages, " "))


def _lettered(task: Task) -> Task:
    context: dict[str, tuple[Context | None, ...]] = {}
    for language, rows in task.context.items():
        context[language] = tuple(
            None if question is None else _listing(task, question, options)
            for question, options in zip(rows, task.options[language], strict=True)
        )
    options = {language: tuple(letters(len(each)) for each in rows) for language, rows in task.options.items()}
    return replace(task, context=context, options=options, delimiter=dict.fromkeys(task.languages, " "))


def _listing(task: Task, question: Context, options: tuple[str, ...]) -> str:
    if isinstance(question, tuple):
        raise BadTask(f"{task.name} has a context for each option; letters need one question, so use format='cloze'")
    lines = [f"{letter}. {option}" for letter, option in zip(letters(len(options)), options, strict=True)]
    return "\n".join([*([question] if question else []), *lines, _ANSWER])


def _with_shots(task: Task, shots: int) -> Task:
    if shots >= len(task):
        raise BadTask(f"{task.name} has {len(task)} items; {shots} shots leave none to evaluate")
    context: dict[str, tuple[Context | None, ...]] = {}
    for language in task.languages:
        front = "".join(f"{_solved(task, language, place)}\n\n" for place in range(shots))
        context[language] = tuple(
            tuple(front + text for text in each) if isinstance(each, tuple) else None if each is None else front + each
            for each in task.context[language]
        )
    return replace(task, context=context).without_first(shots)


def _solved(task: Task, language: str, place: int) -> str:
    """An item with its first right option."""
    question, gold = task.context[language][place], min(task.gold[place])
    if question is None:
        raise BadTask(f"{task.name}: {language!r} lacks the item {task.ids[place]!r}, which would be a shot")
    context = question[gold] if isinstance(question, tuple) else question
    return f"{context}{task.separator(language, context)}{task.options[language][place][gold]}"
