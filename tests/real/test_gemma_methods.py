"""Each family of methods on Gemma 3 270M, against plain loops on transformers' own module."""

import numpy as np
import pytest
import torch

import workbench as wb
from tests.oracles import firing as firing_oracle
from tests.oracles import heads as heads_oracle
from tests.oracles import lens as lens_oracle
from tests.oracles import patching as patching_oracle
from workbench.model.forward.generate import generate
from workbench.text.corpus import Corpus
from workbench.text.pairs import Pair, Pairs, first_tokens
from workbench.text.words import translation_prompts

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("gemma")]
SIZE = 1e-5  # of the largest logit, about 200: what single precision leaves
HEADS = [(0, 3), (5, 1), (11, 2)]  # of the first layer, and of two that look at everything
TWO = ("en", "hi")
CAPITALS = {
    "ar": ("عاصمة مصر هي", "القاهرة"),
    "en": ("Paris is the capital of", "France"),
    "hi": ("भारत की राजधानी", "दिल्ली"),
    "ru": ("Москва — столица", "России"),
    "zh": ("北京是中国的", "首都"),
}


def corpus(sentences, languages=TWO, count=2):
    return Corpus({language: tuple(sentences[language][:count]) for language in languages}, aligned=True, source="test")


def test_everything_can_be_done(model):
    assert set(model.abilities) >= {"head", "pattern", "neuron", "fused", "restart"} and all(model.abilities.values())
    assert max(size for part, size in model.parity.items() if part != "logit_scale") < 1e-2
    assert (model.n_layers, model.n_heads, model.d_head, model.n_vocabulary) == (18, 4, 256, 262144)


def test_logits_are_those_of_hugging_face(model, plain, sentences, ids):
    batch = model.batch([rows[0] for rows in sentences.values()])
    found = model.logits(batch)
    for row, (language, texts) in enumerate(ids.items()):
        with torch.no_grad():
            wanted = plain(torch.tensor([texts[0]])).logits[0]
        difference = (found[row][batch.mask[row].bool()] - wanted).abs().max()
        assert difference < SIZE * wanted.abs().max(), language


def test_generation_is_a_full_pass_per_token(model, plain):
    prompts = Corpus({language: (prompt,) for language, (prompt, _) in CAPITALS.items()}, aligned=True, source="test")
    encoded = model.encode(prompts)
    written = generate(model, encoded, tokens=4, batch_size=5)
    for one, text in zip(encoded, written, strict=True):
        ids = list(one.ids)
        for _ in range(4):
            ids.append(int(patching_oracle.last_logits(plain, ids).argmax()))
        assert text == model.tokenizer.decode(ids[len(one.ids) :], skip_special_tokens=True), one.language
    for one, text in zip(encoded, written, strict=True):
        assert CAPITALS[one.language][1] in text, f"{one.language}: {text}"


def test_ablation(model, plain, sentences, ids):
    result = wb.heads.ablate(model, corpus(sentences), heads=HEADS, progress=False)
    for language in TWO:
        for layer, head in HEADS:
            change = [
                heads_oracle.replaced_loss(plain, text, layer, head, 0.0)
                - float(heads_oracle.loss(plain, text).detach())
                for text in ids[language][:2]
            ]
            found = float(result.delta.sel(language=language, layer=layer, head=head))
            assert found == pytest.approx(np.mean(change), abs=1e-4)
    assert float(abs(result.delta).max()) > 0.01


def test_importance(model, plain, sentences, ids):
    result = wb.heads.importance(model, corpus(sentences), progress=False)
    plain.requires_grad_(False)  # only the mask has a gradient
    importance, gradient, losses = heads_oracle.lahis_paper(plain, {language: ids[language][:2] for language in TWO})
    for language in TWO:
        np.testing.assert_allclose(result.gradient.sel(language=language), gradient[language], atol=1e-4)
        np.testing.assert_allclose(result.importance.sel(language=language), importance[language], atol=1e-4)
        assert float(result.nll.sel(language=language)) == pytest.approx(losses[language], abs=1e-4)
    assert float(result.importance.max()) > 0.01


def test_firing(model, plain, sentences):
    texts = {language: [sentences[language][0]] for language in TWO}
    activations = [layer.mlp.act_fn for layer in plain.model.layers]
    wanted = firing_oracle.firing(plain, model.tokenizer, texts, activations)
    result = wb.neurons.firing(model, corpus(sentences, count=1), progress=False)
    for language, truth in wanted.items():
        found = result.fired.sel(language=language).values
        assert int(result.tokens.sel(language=language)) == truth["tokens"]
        assert abs(found - np.array(truth["fired"])).sum() <= 2  # of 36,864 neurons, a value may lie at zero
        assert 0 < found.sum() < truth["tokens"] * found.size


def test_patching(model, plain):
    pair = Pair("The capital of France is the city of", "The capital of Italy is the city of", " Paris", " Rome")
    result = wb.patching.sweep(model, Pairs((pair,), "test"), progress=False)
    source, target = (model.tokenizer(text).input_ids for text in (pair.source, pair.target))
    answer, foil = (model.tokenizer(text, add_special_tokens=False).input_ids[0] for text in (pair.answer, pair.foil))
    read = patching_oracle.difference(answer, foil)
    given = patching_oracle.states(plain, source)
    changed = next(place for place, (a, b) in enumerate(zip(source, target, strict=True)) if a != b)
    for layer, place in ((0, changed), (4, changed), (9, changed), (12, len(target) - 1), (17, len(target) - 1)):
        wanted = read(patching_oracle.patched_state(plain, target, layer, place, given[layer][place]))
        assert float(result.pair_value[0, layer, place - len(target)]) == pytest.approx(wanted, abs=5e-3)
    assert float(result.source_value[0]) == pytest.approx(read(patching_oracle.last_logits(plain, source)), abs=5e-3)
    assert float(result.target_value[0]) == pytest.approx(read(patching_oracle.last_logits(plain, target)), abs=5e-3)
    assert float(result.effect[0, changed - len(target)]) == pytest.approx(1, abs=1e-2)  # all that differs is swapped
    assert float(result.effect[17, -1]) > 0.5


def test_lens(model, plain):
    options = {"source": "en", "target": "ru", "shots": 2, "limit": 2}
    words = wb.load_words("words", languages=["en", "ru", "zh", "hi"])
    result = wb.lens.by_language(model, words, **options, progress=False)
    prompts = {
        concept: model.tokenizer(prompt).input_ids for concept, prompt in translation_prompts(words, **options).items()
    }
    tokens = {
        concept: {language: first_tokens(model.tokenizer, word) for language, word in words.loc[concept].items()}
        for concept in prompts
    }
    wanted = lens_oracle.by_language(plain, prompts, tokens)
    for language, concepts in wanted.items():
        for concept, layers in zip(prompts, concepts, strict=True):
            found = result.concept_probability.sel(language=language, concept=concept).values
            np.testing.assert_allclose(found, np.full(19, np.nan) if layers is None else layers, atol=1e-4)
    assert result.probability[:, -1].idxmax("language") == "ru"
