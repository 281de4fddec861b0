"""Controls: what they keep of a recipe, and what they take from it."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

import workbench as wb
from tests.laboratories.cases import base, materials, recipe
from workbench.errors import BadArgument
from workbench.laboratories.recipe import Example

MADE, LAB = materials(), wb.laboratories


def drawn(data, count=100):
    return list(islice(data(MADE, np.random.default_rng(3)), count))


def test_shuffled_keeps_questions_and_gives_each_answer_another_one_always_the_same():
    plain, wrong = drawn(recipe().data), drawn(LAB.shuffled(recipe(), MADE).data)
    swapped = {}
    for right, other in zip(plain, wrong, strict=True):
        assert right.text[: right.answer[0]] == other.text[: other.answer[0]] and right.language == other.language
        pair = right.text[slice(*right.answer)], other.text[slice(*other.answer)]
        assert pair[0] != pair[1]
        assert swapped.setdefault((right.language, pair[0]), pair[1]) == pair[1]
    for language in ("de", "en"):  # every answer stays, in another place
        own = {key[1]: value for key, value in swapped.items() if key[0] == language}
        assert set(own) == set(own.values())


def test_shuffled_trains_no_right_answer_however_many_there_are():
    """Of 12 languages with fifty words, two thousand draws do not bring every answer."""
    made, data = replace(MADE, words=wb.load_words().head(50), held_out=lambda *_: False), LAB.questions()
    wrong = LAB.shuffled(recipe(data=data), made).data

    def examples(source, count=1500):
        return islice(source(made, np.random.default_rng(3)), count)

    assert not [right for right, other in zip(examples(data), examples(wrong), strict=True) if right == other]


def test_shuffled_leaves_examples_without_an_answer_and_refuses_a_language_with_one():
    def mixed(made, rng):
        yield Example("Der Hund", language="de")
        yield from (Example(f"{word}?ja", (len(word) + 1, len(word) + 3), "de") for word in "ab")
        yield from (Example(f"a?{word}", (2, 4), "en") for word in ("no", "ok"))

    control = LAB.shuffled(recipe(data=mixed), MADE).data(MADE, np.random.default_rng(0))
    assert next(control) == Example("Der Hund", language="de")
    with pytest.raises(BadArgument, match="several answers in 'de', and these data have 'ja' alone"):
        next(control)


def test_shuffled_needs_answers():
    with pytest.raises(BadArgument, match="answers that differ"):
        LAB.shuffled(recipe(data=LAB.lines()), MADE)


def test_text_reads_the_languages_of_the_answers():
    made = drawn(LAB.text_control(recipe(), MADE).data, 3)
    assert {example.language for example in made} <= {"de", "en"} and all(x.answer is None for x in made)


@pytest.mark.parametrize("trainable", [LAB.layers([1]), LAB.embeddings()])
def test_random_part_trains_about_as_many_parameters_elsewhere(trainable):
    module = base()
    with trainable(module):
        chosen = {name: part.numel() for name, part in module.named_parameters() if part.requires_grad}
    with LAB.random_part(recipe(trainable=trainable), MADE).trainable(module):
        other = {name: part.numel() for name, part in module.named_parameters() if part.requires_grad}
    assert not set(chosen) & set(other)
    assert sum(other.values()) == pytest.approx(sum(chosen.values()), rel=0.2)


def test_random_part_refuses_where_nothing_is_left():
    with (
        pytest.raises(BadArgument, match="there are none"),
        LAB.random_part(recipe(), MADE).trainable(base()),
    ):
        pass
    with (
        pytest.raises(BadArgument, match="adapters"),
        LAB.random_part(recipe(trainable=LAB.lora()), MADE).trainable(base()),
    ):
        pass
