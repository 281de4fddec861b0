"""What a token alone says of its language, and what it does not."""

import pytest

from tests.models import byte_tokenizer
from workbench.errors import BadArgument
from workbench.text.tokens.language import script, token_language
from workbench.text.tokens.pieces import token_texts


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("und", "Latin"),
        ("и", "Cyrillic"),
        ("東京", "Han"),
        ("です", "Kana"),
        ("食べる", "Kana"),
        ("هر", "Arabic"),
        ("हिन्दी", "Devanagari"),
        ("ไทย", "Thai"),
        ("aи", "mixed"),
        ("12, ", "unknown"),
        ("", "unknown"),
        ("\ufffd", "unknown"),
    ],
)
def test_scripts(text, name):
    assert script(text) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (" Hund", "de"),
        ("Hund", "Latin"),  # may be the end of a longer word
        (" chien", "fr"),
        (" Hun", "Latin"),
        (" hotel", "Latin"),  # a word of several languages
        (" хлеб", "ru"),
        ("水", "Han"),  # Chinese and Japanese
        (" 12", "unknown"),
        ("</h5>", "unknown"),
        ("<E381>", "unknown"),
    ],
)
def test_a_word_of_one_language_alone_is_that_languages(text, name):
    assert token_language()(text) == name


def test_an_identifier_of_ones_own_answers_first():
    of = token_language({"Hund": "nl"}.get)
    assert [of("Hund"), of(" Hund"), of(" Katze"), of("")] == ["nl", "nl", "Latin", "unknown"]
    with pytest.raises(BadArgument, match="identify returned 3"):
        token_language(lambda text: 3)("Hund")


def test_tokens_alone_keep_their_space_and_name_their_bytes():
    tokenizer = byte_tokenizer(bos=False)
    assert token_texts(tokenizer, tokenizer("a é")["input_ids"]) == ["a", " ", "<C3>", "<A9>"]

    class Pieces:
        """As SentencePiece: a decoder that strips the space of a first token, and bytes by name."""

        def convert_ids_to_tokens(self, ids):
            return [["\u2581Der", "<0xE3>", "x"][one] for one in ids]

        def decode(self, ids, **options):
            return ["Der", "\ufffd", "x"][ids[0]]

    assert token_texts(Pieces(), [0, 1, 2]) == [" Der", "<E3>", "x"]
