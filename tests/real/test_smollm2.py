"""SmolLM2 135M Instruct: the free one, tuned for chat."""

import pytest
import torch

import workbench as wb
from workbench import packaged
from workbench.model.forward.generate import generate
from workbench.text.corpus import Corpus

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("smollm2")]
NAME = "smollm2-135m-instruct"


@pytest.fixture(scope="module")
def model():
    return wb.load_model(NAME)


def test_it_loads_whole(model):
    assert all(model.abilities.values())
    assert model.info["revision"] == f"gguf:{packaged.MODELS[NAME].sha256}"
    assert (model.n_layers, model.n_heads, model.n_vocabulary) == (30, 9, 49152)
    assert not model.adds_bos


def test_tokens_come_back_and_digits_stand_alone(model):
    for text in ("  two  spaces ", "नमस्ते २०२४", "Grüße 12345", "日本語 🙂"):
        assert model.tokenizer.decode(model.tokenizer(text).input_ids) == text
    assert [model.tokenizer.decode([token]) for token in model.tokenizer("12345").input_ids] == list("12345")


def test_it_answers_in_its_own_template(model):
    question = [{"role": "user", "content": "What is the capital of France?"}]
    prompt = model.tokenizer.apply_chat_template(question, tokenize=False, add_generation_prompt=True)
    assert prompt.startswith("<|im_start|>system\nYou are a helpful AI assistant named SmolLM")
    assert prompt.endswith("<|im_start|>assistant\n")
    encoded = model.encode(Corpus({"en": (prompt,)}, aligned=False, source="test"))
    with torch.no_grad():
        assert "Paris" in generate(model, encoded, tokens=12, batch_size=1)[0]
