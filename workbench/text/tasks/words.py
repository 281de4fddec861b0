"""The shipped words as a task: which word translates a concept?"""

import random
from collections.abc import Sequence
from typing import Any

from workbench.errors import BadTask
from workbench.text.tasks.task import Item, Task, joined
from workbench.text.words import load_words, translation_prompts

_OPTIONS = 4
_SHOTS = 5
_SOURCES = ("en", "de")  # the language of the question; the second where the answer is in the first


def words_task(
    words: Any = "words", *, languages: str | Sequence[str] | None = None, source: str = "", limit: int | None = None
) -> Task:
    """Few-shot translation prompts with four words of the answer's language as options.

    An option stands for the same concept in every language, so the task is aligned. Questions are in English, and
    those whose answer is English in German, unless `source` says otherwise.

    Args:
        words: what `load_words` takes.
        languages: of the answers; all of the words' when None.
        source: language of the questions.
        limit: most concepts.

    Raises:
        BadTask: too few concepts with different words, or no other language to ask in.
        UnknownLanguage: a language is not among the words.
    """
    frame = load_words(words)
    tags = list(load_words(words, languages=languages).columns)
    origins = {language: _source(language, source, list(frame.columns)) for language in tags}
    prompts = {
        language: translation_prompts(frame, source=origin, target=language, shots=_SHOTS)
        for language, origin in origins.items()
    }
    columns = list(frame.columns)  # of every language, so that the options do not depend on those that are kept
    spelled = dict(zip(map(str, frame.index), frame.itertuples(index=False, name=None), strict=True))
    rng, options = random.Random(0), {}
    for concept in spelled:
        options[concept] = _four(concept, spelled, rng)
    concepts = list(next(iter(prompts.values())))[:limit]  # every language draws its concepts in the same order
    items = {
        language: [
            Item(
                concept,
                prompts[language][concept],
                tuple(spelled[other][columns.index(language)] for other in options[concept]),
                frozenset({options[concept].index(concept)}),
            )
            for concept in concepts
        ]
        for language in tags
    }
    return joined(items, "words", delimiter=dict.fromkeys(tags, ""))


def _source(language: str, source: str, present: Sequence[str]) -> str:
    for code in (source,) if source else (*_SOURCES, *present):
        if code != language and code in present:
            return code
    raise BadTask(f"words: no language to ask for words of {language!r} in (has: {', '.join(present)})")


def _four(concept: str, spelled: dict[str, tuple[str, ...]], rng: random.Random) -> list[str]:
    """The concept and three others, in random order, whose words all differ in every language."""
    taken = [concept]
    for other in rng.sample(list(spelled), len(spelled)):
        apart = all(a != b for each in taken for a, b in zip(spelled[each], spelled[other], strict=True))
        if apart:
            taken.append(other)
        if len(taken) == _OPTIONS:
            rng.shuffle(taken)
            return taken
    raise BadTask(f"words: fewer than {_OPTIONS} concepts have words that differ from those of {concept!r}")
