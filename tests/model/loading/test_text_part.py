"""The text part of models that read images: the whole model's logits, and edits against plain loops."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
import transformers as hf
from peft import LoraConfig, get_peft_model

from tests.models import VOCABULARY, byte_tokenizer
from workbench import heads, load_corpus, load_model, neurons
from workbench.errors import BrokenModel, WorkbenchWarning

SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
VISION = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 8,
    "patch_size": 4,
}
ROPE = {"rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e4}}
TEXTS = ("Grüße an alle", "Good day", "नमस्ते")


def gemma3(**changes):
    text = hf.Gemma3TextConfig(**SMALL, head_dim=8, query_pre_attn_scalar=8, sliding_window=6, **changes)
    vision = hf.SiglipVisionConfig(**VISION)
    config = hf.Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=4, image_token_index=299)
    return hf.Gemma3ForConditionalGeneration(config)


def llava():
    config = hf.LlavaConfig(
        text_config=hf.LlamaConfig(**SMALL), vision_config=hf.CLIPVisionConfig(**VISION), image_token_index=299
    )
    return hf.LlavaForConditionalGeneration(config)


def qwen2():
    vision = {"depth": 1, "embed_dim": 16, "hidden_size": 32, "num_heads": 2, "patch_size": 4}
    config = hf.Qwen2VLConfig(text_config=SMALL | ROPE, vision_config=vision)
    return hf.Qwen2VLForConditionalGeneration(config)


def qwen2_5():
    vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 24, "out_hidden_size": 32, "num_heads": 2}
    vision |= {"patch_size": 4, "fullatt_block_indexes": [0]}
    config = hf.Qwen2_5_VLConfig(text_config=SMALL | ROPE, vision_config=vision)
    return hf.Qwen2_5_VLForConditionalGeneration(config)


KINDS = {"gemma3": gemma3, "llava": llava, "qwen2": qwen2, "qwen2_5": qwen2_5}


def whole(kind, **changes):
    torch.manual_seed(0)
    module = KINDS[kind](**changes)
    for name, parameter in module.named_parameters():
        if parameter.dim() > 1 and "embed" not in name:
            torch.nn.init.normal_(parameter, std=0.15)
    return module.float().eval()


@pytest.fixture(scope="module", params=list(KINDS))
def pair(request):
    module = whole(request.param)
    with pytest.warns(WorkbenchWarning, match=r"its text part is loaded .* weights that text does not pass"):
        return module, load_model(module, tokenizer=byte_tokenizer())


def logits(module, text):
    ids = torch.tensor([byte_tokenizer()(text)["input_ids"]])
    with torch.no_grad():
        return module(input_ids=ids).logits[0]


def test_its_logits_are_the_whole_models(pair):
    module, model = pair
    batch = model.batch(TEXTS)
    with torch.no_grad():
        actual = model.logits(batch)
    for row, text in enumerate(TEXTS):
        expected = logits(module, text)
        torch.testing.assert_close(actual[row, : len(expected)], expected, atol=1e-5, rtol=1e-5)
    assert model.n_context == 128 and all(model.abilities.values())


def test_a_folder_gives_the_same(pair, tmp_path):
    module, model = pair
    module.save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    with pytest.warns(WorkbenchWarning, match="its text part is loaded"):
        loaded = load_model(tmp_path)
    batch = model.batch(TEXTS)
    with torch.no_grad():
        torch.testing.assert_close(loaded.logits(batch), model.logits(batch), atol=1e-5, rtol=1e-5)
    assert loaded.architecture == model.architecture


def nll(module, text):
    ids = torch.tensor(byte_tokenizer()(text)["input_ids"])
    return float(torch.nn.functional.cross_entropy(logits(module, text)[:-1], ids[1:]))


def test_a_heads_ablation_is_the_plain_loops(pair):
    module, model = pair
    corpus = load_corpus(pd.DataFrame({"de": ["Hallo du", "Guten Tag"], "en": ["Hello there", "Good day"]}))
    delta = heads.ablate(model, corpus, heads=[(1, 2)], progress=False).delta.sel(layer=1, head=2)
    projection = module.model.language_model.layers[1].self_attn.o_proj

    def zero(part, args):
        values = args[0].clone()
        values[..., 16:24] = 0
        return (values,)

    for language in corpus.languages:
        texts = corpus.texts[language]
        before = [nll(module, text) for text in texts]
        handle = projection.register_forward_pre_hook(zero)
        after = [nll(module, text) for text in texts]
        handle.remove()
        wanted = np.mean(after) - np.mean(before)
        tokens = [len(byte_tokenizer()(text)["input_ids"]) - 1 for text in texts]
        weighed = np.average(np.subtract(after, before), weights=tokens)
        value = float(delta.sel(language=language))
        assert min(abs(value - wanted), abs(value - weighed)) < 1e-5


def test_firing_is_the_plain_count(pair):
    module, model = pair
    corpus = load_corpus(pd.DataFrame({"de": ["Hallo du", "Guten Tag"], "en": ["Hello there", "Good day"]}))
    counts = neurons.firing(model, corpus, progress=False)
    for layer in range(3):
        seen = []
        gate = module.model.language_model.layers[layer].mlp.gate_proj
        handle = gate.register_forward_hook(lambda part, args, output, seen=seen: seen.append((output[0] > 0).sum(0)))
        for text in corpus.texts["de"]:
            logits(module, text)
        handle.remove()
        wanted = torch.stack(seen).sum(0).numpy()
        assert abs(counts.fired.sel(language="de", layer=layer).values - wanted).max() <= 1  # a value at zero


def test_a_class_that_computes_something_else_is_refused():
    """Only the causal language model of Gemma 3 has the soft cap; the whole one of transformers ignores it."""
    with pytest.raises(BrokenModel, match=r"Gemma3TextConfig: logits differ by"):
        load_model(whole("gemma3", final_logit_softcapping=0.3), tokenizer=byte_tokenizer())


def test_tied_weights_and_a_second_load():
    module = whole("llava")
    module.lm_head.weight = module.model.language_model.embed_tokens.weight
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WorkbenchWarning)
        first, second = (load_model(module, tokenizer=byte_tokenizer()) for _ in range(2))
    with torch.no_grad():
        both = [model.logits(model.batch(TEXTS[0])) for model in (first, second)]
    torch.testing.assert_close(*both, atol=0, rtol=0)
    part = first.module
    weights = [getattr(p, "original_component", p).weight for p in (part.get_input_embeddings(), part.lm_head)]
    assert weights[0] is weights[1]


def test_an_adapter_of_a_whole_model_has_to_be_merged(tmp_path):
    whole("llava").save_pretrained(tmp_path / "base")
    byte_tokenizer().save_pretrained(tmp_path / "base")
    config = LoraConfig(r=2, target_modules=r".*language_model.*(o|down)_proj", init_lora_weights=False)
    adapted = get_peft_model(whole("llava"), config).eval()
    adapted.save_pretrained(tmp_path / "adapter")
    path = tmp_path / "adapter" / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"base_model_name_or_path": "../base"}))
    with pytest.raises(BrokenModel, match="merge=True"):
        load_model(tmp_path / "adapter")
    with pytest.warns(WorkbenchWarning, match="its text part is loaded"):
        model = load_model(tmp_path / "adapter", merge=True)
    with torch.no_grad():
        merged = model.logits(model.batch(TEXTS[0]))[0]
    torch.testing.assert_close(merged, logits(adapted, TEXTS[0]), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(merged, logits(whole("llava"), TEXTS[0]), atol=1e-2)
