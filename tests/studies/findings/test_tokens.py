"""Findings about tokens, on planted tokenizers and planted relations with accuracy."""

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from workbench.evaluation import efficiency, tokenization
from workbench.studies.findings.evaluation import tokens as findings

TEXTS = {"en": ("aa bb", "cc dd", "ee ff"), "de": ("aaaa bbbb", "cccc dddd", "eeee ffff")}
CORPUS = wb.text.Corpus(TEXTS, aligned=True, source="planted")


def letters(text):
    return list(text.replace(" ", ""))


def words(text):
    return text.split()


def test_a_tokenizer_of_letters_costs_twice_in_the_language_of_longer_words():
    said = findings.parity(tokenization({"letters": letters}, CORPUS))
    assert said.text == "With letters, the same text takes in German 2 (2 to 2) times as many tokens as in English."


def test_the_evenest_tokenizer_is_named_first_and_the_other_way_round():
    for names in ({"letters": letters, "words": words}, {"words": words, "letters": letters}):
        said = findings.parity(tokenization(names, CORPUS))
        assert said.answer == (
            "The cost of the same text differs least between languages with words (no language takes more tokens than "
            "English), and most with letters (German takes 2 times as many tokens as English)."
        )
    assert said.details[-1] == "letters takes 2 to 4 times as many tokens as words, by language."


def test_fertility_and_the_languages_without_spaces():
    corpus = wb.load_corpus({"en": ["aa bb", "cc dd"], "de": ["aaaa bbbb", "cccc dddd"], "ja": ["犬は庭", "家は古い"]})
    said = findings.fertility(tokenization({"letters": letters}, corpus))
    assert (
        said.answer == "With letters, a word takes in German 4 (4 to 4) tokens at most, in English 2 (2 to 2) at least."
    )
    assert said.details[0].startswith("Words are not counted in Japanese")
    table = findings.tokens_table(tokenization({"letters": letters}, corpus))
    assert "tokenizer" not in table and table.loc["German", "tokens per word"] == 4


def relation(within, between, tokenizers=8):
    """Efficiency of tokenizers whose accuracy changes by `within` in a language and by `between` over them."""
    rng = np.random.default_rng(0)
    x = np.linspace(0, 1, tokenizers)[:, None] + np.array([0.0, 5.0, 10.0])
    y = 0.5 + within * (x - x.mean(0)) + between * x.mean(0) + 1e-3 * rng.normal(size=x.shape)
    axes, codes = (
        ("tokenizer", "language"),
        {"language": ["de", "en", "ja"], "tokenizer": list("abcdefgh")[:tokenizers]},
    )
    made = tokenization({"letters": letters}, CORPUS)
    measured = xr.Dataset({"tokens_per_word": (axes, x)}, codes, made.attrs)
    return efficiency(measured, xr.DataArray(y, codes, axes))


@pytest.mark.parametrize(
    ("within", "between", "says"),
    [
        (0.05, -0.02, "but within each language accuracy rises"),
        (-0.05, -0.02, "; within each language accuracy falls"),
        (0.05, 0.02, "; within each language accuracy rises"),
        (0.0, -0.02, "may come from differences between strata"),
    ],
)
def test_each_relation_is_told_from_its_opposite(within, between, says):
    said = findings.efficiency(relation(within, between))
    verb = "accuracy rises with tokens per word" if between > 0 else "accuracy falls as tokens per word rises"
    assert said.answer.startswith(f"Over all 24 points, {verb}") and says in said.answer
    assert ("Simpson" in said.text) == (within * between < 0)


def test_two_tokenizers_show_nothing():
    said = findings.efficiency(relation(0.05, -0.02, tokenizers=2))
    assert said.answer.startswith("Too few tokenizers or distinct values for an interval, so that no relation")
    assert "(no interval)" in said.answer
