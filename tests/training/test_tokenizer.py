"""The tokenizer loses nothing and marks the beginning itself."""

import pytest
from transformers import AutoTokenizer

from tests.training.conftest import SAMPLE
from workbench.training.data.prompts import AUTONYMS, ask

HARD = [
    "",
    " ",
    "  two  spaces\n\n\ttab ",
    "l'eau d’où don't",
    "ｆｕｌｌ １２３ ١٢٣ १२३",
    "👩‍👩‍👧 \u200d\u200c",
    "x\u0301 é",
    '"a" - "b": "',
]


@pytest.mark.parametrize("text", [*SAMPLE.values(), *AUTONYMS.values(), *HARD, "ελληνικά ไทย 한국어 עברית ქართული"])
def test_any_text_survives_the_round_trip(tokenizer, text):
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text


def test_special_tokens_are_distinct_and_only_the_beginning_is_added(tokenizer):
    ids = tokenizer("abc")["input_ids"]
    assert ids[0] == tokenizer.bos_token_id == 0
    assert len({tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}) == 3
    assert tokenizer.eos_token_id not in ids


def test_question_and_answer_meet_at_a_token_boundary(tokenizer):
    question = ask("dew1", "de", "fr")
    whole = tokenizer(f'{question}frw1"')["input_ids"]
    prompt = tokenizer(question)["input_ids"]
    assert whole[: len(prompt)] == prompt
    assert whole[len(prompt) : -1] == tokenizer("frw1", add_special_tokens=False)["input_ids"]


def test_a_saved_tokenizer_loads_as_it_was(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    for text in [*SAMPLE.values(), *HARD]:
        assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert loaded.pad_token_id == tokenizer.pad_token_id
