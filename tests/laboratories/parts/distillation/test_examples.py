"""What is made of own answers: counted by hand, with nothing held out in it, and a source that teaches itself."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

import workbench as wb
from tests.laboratories.teaching import able, words_materials
from workbench.errors import BadArgument, BadCorpus, UnknownLanguage
from workbench.laboratories import Recipe
from workbench.laboratories.parts.data import question_of
from workbench.laboratories.parts.distillation.examples import Answered, answered, examples
from workbench.laboratories.parts.distillation.own_answers import own_answers
from workbench.laboratories.training.loop import train

LAB = wb.laboratories
RNG = np.random.default_rng


def free():
    """Materials in which nothing is held out."""
    return replace(able(), held_out=lambda *_: False)


def water(**changes):
    return replace(Answered("water", "en", "water", "Wasser", "eau"), **changes)


def texts(materials, answer, *, switched=0.0, **how):
    return [each.text for each in examples(materials, answer, "de", "fr", RNG(0), switched=switched, **how)]


def test_an_answer_makes_six_examples():
    assert texts(free(), water()) == [
        '(water) = Deutsch? "Wasser"',
        '(water) = Français? "eau"',
        '(water) = allemand? "Wasser"',
        '(water) = Französisch? "eau"',
        '(Wasser) = Français? "eau"',
        '(eau) = Deutsch? "Wasser"',
    ]


def test_the_loss_covers_answer_and_closing_quote():
    made = examples(free(), water(), "de", "fr", RNG(0), switched=0)
    answers = [each.text[slice(*each.answer)] for each in made]
    assert answers == ['Wasser"', 'eau"', 'Wasser"', 'eau"', 'eau"', 'Wasser"']
    assert [each.language for each in made] == ["de", "fr", "de", "fr", "fr", "de"]


def test_pairs_alone():
    assert texts(free(), water(), pairs_only=True) == ['(Wasser) = Français? "eau"', '(eau) = Deutsch? "Wasser"']


def test_a_switched_question_gives_the_word_in_the_other_language():
    assert texts(free(), water(), switched=1.0)[:4] == [
        '(eau) = Deutsch? "Wasser"',
        '(Wasser) = Français? "eau"',
        '(eau) = allemand? "Wasser"',
        '(Wasser) = Französisch? "eau"',
    ]


def test_about_the_chosen_share_is_switched():
    rng, made = RNG(0), free()
    drawn = [each.text for _ in range(500) for each in examples(made, water(), "de", "fr", rng, switched=0.3)[:4]]
    assert sum(not text.startswith("(water)") for text in drawn) / len(drawn) == pytest.approx(0.3, abs=0.03)


def test_a_wrong_answer_stays_wrong_and_its_pair_is_what_it_means():
    wrong = water(meant="house", source="Haus", target="maison")
    made = texts(free(), wrong)
    assert made[0] == '(water) = Deutsch? "Haus"'
    assert made[-2:] == ['(Haus) = Français? "maison"', '(maison) = Deutsch? "Haus"']


def test_held_out_directions_are_left_out():
    made = replace(free(), held_out=lambda concept, source, target: (source, target) in (("en", "fr"), ("de", "fr")))
    assert texts(made, water(), switched=1.0) == [
        '(eau) = Deutsch? "Wasser"',
        '(eau) = allemand? "Wasser"',
        '(eau) = Deutsch? "Wasser"',
    ]


def test_counts_of_a_whole_pass():
    materials = free()
    used = answered(materials, "de", "fr", limit=24)
    made = Counter(example.language for example in LAB.distilled("de", "fr", limit=24)(materials, RNG(0)))
    assert made == {"de": 3 * len(used), "fr": 3 * len(used)}
    pairs = list(LAB.distilled("de", "fr", limit=24, parts="pairs")(materials, RNG(0)))
    assert len(pairs) == 2 * len(used)


def test_only_complete_words_of_the_source_are_used():
    """A plain loop over the questions, each answered alone."""
    materials = able()
    words, expected = materials.words, []
    for concept in words.index:
        if not materials.held_out(concept, "en", "de"):
            text = own_answers(materials.base, materials.tokenizer, [question_of(words.en[concept], "en", "de")])[0]
            if text in list(words.de):
                expected.append((concept, text, words.fr[words.de == text].iloc[0]))
    used = answered(materials, "de", "fr", limit=1000)
    assert sorted((each.concept, each.source, each.target) for each in used) == sorted(expected)
    assert 0 < len(used) < len(words)


def test_reference_answers_are_the_lists():
    used = answered(words_materials(), "de", "fr", own=False, limit=1000)
    words = words_materials().words
    assert {(each.source, each.target) for each in used} <= set(zip(words.de, words.fr, strict=True))
    assert all(each.meant == each.concept for each in used)


def test_nothing_to_use_is_refused():
    with pytest.raises(BadCorpus, match="none is left to train on"):
        next(iter(LAB.distilled("de", "fr")(words_materials(), RNG(0))))


def test_a_source_that_teaches_itself_keeps_its_answers():
    materials = able()
    data = LAB.distilled("de", "de", limit=24)
    prompts = [example.text[: example.answer[0]] for example in data(materials, RNG(0))]
    before = own_answers(materials.base, materials.tokenizer, prompts)
    assert [f'{text}"' for text in before] == [
        example.text[slice(*example.answer)] for example in data(materials, RNG(0))
    ]
    trained = able().base
    train(trained, Recipe("self", data, LAB.answers(), LAB.everything(), 5, 8, 64, rate=1e-3), materials)
    assert own_answers(trained, materials.tokenizer, prompts) == before


def test_other_orders_but_the_same_examples_in_each_pass():
    materials, data = free(), LAB.distilled("de", "fr", limit=10, switched=0.0)
    first, second = ([each.text for each in data(materials, RNG(seed))] for seed in (0, 1))
    assert first != second
    assert Counter(first) == Counter(second)


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"target": "tr"}, UnknownLanguage), ({"switched": 1.5}, BadArgument), ({"limit": 0}, BadArgument)],
)
def test_wrong_options(changes, error):
    with pytest.raises(error):
        next(iter(LAB.distilled(**{"source": "de", "target": "fr", **changes})(able(), RNG(0))))


def test_two_languages_have_no_third():
    materials = replace(able(), words=able().words[["de", "fr"]])
    with pytest.raises(BadCorpus, match="third language"):
        answered(materials, "de", "fr")


def test_another_base_answers_itself(monkeypatch):
    """Data that are used with two bases have the answers of each."""
    from tests.laboratories.cases import materials
    from workbench.laboratories.parts.distillation import examples as module

    asked, first, second = [], materials(), materials()
    monkeypatch.setattr(module, "answered", lambda made, *_, **options: asked.append(made) or [])
    data = module.distilled("de", "fr")
    for made in (first, first, second):
        with pytest.raises(BadCorpus):
            next(iter(data(made, np.random.default_rng(0))))
    assert asked == [first, second]
