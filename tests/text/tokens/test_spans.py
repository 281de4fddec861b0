"""Borders in characters, counts in tokens: against the bytes that each token stands for."""

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tests.borders import before, merging
from workbench.text.tokens.spans import Divider, last_token, until, within

TEXTS = ("Question: sky? Answer: blue sky", "Frage: 日本 😀? Antwort: blauer Himmel", " blue: he", "ab")


class Slow:
    """A tokenizer that does not say where its tokens come from."""

    is_fast = False

    def __init__(self, inner):
        self.inner, self.all_special_ids = inner, inner.all_special_ids

    def __call__(self, text, **options):
        return {"input_ids": self.inner(text, **options)["input_ids"]}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("trim", [True, False])
@pytest.mark.parametrize("template", ["$A", "<bos> $A", "<eos> <unk> $A <eos>"])
def test_every_border_divides_the_bytes(text, trim, template):
    tokenizer = merging(template, trim=trim)
    divide = Divider(tokenizer)
    whole = tokenizer(text)["input_ids"]
    for border in range(1, len(text) + 1):
        ids, count = divide(text, border)
        assert ids == whole[: len(whole) - template.count("> <eos>") - template.count("$A <eos>")]
        assert count == min(before(tokenizer, text, border), len(ids))


def test_a_token_across_the_border_belongs_to_what_follows():
    tokenizer = merging("$A")
    for text, border, rest in (
        ("Answer: yes", 7, ": yes"),  # ": " is one token
        ("Answer: yes", 8, "yes"),
        ("Answer: blue", 7, " blue"),  # " bl" is one
        ("Answer: blue", 8, " blue"),
        ("Answer: blue", 9, " blue"),
        ("Answer: blue", 10, "ue"),
    ):
        ids, count = Divider(tokenizer)(text, border)
        assert tokenizer.decode(ids[count:]) == rest


@pytest.mark.parametrize("prepend", ["first", "never"])
def test_spaces_that_are_letters_of_the_token(prepend):
    """SentencePiece: a space is the first letter of the word's token, and what is not in the vocabulary is bytes."""
    letters = ["<unk>", *(f"<0x{i:02X}>" for i in range(256)), *"Ablnrswequ:▁", "▁b", "▁bl", "▁▁"]
    merges = [("▁", "b"), ("▁b", "l"), ("▁", "▁")]
    vocabulary = {token: i for i, token in enumerate(letters)}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>", byte_fallback=True))
    inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=prepend, split=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<unk>")
    for text, border, rest in (
        ("Answer: blue", 7, ["▁bl", "u", "e"]),
        ("Answer: blue", 8, ["▁bl", "u", "e"]),
        ("q:  bl", 3, ["▁bl"]),
        ("q: é bl", 3, ["<0xC3>", "<0xA9>", "▁bl"]),
        ("q: é bl", 5, ["▁bl"]),
    ):
        ids, count = Divider(tokenizer)(text, border)
        assert tokenizer.convert_ids_to_tokens(ids[count:]) == rest


def test_a_tokenizer_without_characters_is_compared_with_itself():
    tokenizer = merging("<eos> $A <eos>", merges=(("Ġ", "b"), ("Ġb", "l")))
    text = "Answer: blue"
    for border in (4, 7, 8, 9, 12):
        assert Divider(Slow(tokenizer))(text, border) == Divider(tokenizer)(text, border)


@pytest.mark.parametrize("wrap", [lambda one: one, Slow])
def test_a_word_has_been_read_at_its_last_token(wrap):
    tokenizer = merging("<bos> $A <eos>")  # the last letters of Hund and the quote are one token
    text = 'A: "Hund" - B: "'
    place = last_token(wrap(tokenizer), text, text.index("d") + 1)
    assert tokenizer.decode([tokenizer(text)["input_ids"][place]]) == 'nd"'
    place = last_token(wrap(tokenizer), text, text.index("u") + 1)
    assert tokenizer.decode([tokenizer(text)["input_ids"][place]]) == "u"
    assert tokenizer.decode([tokenizer("a b c")["input_ids"][last_token(wrap(tokenizer), "a b c", 5)]]) == "c"


def test_the_parts_of_a_text_leave_nothing_out():
    characters = [(0, 0), (0, 1), (1, 3), (3, 3), (2, 5), (5, 6)]
    assert [until(characters, border) for border in range(7)] == [1, 2, 2, 4, 4, 5, 6]
    assert list(within(characters, 2, 5)) == [2, 3, 4]
