"""Items in every language: what is trained, what is measured, and what is held out."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from tests.laboratories.teaching import words_materials
from workbench.errors import BadArgument, BadCorpus
from workbench.laboratories.parts.options.items import held_out_items, option_items, paired, taught
from workbench.text.tasks.words import words_task

MADE = words_materials()
TASK = words_task(MADE.words)
TARGET = np.random.default_rng(0).dirichlet(np.ones(4), len(TASK))


def first(data, count):
    return list(islice(data(MADE, np.random.default_rng(0)), count))


def test_every_language_asks_in_another():
    task = option_items(MADE, TASK)
    place = task.ids.index("water")
    contexts = {language: task.context[language][place] for language in task.languages}
    assert contexts == {"de": '(water) = Deutsch? "', "fr": '(water) = Français? "', "en": '(Wasser) = English? "'}
    assert task.gold == TASK.gold


def test_an_example_for_each_option_with_the_teachers_probability():
    for group in np.array(first(taught(TASK, TARGET, ["fr"]), 80), dtype=object).reshape(-1, 4):
        assert len({each.group for each in group}) == 1
        options = tuple(each.text[slice(*each.answer)] for each in group)
        place = TASK.options["fr"].index(options)
        assert [each.weight for each in group] == pytest.approx(TARGET[place].tolist())


def test_two_draws_of_an_item_are_two_groups():
    groups = [example.group for example in first(taught(TASK, TARGET, ["fr"]), 800)]
    assert len(set(groups)) == 200 > len(TASK)


def test_trained_and_measured_questions_share_none():
    trained = {example.text[: example.answer[0]] for example in first(taught(TASK, TARGET, ["de", "fr"]), 4000)}
    task = held_out_items(MADE, TASK, ["de", "fr"], limit=100)
    measured = {context for contexts in task.context.values() for context in contexts if context}
    assert measured
    assert not trained & measured


def test_measured_items_have_their_gold():
    task = held_out_items(MADE, TASK, ["en", "de", "fr"], limit=3)
    for language in task.languages:
        assert len(task.present(language)) <= 3
        for place in task.present(language):
            concept = task.ids[place].split(" from ")[0]
            assert task.options[language][place][next(iter(task.gold[place]))] == MADE.words.at[concept, language]


def test_pairs_have_the_same_item_in_two_languages():
    for group in np.array(first(paired(TASK, ["de", "en"], ["fr"]), 160), dtype=object).reshape(-1, 8):
        student, teacher = group[:4], group[4:]
        assert len({each.group for each in group}) == 1
        languages = student[0].language, teacher[0].language
        assert languages in {("fr", "de"), ("fr", "en"), ("de", "en")}
        places = [
            TASK.options[half[0].language].index(tuple(each.text[slice(*each.answer)] for each in half))
            for half in (student, teacher)
        ]
        assert places[0] == places[1]


def test_no_student_and_no_pair_are_refused():
    with pytest.raises(BadCorpus, match="teach"):
        first(taught(TASK, TARGET, []), 1)
    with pytest.raises(BadCorpus, match="pair"):
        first(paired(TASK, ["de"], []), 1)


def test_nothing_held_out_is_refused():
    free = replace(MADE, held_out=lambda *_: False)
    with pytest.raises(BadArgument, match="held-out"):
        held_out_items(free, TASK, ["de"], limit=3)
