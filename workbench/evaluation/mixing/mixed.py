"""Mixed-language versions of a task: the question in one language, its options in another (Chua et al. 2024)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.arguments import checked, one_of, whole_number
from workbench.errors import BadArgument, BadTask, UnknownLanguage
from workbench.text.languages import meaning
from workbench.text.tasks.task import Task

VARIANTS = (
    "full",
    "question",
    "options",
    "gt",
    "gt_question",
    "onewrong",
    "threewrong",
    "mixup",
    "mixup_free",
)
MIXED = ("mixup", "mixup_free")  # of several languages at once
SEVERAL = "mul"  # ISO 639: several languages


@dataclass(frozen=True)
class Parts:
    """The language of each part of an item: its question, and each option."""

    question: str
    options: tuple[str, ...]


@checked
def mixed(
    task: Task,
    variant: str,
    *,
    languages: Sequence[str] | None = None,
    pivot: str = "en",
    shots: int = 0,
    shots_in: str = "variant",
    seed: int = 0,
) -> Task:
    """Put parts of each item into another language; the rest stays in the pivot.

    | variant | in the other language |
    |---|---|
    | full | question and options |
    | question, options | these |
    | gt, gt_question | the right option; and the question too |
    | onewrong, threewrong | a wrong option, drawn; all wrong options |
    | mixup | question and options in languages of their own, each once |
    | mixup_free | the same, drawn with replacement |

    An item of which a translated part is spelled as in the pivot is left out in that language: such a translation may
    have failed, and the item would stay as it was. `unmatched` of the task counts these items.

    Args:
        task: aligned, of kind choice.
        variant: one of the above.
        languages: to mix in; all but the pivot when None. Of "mixup", the pivot takes part too.
        pivot: language of what stays.
        shots: first items that will serve as shots; none of them is left out.
        shots_in: these in the "variant" too, or in the "pivot".
        seed: of what is drawn.

    Returns:
        A task with a language for each of `languages`; of "mixup" and "mixup_free", with the one language "mul".

    Raises:
        BadTask: not aligned, generated, contexts of their own for the options, or no item left.
        BadArgument: no such variant, or too few languages for "mixup".
        UnknownLanguage: a language that the task lacks.

    Source:
        Chua et al. 2024, Crosslingual capabilities and knowledge barriers in multilingual LLMs.
    """
    one_of("variant", variant, VARIANTS)
    whole_number("shots", shots)
    one_of("shots_in", shots_in, ("variant", "pivot"))
    pivot = meaning(pivot, task.languages)[0] or pivot
    others = targets(task, languages, pivot)
    if variant == "full" and others == (pivot,):
        return task.select(pivot)
    if variant == "mixup" and len(others) + 1 <= task.n_options:
        raise BadArgument(
            f"mixup puts a question and {task.n_options} options into languages of their own, and there are "
            f"{len(others) + 1}; take 'mixup_free'"
        )
    several = (pivot, *(code for code in others if code != pivot))

    def parts(language: str, row: int) -> Parts:
        count = len(task.options[pivot][row])
        return _parts(variant, language, pivot, several, count, task.gold[row], np.random.default_rng([seed, row]))

    own = (SEVERAL,) if variant in MIXED else others
    first = shots if shots_in == "pivot" else 0
    made = composed(task, f"{task.name}, {variant}", own, parts, pivot=pivot, shots=shots, shots_in_pivot=first)
    if len(task) > shots and not has_items(made, shots):
        raise BadTask(
            f"{made.name}: every item has a part that is spelled as in {pivot!r}, so that nothing is left to measure; "
            "take another variant or other languages"
        )
    return made


def has_items(task: Task, shots: int) -> bool:
    """Whether a language has any item beside those that serve as shots."""
    return any(place >= shots for language in task.languages for place in task.present(language))


def odd_option(task: Task, option: int, others: Sequence[str], *, pivot: str, shots: int = 0) -> Task:
    """The task in the pivot, but for this option, which is in the other language; items without it are left out."""

    def parts(language: str, row: int) -> Parts | None:
        count = len(task.options[pivot][row])
        if option >= count:
            return None
        return Parts(pivot, tuple(language if place == option else pivot for place in range(count)))

    return composed(
        task, f"{task.name}, option {option}", others, parts, pivot=pivot, shots=shots, shots_in_pivot=shots
    )


def targets(task: Task, languages: Sequence[str] | None, pivot: str) -> tuple[str, ...]:
    """The languages to mix in, after a check of the task."""
    if task.kind != "choice" or not task.aligned:
        raise BadTask(f"{task.name}: mixing languages takes an aligned task of kind 'choice'")
    if any(isinstance(context, tuple) for context in task.context.get(pivot, ())):
        raise BadTask(f"{task.name}: its options have contexts of their own, which cannot be mixed")
    if pivot not in task.languages:
        raise UnknownLanguage(f"pivot={pivot!r} is not in this task (has: {', '.join(task.languages)})")
    chosen = [code for code in task.languages if code != pivot] if languages is None else list(languages)
    if not chosen:
        raise BadArgument(f"{task.name} has no language but {pivot!r} to mix in")
    return task.select(chosen).languages


def _parts(
    variant: str,
    language: str,
    pivot: str,
    several: Sequence[str],
    count: int,
    gold: frozenset[int],
    generator: np.random.Generator,
) -> Parts:
    """The languages of an item's parts."""
    if variant in MIXED:
        drawn = generator.choice(several, count + 1, replace=variant == "mixup_free").tolist()
        return Parts(drawn[0], tuple(drawn[1:]))
    wrong = [place for place in range(count) if place not in gold]
    translated = {
        "full": range(count),
        "options": range(count),
        "question": (),
        "gt": gold,
        "gt_question": gold,
        "onewrong": generator.permutation(wrong)[:1].tolist(),
        "threewrong": wrong,
    }[variant]
    question = language if variant in ("full", "question", "gt_question") else pivot
    return Parts(question, tuple(language if place in translated else pivot for place in range(count)))


def composed(
    task: Task,
    name: str,
    languages: Sequence[str],
    parts: Callable[[str, int], Parts | None],
    *,
    pivot: str,
    shots: int,
    shots_in_pivot: int,
) -> Task:
    """A task of parts in these languages; items with a part spelled as in the pivot are left out, but for the shots."""
    context: dict[str, list[str | None]] = {language: [] for language in languages}
    options: dict[str, list[tuple[str, ...]]] = {language: [] for language in languages}
    delimiter = {}
    for language in languages:
        spoken = {pivot}
        for row in range(len(task)):
            own = (
                Parts(pivot, (pivot,) * len(task.options[pivot][row])) if row < shots_in_pivot else parts(language, row)
            )
            texts = own and _texts(task, own, row)
            if texts is None or (row >= shots and _unchanged(task, own, texts, pivot, row)):
                texts = (None, ())
            elif own is not None and row >= shots:
                spoken = set(own.options)
            context[language].append(texts[0])
            options[language].append(texts[1])
        of = spoken.pop() if len(spoken) == 1 else pivot
        if of in task.delimiter:
            delimiter[language] = task.delimiter[of]
    left_out = sum(any(context[language][row] is None for language in languages) for row in range(len(task)))
    return replace(
        task,
        name=name,
        context={language: tuple(rows) for language, rows in context.items()},
        options={language: tuple(rows) for language, rows in options.items()},
        delimiter=delimiter,
        aligned=left_out == 0,
        unmatched=left_out,
    )


def _texts(task: Task, parts: Parts, row: int) -> tuple[str, tuple[str, ...]]:
    """The question and the options of an item, each in its language."""
    options = tuple(task.options[language][row][place] for place, language in enumerate(parts.options))
    return str(task.context[parts.question][row]), options


def _unchanged(task: Task, parts: Parts | None, texts: tuple[str, tuple[str, ...]], pivot: str, row: int) -> bool:
    """Whether a part in another language is spelled as in the pivot."""
    if parts is None:
        return True
    if parts.question != pivot and texts[0] == task.context[pivot][row]:
        return True
    places = [place for place, language in enumerate(parts.options) if language != pivot]
    return any(texts[1][place] == task.options[pivot][row][place] for place in places)
