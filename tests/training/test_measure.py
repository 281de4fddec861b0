"""Measurements against numbers worked out by hand."""

import math

import numpy as np
import pytest
import torch

from workbench.training.data.compression import ngram_bits_per_byte, xz_bits_per_byte
from workbench.training.data.prompts import few_shot
from workbench.training.held_out import held_out_directions
from workbench.training.measure import bits_per_byte, draw_items, exact_matches, share_in_language
from workbench.training.pretrain import make_model


@pytest.fixture
def flat(recipe, tokenizer):
    """A model that holds every token for equally likely."""
    model = make_model(recipe, tokenizer)
    with torch.no_grad():
        model.model.embed_tokens.weight.zero_()
    return model


@pytest.mark.parametrize("window", [4, 9, 64])
def test_bits_per_byte_of_a_model_that_knows_nothing(flat, tokenizer, window):
    text = "Die Katze schläft.\n猫は木の下で寝ています。"
    tokens = len(tokenizer(text, add_special_tokens=False)["input_ids"])
    expected = tokens * math.log2(len(tokenizer)) / len(text.encode())
    assert bits_per_byte(flat, tokenizer, text, window=window) == pytest.approx(expected, rel=1e-5)


def test_exact_match_is_what_greedy_decoding_writes(recipe, tokenizer, words):
    model = make_model(recipe, tokenizer)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    items = draw_items(words, held_out_directions(), untrained=False, count=6)
    assert exact_matches(model, tokenizer, words, items, shots=1, progress=False) == [False] * 6


def test_exact_match_of_a_model_that_knows_the_answer(tokenizer, words, monkeypatch):
    item = ("concept1", "de", "fr")
    answer = tokenizer(words["concept1"]["fr"] + '"', add_special_tokens=False)["input_ids"]

    class Oracle:
        """Says the answer wherever the prompt ends, and garbage elsewhere."""

        device = "cpu"

        def __call__(self, input_ids, use_cache):
            begin = input_ids.shape[1] - len(answer)
            best = torch.zeros_like(input_ids)
            best[:, begin:] = torch.tensor(answer)
            return type("Output", (), {"logits": torch.nn.functional.one_hot(best, len(tokenizer)).float()})

    assert exact_matches(Oracle(), tokenizer, words, [item], shots=2, progress=False) == [True]
    answer[-1] = tokenizer("x", add_special_tokens=False)["input_ids"][0]
    assert exact_matches(Oracle(), tokenizer, words, [item], shots=2, progress=False) == [False]


def test_items_are_held_out_or_not_as_asked(words):
    held_out = held_out_directions(share=0.3)
    inside = draw_items(words, held_out, untrained=True, count=10_000)
    outside = draw_items(words, held_out, untrained=False, count=10_000)
    assert len(inside) + len(outside) == 6 * 132
    assert all(held_out(*item) for item in inside) and not any(held_out(*item) for item in outside)
    assert few_shot(words, *inside[0], shots=["concept0"]).count("\n") == 1


def test_bigram_by_hand():
    """Counted on 'abab': a 2, b 2; after a: b twice. For 'ab' with the start unseen by the bigram."""
    base = 1 / 1_112_064
    one = (2 + 2 * base) / (4 + 2)
    start = (1 + 1 * one) / (1 + 1)  # the first character of the training text was a, once
    after = (2 + 1 * one) / (2 + 1)
    expected = -(np.log2(start) + np.log2(after)) / 2
    assert ngram_bits_per_byte("abab", "ab", order=2) == pytest.approx(expected)


def test_baselines_price_any_text():
    assert ngram_bits_per_byte("abc", "猫", order=5) > 5
    assert xz_bits_per_byte("a" * 10_000) < 0.2


def test_share_in_language():
    assert share_in_language(["ja", "nein", ""], "de", lambda text: "de" if text else None) == pytest.approx(2 / 3)
