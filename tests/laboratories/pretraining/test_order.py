"""Turns, flips and places, against plain loops and by hand."""

from itertools import islice, pairwise

import numpy as np
import pytest

from workbench.laboratories.pretraining.documents import shipped_sources
from workbench.laboratories.pretraining.order import CONDITIONS, file_documents, file_rows, turns


def places(condition: str, rows: int, count: int) -> list[int]:
    return np.flatnonzero(file_rows(condition, rows, count)).tolist()


def test_rows_by_hand():
    assert places("none", 8, 2) == []
    assert places("first", 8, 2) == [0, 1]
    assert places("last", 8, 2) == [6, 7]
    assert places("last_one_way_back", 8, 3) == [5, 6, 7]
    assert places("spread", 8, 2) == [0, 4]  # F t t t F t t t
    assert places("non_adjacent", 7, 3) == [0, 2, 5]  # 4/3 texts after each: to 1, 3, 4


@pytest.mark.parametrize(("rows", "count"), [(8, 2), (7, 3), (100, 33), (50, 49), (10, 1)])
def test_even_spacing_equals_a_plain_loop(rows, count):
    """File after file, each followed by texts up to its share of them."""
    order, texts = [], 0
    for number in range(count):
        order.append(True)
        upto = round((rows - count) / count * (number + 1))
        order += [False] * (upto - texts)
        texts = upto
    order += [False] * (rows - len(order))
    assert file_rows("spread", rows, count).tolist() == order


def test_files_take_turns_and_the_order_flips_after_a_round():
    files = [[0, 1, 2, 3, 4], [5, 6]]
    taken = list(islice(turns(files, np.random.default_rng(0), turn=2, shuffled=[False, False]), 8))
    assert taken == [
        (0, [0, 1], False),
        (1, [5, 6], False),
        (0, [2, 3], True),
        (0, [4], False),
        (0, [0, 1], True),
        (1, [5, 6], True),
        (0, [2, 3], False),
        (0, [4], True),
    ]


def test_one_way_never_flips():
    for flipped in (False, True):
        stream = turns([[0, 1], [2]], np.random.default_rng(0), turn=1, flips=False, flipped=flipped)
        assert {way for _, _, way in islice(stream, 12)} == {flipped}


def test_every_item_is_read_once_before_any_is_read_again():
    stream = turns([list(range(7)), list(range(7, 12))], np.random.default_rng(0), turn=2)
    first = [item for _, part, _ in islice(stream, 7) for item in part]
    assert sorted(first) == list(range(12)) and first != sorted(first)


@pytest.fixture(scope="module")
def sources():
    return shipped_sources(("de", "en", "fr"))


def read(condition, sources, count=400, **options):
    return list(islice(file_documents(condition, sources, np.random.default_rng(3), **options), count))


def test_pairs_say_their_languages_in_code_order_and_flipped(sources):
    items, documents = sources.items, read("spread", sources)
    for document in documents:
        assert document.text == "\n".join(f"{code}: {items.at[document.item, code]}" for code in document.languages)
    assert {document.languages for document in documents} == {("de", "en"), ("en", "de"), ("en", "fr"), ("fr", "en")}
    assert {document.languages for document in read("last_one_way", sources)} == {("de", "en"), ("en", "fr")}
    assert {document.languages for document in read("last_one_way_back", sources)} == {("en", "de"), ("fr", "en")}


def test_monolingual_says_nothing_in_two_languages(sources):
    spoken: dict[int, set[str]] = {}
    for document in read("monolingual", sources):
        assert len(document.languages) == 1
        spoken.setdefault(document.item, set()).update(document.languages)
    assert len(spoken) == len(sources.items)
    assert {len(codes) for codes in spoken.values()} == {1}


def test_non_adjacent_says_the_same_as_pairs_but_never_side_by_side(sources):
    whole = 20 * sum(len(sources.file(pair)) for pair in sources.pairs)  # twenty times everything
    apart, pairs = read("non_adjacent", sources, 2 * whole), read("spread", sources, whole)
    assert all(len(document.languages) == 1 for document in apart)
    assert all(a.item != b.item for a, b in pairwise(apart))
    split = sorted((document.item, code) for document in pairs for code in document.languages)
    assert sorted((document.item, document.languages[0]) for document in apart) == split


def test_words_that_are_held_out_from_a_file_are_never_in_it(sources):
    first = len(sources.sentences)
    for condition in CONDITIONS[2:]:
        for document in read(condition, sources, 300):
            if len(document.languages) == 2 and document.item >= first:
                assert sources.trained(document.item - first, *document.languages)


def test_as_released_only_the_last_file_is_shuffled(sources):
    own = [sources.file(pair) for pair in sources.pairs]
    order = [[], []]
    for document in read("last", sources, sum(map(len, own)), released=True):
        order[sorted(document.languages) == ["en", "fr"]].append(document.item)
    assert order[0] == own[0]
    assert order[1] != own[1] and sorted(order[1]) == own[1]
