"""Pieces joined are the text, whatever a decoder does with bytes that are no character yet."""

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tests.models import byte_tokenizer
from workbench.text.tokens.pieces import pieces

TEXTS = ["𓀀𓀁𓀂", "𠀀𠀁 是字", "plain text", "नमस्ते दुनिया", "a\0b", "é𓀀é", "👩‍👩‍👧"]


def falls_back():
    """A tokenizer of a few letters; everything else becomes bytes, which are decoded only when they are complete."""
    vocabulary = {"<unk>": 0, **{f"<0x{byte:02X}>": byte + 1 for byte in range(256)}}
    vocabulary |= {letter: 257 + i for i, letter in enumerate("▁abcdefghijklmnopqrstuvwxyz是字")}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>", byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="never")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("tokenizer", [falls_back(), byte_tokenizer(bos=False)], ids=["fallback", "bytes"])
def test_joined_they_are_the_text(tokenizer, text):
    ids = tokenizer(text)["input_ids"]
    found = pieces(tokenizer, ids)
    assert len(found) == len(ids) and "".join(found) == text
    assert all(len(piece.encode()) <= 4 for piece in found)


def test_a_character_belongs_to_the_token_that_completes_it():
    assert pieces(falls_back(), falls_back()("a𓀀𓀁b")["input_ids"]) == ["a", "", "", "", "𓀀", "", "", "", "𓀁", "b"]


def test_a_text_that_was_cut_within_a_character():
    tokenizer = falls_back()
    ids = tokenizer("是𓀀𓀁")["input_ids"][:-2]
    assert "".join(pieces(tokenizer, ids)) == tokenizer.decode(ids)


def test_special_tokens_by_their_names():
    assert pieces(byte_tokenizer(), byte_tokenizer()("ab")["input_ids"]) == ["<bos>", "a", "b"]
