import numpy as np
import pytest
import torch
import xarray as xr

import workbench as wb
from tests.lens.test_language import OPTIONS, WORDS
from tests.models import byte_tokenizer, tiny
from tests.oracles import lens as oracle
from tests.oracles.patching import states
from workbench.errors import BadArgument
from workbench.model.load import load_model
from workbench.text.corpus import Corpus
from workbench.text.words import translation_prompts

TEXTS = Corpus(
    {code: tuple(f"{code} {i} the cat {i * 7 % 5} sat {code * 2}" for i in range(12)) for code in ("de", "fr")},
    aligned=False,
    source="made",
)


@pytest.fixture(scope="module")
def llama():
    return load_model(tiny("llama"), tokenizer=byte_tokenizer())


@pytest.fixture(scope="module")
def tuned(llama):
    return wb.lens.tune(llama, TEXTS, steps=60, rate=3e-3, progress=False)


def test_without_training_it_is_the_logit_lens_by_a_loop(llama):
    result = wb.lens.tune(llama, TEXTS, steps=0, progress=False)
    np.testing.assert_array_equal(result.kl, result.kl_logit)
    assert not result.weight.any()
    module, tokenizer = tiny("llama"), byte_tokenizer()
    per_text = []
    for text in (text for texts in TEXTS.texts.values() for text in texts):
        found = states(module, tokenizer(text)["input_ids"])
        truth = torch.stack([oracle.head(module, one).log_softmax(0) for one in found[-1]])
        row = []
        for layer in found[:-1]:
            guess = torch.stack([oracle.head(module, one).log_softmax(0) for one in layer])
            row.append(float((truth.exp() * (truth - guess)).sum(-1).mean()))
        per_text.append(row)
    low, high = np.min(per_text, 0), np.max(per_text, 0)  # some of these texts were held out
    assert ((low - 1e-5 <= result.kl_logit.values) & (result.kl_logit.values <= high + 1e-5)).all()


def test_on_held_out_texts_it_is_nearer_to_the_output(tuned):
    assert (tuned.kl < tuned.kl_logit).all()
    assert float(tuned.kl_high[-1]) < float(tuned.kl_logit_low[-1])
    assert tuned.weight.dims == ("layer", "dimension", "given")


def test_readings_are_those_of_the_map_by_a_loop_and_the_output_stays(llama, tuned, tmp_path):
    kept = wb.load_result(wb.save_result(tuned, tmp_path / "lens.nc"))
    xr.testing.assert_identical(kept, tuned)
    result = wb.lens.by_language(llama, WORDS, **OPTIONS, tuned=kept, languages=["de", "fr"])
    plain = wb.lens.by_language(llama, WORDS, **OPTIONS, languages=["de", "fr"])
    np.testing.assert_array_equal(result.probability[:, -1], plain.probability[:, -1])
    module, tokenizer = tiny("llama"), byte_tokenizer()
    prompts = translation_prompts(WORDS, source="en", target="de", shots=1)
    for concept, prompt in prompts.items():
        found = states(module, tokenizer(prompt)["input_ids"])
        wanted = tokenizer(WORDS.loc[concept, "de"], add_special_tokens=False)["input_ids"][0]
        for layer in range(3):
            state = found[layer][-1]
            state = state + torch.tensor(tuned.weight.values[layer]) @ state + torch.tensor(tuned.bias.values[layer])
            expected = float(oracle.head(module, state).softmax(0)[wanted])
            value = float(result.concept_probability.sel(concept=concept, language="de", layer=layer))
            assert value == pytest.approx(expected, abs=1e-5)


def test_the_model_is_left_as_it_was_and_seeds_repeat(llama, tuned):
    assert all(parameter.grad is None for parameter in llama.module.parameters())
    again = wb.lens.tune(llama, TEXTS, steps=60, rate=3e-3, progress=False)
    np.testing.assert_array_equal(again.weight, tuned.weight)
    other = load_model(tiny("qwen3"), tokenizer=byte_tokenizer())
    wrong = tuned.isel(layer=slice(0, 2))
    with pytest.raises(BadArgument, match=r"of 2 layers and width 32; .* has 3 and 32"):
        wb.lens.by_language(other, WORDS, **OPTIONS, tuned=wrong)


def test_refusals(llama):
    for options in ({"steps": -1}, {"rows": 0}, {"held_out": 1.0}, {"rate": 0}, {"batch_size": 0}):
        with pytest.raises(BadArgument):
            wb.lens.tune(llama, TEXTS, progress=False, **options)
    with pytest.raises(BadArgument, match="2 texts are too few"):
        wb.lens.tune(llama, Corpus({"de": ("abc", "abd")}, aligned=False, source="two"), progress=False)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "cohere", "opt"])
def test_entropy_and_rank_by_a_loop(kind):
    module, tokenizer = tiny(kind), byte_tokenizer()
    model = load_model(tiny(kind), tokenizer=tokenizer)
    result = wb.lens.depth(model, WORDS, **OPTIONS)
    for concept, prompt in translation_prompts(WORDS, source="en", target="de", shots=1).items():
        answer = tokenizer(WORDS.loc[concept, "de"], add_special_tokens=False)["input_ids"][0]
        for layer, found in enumerate(states(module, tokenizer(prompt)["input_ids"])):
            p = oracle.head(module, found[-1]).double().softmax(0)
            cell = result.sel(concept=concept, layer=layer)
            assert cell.concept_entropy == pytest.approx(float(-(p * p.log()).sum()), abs=1e-5)
            assert cell.concept_rank == 1 + sum(float(one) > float(p[answer]) for one in p)
    np.testing.assert_allclose(result["rank"], np.exp(np.log(result.concept_rank).mean("concept")))
    np.testing.assert_allclose(result.entropy, result.concept_entropy.mean("concept"))
    assert (result.rank_low <= result["rank"]).all()
