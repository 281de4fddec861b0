import math

import numpy as np
import pytest
import torch

import workbench as wb
from tests.laboratories.cases import CONCEPTS, WORDS, base, materials
from workbench.errors import BadArgument, UnknownLanguage
from workbench.laboratories.bench import Plain

answer_bits = wb.laboratories.answer_bits


def plain_bits(module, tokenizer, prompt, answer):
    """One answer at a time, one token after the other."""
    ids = tokenizer(prompt)["input_ids"]
    bits = 0.0
    for token in tokenizer(answer, add_special_tokens=False)["input_ids"]:
        with torch.no_grad():
            logits = module(input_ids=torch.tensor([ids])).logits[0, -1].double()
        bits -= torch.log_softmax(logits, -1)[token].item() / math.log(2)
        ids = [*ids, token]
    return bits


def test_bits_equal_a_plain_loop():
    made, module = materials(), base()
    measure = answer_bits(made, directions=[("de", "fr"), ("fr", "en")], name="mine")
    values = measure(Plain(module, made.tokenizer))
    expected = {
        "fr": [
            plain_bits(module, made.tokenizer, f'({WORDS.at[c, "de"]}) = Français? "', WORDS.at[c, "fr"] + '"')
            for c in CONCEPTS[:2]
        ],
        "en": [
            plain_bits(module, made.tokenizer, f'({WORDS.at[c, "fr"]}) = English? "', WORDS.at[c, "en"] + '"')
            for c in CONCEPTS[:2]
        ],
    }
    for language, bits in expected.items():
        np.testing.assert_allclose(np.sort(values.sel(language=language)), np.sort(bits), rtol=1e-4)
    assert (values.name, values.attrs["better"], values.attrs["units"]) == ("mine", "lower", "bits per answer")


def test_only_held_out_words_and_no_more_than_the_limit():
    made = materials()
    values = answer_bits(made, form="line", limit=1)(Plain(base(), made.tokenizer))
    assert values.sizes == {"language": 3, "sample": 2}  # from each of the two other languages
    everything = answer_bits(made, limit=50)(Plain(base(), made.tokenizer))
    assert everything.sizes == {"language": 3, "sample": 4}


@pytest.mark.parametrize(
    ("directions", "error", "message"),
    [
        ([], BadArgument, "directions is empty"),
        (["de"], BadArgument, "directions has 'de'; give pairs"),
        ([("de", "de")], BadArgument, "2 or more different languages"),
        ([("de", 3)], BadArgument, "give pairs of language codes"),
        ([("de", "tr")], UnknownLanguage, r"'tr' is not among the words \(has: de, en, fr\)"),
    ],
)
def test_bad_directions(directions, error, message):
    with pytest.raises(error, match=message):
        answer_bits(materials(), directions=directions)
