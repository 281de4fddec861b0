"""Data of questions with options: in every language the same items, and a teacher's probabilities of the options."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from workbench.errors import BadArgument, BadCorpus
from workbench.laboratories.parts.data import held_out_concepts, question_of, trained_concepts
from workbench.laboratories.recipe import Data, Example, Materials
from workbench.text.tasks.task import Item, Task, joined


def option_items(materials: Materials, task: Task) -> Task:
    """A task of words with its questions in the form that recipes train, without shots.

    The question is in English, and for English words in German; without English, in the first language.

    Args:
        materials: the words.
        task: of `words_task`: four words of the answer's language, of the same four concepts in every language.
    """
    columns = list(materials.words.columns)
    preferred = [code for code in ("en", "de") if code in columns] + columns
    contexts = {}
    for language in task.languages:
        source = next(code for code in preferred if code != language)
        contexts[language] = tuple(_context(materials, concept, source, language) for concept in task.ids)
    return replace(task, context=contexts)


def held_out_items(materials: Materials, task: Task, languages: Sequence[str], *, limit: int, seed: int = 0) -> Task:
    """Items to measure: held-out words, from every other language into each of some; up to `limit` of each.

    Languages without any are left out.

    Raises:
        BadArgument: none of the languages has any.
    """
    rng, columns = np.random.default_rng(seed), list(materials.words.columns)
    places = {concept: place for place, concept in enumerate(task.ids)}
    made: dict[str, list[Item]] = {}
    for language in languages:
        ways = [
            (concept, source)
            for source in columns
            if source != language
            for concept in held_out_concepts(materials.words, materials.held_out, source, language)
            if concept in places
        ]
        if ways:
            made[language] = []
        for number in rng.permutation(len(ways))[:limit]:
            concept, source = ways[int(number)]
            place, context = places[concept], _context(materials, concept, source, language)
            name = f"{concept} from {source}"
            made[language].append(Item(name, context, task.options[language][place], task.gold[place]))
    if not made:
        raise BadArgument(f"no held-out word is left to measure in {', '.join(languages)}; give more words")
    return joined(made, "held-out words", delimiter=dict.fromkeys(made, ""))


def taught(task: Task, target: np.ndarray, students: Sequence[str]) -> Data:
    """Options of items in the students' languages, each weighted with the teacher's probability; without end.

    The question's own language is drawn among the others; held-out words of a direction are not asked in it.

    Args:
        task: of `option_items`.
        target: the teacher's probabilities, [item, option].
        students: languages that are taught.
    """

    def data(materials: Materials, rng: np.random.Generator) -> Iterator[Example]:
        if not students:
            raise BadCorpus("no language is left to teach")
        ways = directions(materials, task)
        number = 0
        while True:
            language = students[int(rng.integers(len(students)))]
            place, source = drawn(ways[language], rng)
            number += 1  # two draws of an item are two groups
            yield from _options(materials, task, place, source, language, f"{number}", target[place])

    return data


def paired(task: Task, teachers: Sequence[str], students: Sequence[str]) -> Data:
    """Options of items in two languages, student's and teacher's, without probabilities: what the released loss takes.

    Teachers are paired with each other, too.

    Args:
        task: of `option_items`.
        teachers: languages that teach.
        students: languages that are taught.
    """
    pairs = [(student, teacher) for student in students for teacher in teachers]
    pairs += [(first, second) for place, first in enumerate(teachers) for second in teachers[place + 1 :]]

    def data(materials: Materials, rng: np.random.Generator) -> Iterator[Example]:
        if not pairs:
            raise BadCorpus("no two languages are left to pair")
        ways = directions(materials, task)
        number = 0
        while True:
            student, teacher = pairs[int(rng.integers(len(pairs)))]
            place, source = drawn(ways[student], rng)
            own = [origin for item, origin in ways[teacher] if item == place]
            if not own:
                continue
            number += 1
            every = np.ones(len(task.options[student][place]))
            for language, origin in ((student, source), (teacher, own[int(rng.integers(len(own)))])):
                yield from _options(materials, task, place, origin, language, f"{number}", every)

    return data


def directions(materials: Materials, task: Task) -> Mapping[str, list[tuple[int, str]]]:
    """Language to the (item, language of the question) that may be trained on.

    Raises:
        BadCorpus: a language has none.
    """
    columns, places = list(materials.words.columns), {concept: place for place, concept in enumerate(task.ids)}
    ways = {
        language: [
            (places[concept], source)
            for source in columns
            if source != language
            for concept in trained_concepts(materials.words, materials.held_out, source, language)
            if concept in places
        ]
        for language in task.languages
    }
    if empty := next((language for language, own in ways.items() if not own), None):
        raise BadCorpus(f"every item in {empty!r} is held out; give more words or items")
    return ways


def drawn(ways: Sequence[tuple[int, str]], rng: np.random.Generator) -> tuple[int, str]:
    """One of some ways."""
    return ways[int(rng.integers(len(ways)))]


def _context(materials: Materials, concept: str, source: str, language: str) -> str:
    return question_of(materials.words.at[concept, source], source, language)


def _options(
    materials: Materials, task: Task, place: int, source: str, language: str, group: str, weights: np.ndarray
) -> Iterator[Example]:
    prompt = _context(materials, task.ids[place], source, language)
    for option, weight in zip(task.options[language][place], weights, strict=True):
        yield Example(prompt + option, (len(prompt), len(prompt) + len(option)), language, group, float(weight))
