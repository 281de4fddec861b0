"""Batches of examples: their tokens, marks, groups and what is refused."""

from itertools import islice

import numpy as np
import pytest

from tests.laboratories.cases import materials
from workbench.errors import BadCorpus
from workbench.laboratories import Example
from workbench.laboratories.training.batches import endless, example_batches
from workbench.text.tokens.around import around

MADE = materials()
TOKENIZER = MADE.tokenizer


def batches(examples, tokens=1000, length=50):
    return list(example_batches(examples, TOKENIZER, tokens=tokens, length=length))


def test_marks_cover_the_answer_alone():
    example = Example('(Hund) = English? "dog"', (19, 23), "en")
    (batch,) = batches([example])
    marked = TOKENIZER.decode(batch.ids[0][batch.marks[0]])
    assert marked == 'dog"' and batch.mask.all() and batch.tokens == batch.ids.numel()


def test_a_text_without_an_answer_is_covered_from_its_first_predicted_token():
    (batch,) = batches([Example("Der Hund")])
    front = len(around(TOKENIZER)[0])
    assert batch.marks[0].tolist() == [False] * max(1, front) + [True] * (len(batch.ids[0]) - max(1, front))


def test_padding_is_neither_real_nor_marked():
    (batch,) = batches([Example("Ei"), Example("Der lange Text")])
    assert not batch.marks[batch.mask == 0].any() and (batch.mask.sum(1) < batch.ids.shape[1]).any()


def test_a_batch_is_full_once_it_has_its_tokens():
    rows = [Example("abcdefgh")] * 20
    sizes = [batch.tokens for batch in batches(rows, tokens=30)]
    one = sizes[0] // len(batches(rows, tokens=30)[0].examples)
    assert all(30 <= size < 30 + one for size in sizes[:-1]) and sum(sizes) == 20 * one


def test_examples_of_one_group_stay_together_and_others_do_not():
    rows = [Example("abcd", group=str(number // 4)) for number in range(16)]
    made = batches(rows, tokens=1)
    assert [len(batch.examples) for batch in made] == [4, 4, 4, 4]
    assert [len(batch.examples) for batch in batches([Example("abcd")] * 3, tokens=1)] == [1, 1, 1]


def test_long_examples_are_cut_and_one_without_its_answer_is_refused():
    (batch,) = batches([Example("a" * 80)], length=20)
    assert batch.ids.shape[1] == 20
    with pytest.raises(BadCorpus, match="first 20"):
        batches([Example("a" * 80 + "b", (80, 81))], length=20)


def test_data_without_end_begin_again_with_new_draws():
    def data(made, rng):
        return [Example(str(number)) for number in rng.permutation(4)]

    drawn = [example.text for example in islice(endless(data, MADE, np.random.default_rng(0)), 12)]
    assert sorted(drawn[:4]) == sorted(drawn[4:8]) == ["0", "1", "2", "3"] and drawn[:4] != drawn[4:8]


@pytest.mark.parametrize(("examples", "words"), [([], "empty"), ([Example("  ", language="de")], "blank")])
def test_data_that_teach_nothing_are_refused(examples, words):
    with pytest.raises(BadCorpus, match=words):
        next(endless(lambda made, rng: examples, MADE, np.random.default_rng(0)))
