"""Questions and lines: what is drawn, and what never is."""

from itertools import islice

import numpy as np
import pytest

from tests.laboratories.cases import CONCEPTS, WORDS, materials
from workbench.errors import BadArgument, BadCorpus, UnknownLanguage
from workbench.laboratories import lines, questions
from workbench.training.data import prompts

MADE = materials()


def drawn(data, count=200):
    return list(islice(data(MADE, np.random.default_rng(0)), count))


def test_questions_are_those_of_the_shipped_models():
    words = {concept: dict(WORDS.loc[concept]) for concept in CONCEPTS}
    for example in drawn(questions(["de", "en"])):
        begin, end = example.answer
        source = "en" if example.language == "de" else "de"
        answer = example.text[begin:end].rstrip('"')
        (concept,) = [key for key in CONCEPTS if words[key][example.language] == answer]
        assert example.text[:begin] == prompts.question(words, concept, source, example.language)
    line = drawn(questions(directions=[("de", "fr")], form="line"), 1)[0].text
    assert line.startswith('Deutsch: "') and '" - Français: "' in line


def test_every_trained_word_is_drawn_and_no_held_out_one():
    made = drawn(questions(["de", "en"]))
    answers = {example.text[slice(*example.answer)].rstrip('"') for example in made}
    assert answers == {*WORDS["de"][2:], *WORDS["en"][2:]}
    assert {example.language for example in made} == {"de", "en"}


def test_lines_go_through_every_text_once():
    made = list(lines(["de"])(MADE, np.random.default_rng(0)))
    assert sorted(example.text for example in made) == sorted(MADE.corpus.texts["de"])
    assert all(example.answer is None and example.language == "de" for example in made)


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(UnknownLanguage, match="'tr'"):
        drawn(questions(["de", "tr"]), 1)
    with pytest.raises(BadArgument, match="form"):
        questions(form="poem")
    everything = materials()
    object.__setattr__(everything, "held_out", lambda *_: True)
    with pytest.raises(BadCorpus, match="left to train"):
        next(questions(["de", "en"])(everything, np.random.default_rng(0)))
