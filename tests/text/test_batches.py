import warnings

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from tests.models import byte_tokenizer
from workbench.errors import BadArgument, BadCorpus, TooLarge, WorkbenchWarning
from workbench.text.batches import Encoded, batches, encode, pad
from workbench.text.corpus import Corpus

WORDS = ["<pad>", "<s>", "</s>", "a", "b", "c", "d"]


def tokenizer(template):
    inner = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<pad>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    inner.post_processor = processors.TemplateProcessing(template, special_tokens=[("<s>", 1), ("</s>", 2)])
    return PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>", pad_token="<pad>")


CORPUS = Corpus({"de": ("a b c", "d"), "en": ("b a",)}, False, "test")


def ids(template, corpus=CORPUS, **options):
    return [
        text.ids for text in encode(tokenizer(template), corpus, max_length=options.pop("max_length", 8), **options)
    ]


def test_begin_is_there_exactly_when_the_tokenizer_adds_it():
    assert ids("<s> $A") == [[1, 3, 4, 5], [1, 6], [1, 4, 3]]
    assert ids("$A", CORPUS.limit(1)) == [[3, 4, 5], [4, 3]]


def test_an_appended_end_is_taken_off_and_a_written_one_kept():
    assert ids("<s> $A </s>") == [[1, 3, 4, 5], [1, 6], [1, 4, 3]]
    written = Corpus({"de": ("a </s>",)}, False, "test")
    assert ids("<s> $A </s>", written) == [[1, 3, 2]]
    assert ids("<s> $A", written) == [[1, 3, 2]]


def test_languages_and_rows_are_kept():
    encoded = encode(tokenizer("<s> $A"), CORPUS, max_length=8)
    assert [(text.language, text.row) for text in encoded] == [("de", 0), ("de", 1), ("en", 0)]


def test_a_text_longer_than_the_context_is_refused_or_cut():
    with pytest.raises(TooLarge, match=r"text 0 in 'de' has 4 tokens, the model takes 3; truncate=True would cut it"):
        ids("<s> $A", max_length=3)
    nameless = Corpus({"": CORPUS.texts["de"]}, aligned=False, source="texts")
    with pytest.raises(TooLarge, match=r"^text 0 has 4 tokens, the model takes 3; shorten it$"):
        encode(tokenizer("<s> $A"), nameless, max_length=3)
    assert ids("<s> $A", max_length=3, truncate=True) == [[1, 3, 4], [1, 6], [1, 4, 3]]
    assert ids("<s> $A </s>", max_length=4) == [[1, 3, 4, 5], [1, 6], [1, 4, 3]]


def test_a_text_without_anything_to_predict_is_refused():
    with pytest.raises(BadCorpus, match=r"text 1 in 'de' has 1 token"):
        ids("$A")


def test_padding_on_either_side():
    right, mask = pad([[5, 6], [7]], 0)
    assert right.tolist() == [[5, 6], [7, 0]]
    assert mask.tolist() == [[1, 1], [1, 0]]
    left, mask = pad([[5, 6], [7]], 9, "left")
    assert left.tolist() == [[5, 6], [9, 7]]
    assert mask.tolist() == [[1, 1], [0, 1]]
    assert left.dtype == mask.dtype == torch.int64
    with pytest.raises(BadArgument, match="'left' or on the 'right'"):
        pad([[1]], 0, "both")


def test_batches_are_sorted_by_length_and_lose_nothing():
    encoded = [
        Encoded(list(range(1, n + 1)), code, row)
        for row, (n, code) in enumerate([(5, "a"), (2, "b"), (3, "a"), (2, "c"), (4, "a")])
    ]
    found = list(batches(encoded, batch_size=2, pad_id=0))
    assert [batch.rows for batch in found] == [(1, 3), (2, 4), (0,)]
    assert [batch.languages for batch in found] == [("b", "c"), ("a", "a"), ("a",)]
    assert [batch.lengths.tolist() for batch in found] == [[2, 2], [3, 4], [5]]
    assert found[1].ids.tolist() == [[1, 2, 3, 0], [1, 2, 3, 4]]
    assert [len(batch) for batch in found] == [2, 2, 1]
    left = list(batches(encoded, batch_size=2, pad_id=0, side="left"))
    assert left[1].ids.tolist() == [[0, 1, 2, 3], [1, 2, 3, 4]]
    with pytest.raises(BadArgument, match="batch_size=0"):
        next(batches(encoded, batch_size=0, pad_id=0))


def test_a_batch_moves_as_a_whole():
    batch = next(batches([Encoded([1, 2], "a", 0)], batch_size=1, pad_id=0)).to("meta")
    assert batch.ids.device.type == batch.mask.device.type == "meta"
    assert batch.languages == ("a",)


def test_texts_that_spell_special_tokens_are_named():
    tokenizer = byte_tokenizer()
    bos, eos = tokenizer.bos_token, tokenizer.eos_token
    corpus = Corpus({"de": (f"Hallo {eos} du", "Guten Tag", f"{bos} Hallo")}, aligned=True, source="test")
    with pytest.warns(WorkbenchWarning, match=rf"2 texts spell out special tokens.*text 0 in 'de': {eos}"):
        encode(tokenizer, corpus, max_length=99)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encode(tokenizer, Corpus({"de": ("Guten Tag",)}, aligned=True, source="test"), max_length=99)
