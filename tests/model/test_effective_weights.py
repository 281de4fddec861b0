"""Effective weights: of norms and projections, as stored, and with adapters against the same model merged."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
import transformers as hf
from peft import LoraConfig, get_peft_model

from tests.models import VOCABULARY, byte_tokenizer, tiny
from workbench import heads, load_corpus, load_model, load_pairs, neurons, patching
from workbench.errors import UnsupportedSite
from workbench.heads.removal.pruned_checkpoint import save_scaled, save_smaller
from workbench.model import effective_weights
from workbench.model.effective_weights import norm_scale

CORPUS = load_corpus(pd.DataFrame({"en": ["Hello there", "Good day"], "de": ["Hallo du", "Guten Tag"]}))
PAIRS = load_pairs([{"source": "Rome is in", "target": "Bonn is in", "answer": "Italy", "foil": "Germany"}])


def neo():
    torch.manual_seed(0)
    config = hf.GPTNeoConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        num_layers=2,
        num_heads=4,
        max_position_embeddings=128,
        attention_types=[[["global", "local"], 1]],
        window_size=4,
        bos_token_id=1,
        eos_token_id=2,
    )
    module = hf.AutoModelForCausalLM.from_config(config).float()
    for name, parameter in module.named_parameters():
        if parameter.dim() > 1 and "embed" not in name:
            torch.nn.init.normal_(parameter, std=0.15)
    return module.eval()


@pytest.mark.parametrize("kind", ["llama", "gemma3", "cohere", "gpt2", "mistral"])
def test_a_norms_scale_is_what_its_formula_gives(kind, wrapped):
    model = wrapped(kind)
    stored = model.bridge.ln_final.original_component.weight.detach()
    scale, centred = model.norm_scale()
    torch.testing.assert_close(scale, 1 + stored if kind == "gemma3" else stored, atol=1e-5, rtol=1e-5)
    assert centred == (kind in ("cohere", "gpt2"))


@pytest.mark.parametrize("width", [32, 33])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_norms_scale_of_any_width_and_type(width, dtype):
    for norm, centred in ((torch.nn.LayerNorm(width), True), (torch.nn.RMSNorm(width), False)):
        with torch.no_grad():
            norm.weight.copy_(torch.randn(width, generator=torch.Generator().manual_seed(1)))
            if centred:
                norm.bias.fill_(0.5)
        norm = norm.to(dtype)
        scale = norm_scale(norm, width, norm.weight)
        torch.testing.assert_close(scale[0], norm.weight.detach().float(), atol=2e-2, rtol=2e-2)
        assert scale[1] == centred


def test_what_is_no_norm_is_refused():
    for other in (torch.nn.Tanh(), torch.nn.Identity(), torch.nn.Linear(32, 32)):
        with pytest.raises(UnsupportedSite, match="last norm"):
            norm_scale(other, 32, torch.zeros(1))


def both(module, targets):
    """The Model of a module with adapters in place, and of the same merged."""
    torch.manual_seed(1)
    config = LoraConfig(
        r=4,
        target_modules=targets,
        init_lora_weights=False,
        task_type="CAUSAL_LM",
        fan_in_fan_out=isinstance(module, hf.GPT2LMHeadModel),
    )
    adapted = get_peft_model(module, config).eval()
    merged = copy.deepcopy(adapted).merge_and_unload().eval()
    tokenizer = byte_tokenizer()
    return load_model(adapted.get_base_model(), tokenizer=tokenizer), load_model(merged, tokenizer=tokenizer)


@pytest.mark.parametrize(
    ("make", "targets"),
    [
        (lambda: tiny("llama"), ["o_proj", "down_proj", "q_proj"]),
        (lambda: tiny("gpt2"), ["c_proj"]),
        (neo, ["out_proj", "c_proj"]),
    ],
    ids=["llama", "gpt2", "neo"],
)
def test_with_adapters_every_method_gives_the_merged_models_values(make, targets):
    adapted, merged = both(make(), targets)
    assert adapted.abilities == merged.abilities
    for layer in range(adapted.n_layers):
        torch.testing.assert_close(adapted.output_weight(layer), merged.output_weight(layer), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(adapted.down_weight(layer), merged.down_weight(layer), atol=1e-5, rtol=1e-5)
        assert adapted.down_weight(layer).shape == (adapted.n_neurons, adapted.d_model)
    for method in (
        lambda model: heads.ablate(model, CORPUS, progress=False).delta,
        lambda model: heads.knockout(model, CORPUS, {"x": [(0, 1), (1, 2)]}, progress=False).delta,
        lambda model: patching.sweep(model, PAIRS, site="head", progress=False).effect,
        lambda model: neurons.plnd(model, CORPUS, progress=False).impact,
        lambda model: neurons.look(model, CORPUS, 0, 3, progress=False).promoted_by,
    ):
        actual, expected = (method(model).values for model in (adapted, merged))
        np.testing.assert_allclose(actual, expected, atol=1e-5 * max(1, np.nanmax(abs(expected))))
        assert np.nanmax(abs(expected)) > 1e-3


def test_a_smaller_checkpoint_is_not_written_of_adapters(tmp_path):
    adapted, merged = both(tiny("llama"), ["o_proj"])
    for write in (
        lambda model: save_smaller(model, [(0, 1)], tmp_path / "small"),
        lambda model: save_scaled(model, np.full((3, 4), 0.5), tmp_path / "scaled"),
    ):
        with pytest.raises(UnsupportedSite, match=r"adapters that are not merged.*merge=True"):
            write(adapted)
        assert write(merged).difference < 1e-4


def test_effective_weights_are_what_the_module_does():
    linear = torch.nn.Linear(5, 3)
    assert torch.equal(effective_weights.effective_weight(linear, 5), linear.weight.t())

    class Adapted(torch.nn.Linear):
        def forward(self, x):
            return super().forward(x) + x @ torch.full((5, 3), 0.5)

    adapted = Adapted(5, 3)
    torch.testing.assert_close(effective_weights.effective_weight(adapted, 5), adapted.weight.t() + 0.5)
    assert effective_weights.linear_error(adapted, 5) < 1e-6

    class Bent(torch.nn.Linear):
        def forward(self, x):
            return super().forward(x).relu()

    assert effective_weights.linear_error(Bent(5, 3), 5) > 0.1
