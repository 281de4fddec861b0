"""Token efficiency: hand arithmetic with a byte tokenizer."""

import numpy as np
import pytest

import workbench as wb
from workbench.errors import BadArgument, UnknownLanguage
from workbench.text.corpus import Corpus


def byte_ids(text: str) -> list[int]:
    return list(text.encode())


class Marked:
    """A tokenizer of characters with a start token."""

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        return [0] * add_special_tokens + [ord(letter) for letter in text]


def corpus(**texts: list[str]) -> Corpus:
    return Corpus({code: tuple(rows) for code, rows in texts.items()}, aligned=True, source="test")


def test_bytes_and_words_by_hand():
    result = wb.evaluation.tokenization({"bytes": byte_ids}, corpus(fr=["né e"]))
    cell = result.isel(tokenizer=0, language=0)
    assert (cell.tokens.item(), cell.words.item(), cell.bytes.item()) == (5, 2, 5)
    assert cell.tokens_per_word.item() == 2.5
    assert cell.bytes_per_token.item() == 1


def test_paper_is_a_ratio_of_sums_and_released_a_mean_of_ratios():
    texts = corpus(en=["ab", "a b c d"])
    paper = wb.evaluation.tokenization({"letters": Marked()}, texts)
    assert paper.tokens.values[0, 0].tolist() == [2, 7]
    assert paper.tokens_per_word.item() == (2 + 7) / (1 + 4)
    released = wb.evaluation.tokenization({"letters": Marked()}, texts, variant="released")
    assert released.tokens.values[0, 0].tolist() == [3, 8]
    assert released.tokens_per_word.item() == (3 / 1 + 8 / 4) / 2


def test_parity_and_normalized_length():
    texts = corpus(de=["äb", "cd"], en=["ab", "cd"])
    result = wb.evaluation.tokenization({"bytes": byte_ids, "letters": Marked()}, texts)
    assert result.parity.sel(tokenizer="bytes").values.tolist() == [5 / 4, 1]
    assert result.normalized_length.sel(tokenizer="letters").values.tolist() == [4 / 5, 1]
    assert result.attrs["baseline"] == "bytes"
    assert result.attrs["pivot"] == "en"
    unaligned = Corpus({"de": ("a",), "en": ("b", "c")}, aligned=False, source="test")
    alone = wb.evaluation.tokenization({"bytes": byte_ids}, unaligned)
    assert np.isnan(alone.parity).all()
    assert np.isnan(alone.tokens.values[0, 0]).tolist() == [False, True]


@pytest.mark.parametrize("spelled", ["DE", "deu", "German", "deu_Latn"])
def test_a_pivot_in_any_spelling(spelled):
    texts = corpus(de=["äb", "cd"], en=["ab", "cd"])
    result = wb.evaluation.tokenization({"bytes": byte_ids}, texts, pivot=spelled)
    assert result.parity.values.tolist() == [[1, 4 / 5]] and result.attrs["pivot"] == "de"


@pytest.mark.parametrize("spelled", ["zh-Hant", "zho_Hant", "zh-TW", "zh", "zho", "cmn"])
def test_a_segmenter_for_a_language_in_any_spelling(spelled):
    texts = corpus(**{"en": ["a b"], "zh-Hant": ["你好嗎"]})
    split = wb.evaluation.tokenization({"bytes": byte_ids}, texts, segment={spelled: list})
    assert split.words.sel(language="zh-Hant").item() == 3


def test_no_words_without_spaces_unless_segmented():
    texts = corpus(en=["a b"], zh=["你好"])
    alone = wb.evaluation.tokenization({"bytes": byte_ids}, texts)
    assert np.isnan(alone.words.sel(language="zh")).all()
    assert np.isnan(alone.tokens_per_word.sel(language="zh")).all()
    assert alone.bytes_per_token.sel(language="zh").item() == 1
    split = wb.evaluation.tokenization({"bytes": byte_ids}, texts, segment={"zh": list})
    assert split.tokens_per_word.sel(language="zh").item() == 3


def test_interval_is_the_bootstrap_of_the_ratio():
    rows = ["a" * length + " b" for length in (1, 3, 8, 20)]
    result = wb.evaluation.tokenization({"bytes": byte_ids}, corpus(en=rows), seed=3)
    drawn = np.random.default_rng(3).integers(0, 4, (1000, 4))
    tokens = np.array([len(row) for row in rows])
    ratios = [tokens[draw].sum() / (2 * 4) for draw in drawn]
    assert result.tokens_per_word_low.item() == pytest.approx(np.quantile(ratios, 0.025))
    assert result.tokens_per_word_high.item() == pytest.approx(np.quantile(ratios, 0.975))


def test_a_model_is_a_tokenizer(wrapped):
    model = wrapped("llama")
    result = wb.evaluation.tokenization({"tiny": model}, corpus(en=["the cat"]))
    assert result.tokens.item() == len(model.tokenizer.encode("the cat", add_special_tokens=False))


def test_wrong_arguments():
    texts = corpus(en=["a"])
    with pytest.raises(BadArgument, match="give at least one"):
        wb.evaluation.tokenization({}, texts)
    with pytest.raises(BadArgument, match="baseline"):
        wb.evaluation.tokenization({"bytes": byte_ids}, texts, baseline="llama")
    with pytest.raises(UnknownLanguage, match="pivot='de'"):
        wb.evaluation.tokenization({"bytes": byte_ids}, texts, pivot="de")
    with pytest.raises(BadArgument, match="give a tokenizer"):
        wb.evaluation.tokenization({"bytes": 3}, texts)
    with pytest.raises(BadArgument, match="ids of tokenizers"):
        wb.evaluation.tokenization({"bytes": len}, texts)
