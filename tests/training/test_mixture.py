"""What the model reads, and above all what it never reads."""

import re
from itertools import combinations

import numpy as np
import pytest

from workbench.training.data.mixture import Mixture, Shares, read_lines
from workbench.training.data.prompts import AUTONYMS, LANGUAGES, draw_chains, draw_lines, few_shot, line
from workbench.training.held_out import held_out_directions

ENTRY = re.compile(r'([^\s":-]+): "([a-z]{2})w(\d)"')


def seen_directions(document):
    """All (concept, earlier language, later language) of one document, however far apart the words are."""
    entries = [(number, language) for _, language, number in ENTRY.findall(document)]
    for (first, source), (second, target) in combinations(entries, 2):
        if first == second:
            yield f"concept{first}", source, target


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_held_out_directions_never_appear(words, rng, share):
    held_out = held_out_directions(share=share)
    seen = set()
    for _ in range(300):
        for document in (
            draw_chains(rng, words, held_out, count=3, longest=8),
            draw_lines(rng, words, held_out, count=5, mixed=True),
            draw_lines(rng, words, held_out, count=5, mixed=False),
        ):
            seen |= set(seen_directions(document))
    assert len(seen) > 100
    assert not [direction for direction in seen if held_out(*direction)]


def test_share_and_seed_of_held_out_directions():
    every = [(f"c{k}", a, b) for k in range(30) for a in LANGUAGES for b in LANGUAGES if a != b]
    first, again, other = (held_out_directions(share=0.1, seed=seed) for seed in (0, 0, 1))
    chosen = [direction for direction in every if first(*direction)]
    assert abs(len(chosen) / len(every) - 0.1) < 0.02
    assert chosen == [direction for direction in every if again(*direction)]
    assert chosen != [direction for direction in every if other(*direction)]


def test_lines_read_as_the_issue_writes_them(words):
    dog = {"dog": {"de": "Hund", "fr": "chien"}, "cat": {"de": "Katze", "fr": "chat"}}
    assert line(dog, "dog", "de", "fr") == 'Deutsch: "Hund" - Français: "chien"'
    assert (
        few_shot(dog, "dog", "de", "fr", ["cat"])
        == 'Deutsch: "Katze" - Français: "chat"\nDeutsch: "Hund" - Français: "'
    )


def test_lines_of_one_document_have_one_direction_unless_mixed(words, rng):
    nothing = held_out_directions(share=0.0)
    names = set(AUTONYMS.values())
    one = draw_lines(rng, words, nothing, count=6, mixed=False)
    assert len({name for name, _, _ in ENTRY.findall(one)} & names) == 2
    assert len({number for _, _, number in ENTRY.findall(one)}) == 6


def test_rows_depend_on_seed_and_step_alone(corpus, words, tokenizer):
    lines = read_lines(corpus, LANGUAGES)
    first, second, other = (
        Mixture(tokenizer, lines, words, held_out_directions(), shares=Shares(), seed=seed) for seed in (0, 0, 1)
    )
    rows = first.rows(7, batch=8, length=32)
    second.rows(3, batch=8, length=32)
    assert np.array_equal(rows, second.rows(7, batch=8, length=32))
    assert not np.array_equal(rows, other.rows(7, batch=8, length=32))
    assert (rows[:, 0] == tokenizer.bos_token_id).all()


def test_shares_of_languages_and_prompts(corpus, words, tokenizer, rng):
    lines = {"de": ["a" * 10] * 1000, "fi": ["b" * 10]}
    mixture = Mixture(tokenizer, lines, words, held_out_directions(), shares=Shares(prompts=0.0, power=0.5), seed=0)
    assert mixture.weights[0] / mixture.weights[1] == pytest.approx(1000**0.5)
    assert not any('"' in mixture.document(rng, words, mixture.shares) for _ in range(20))
