import numpy as np
import pandas as pd
import pytest
import xarray as xr

import workbench as wb
from tests.models import byte_tokenizer, tiny
from tests.oracles import lens as oracle
from workbench.errors import BadArgument, BadPairs, Interrupted, UnknownLanguage
from workbench.model.load import load_model
from workbench.results.make import provenance
from workbench.results.statistics import interval
from workbench.text.words import translation_prompts

WORDS = pd.DataFrame(
    {
        "en": ["apple", "dog", "house", "mouse", "sea"],
        "de": ["Ei", "dackel", "Haus", "Maus", "Meer"],
        "fr": ["apfel", "Wau", "house", "squeak", "wet"],
    },
    index=pd.Index(["a", "b", "c", "d", "e"], name="concept"),
)
OPTIONS = {"source": "en", "target": "de", "shots": 1, "progress": False}
COLLIDED = {"en": {"a", "b", "c"}, "de": {"b"}, "fr": {"a", "c"}}  # by the first byte, by hand


@pytest.fixture(scope="module")
def llama():
    return load_model(tiny("llama"), tokenizer=byte_tokenizer())


def expectation(module, **options):
    """The oracle's numbers for the prompts of these options."""
    prompts = translation_prompts(WORDS, source="en", target="de", shots=1, **options)
    tokenizer = byte_tokenizer()
    ids = {concept: tokenizer(prompt)["input_ids"] for concept, prompt in prompts.items()}
    tokens = {
        concept: {code: set(tokenizer(word, add_special_tokens=False)["input_ids"][:1]) for code, word in row.items()}
        for concept, row in WORDS.loc[list(prompts)].iterrows()
    }
    return ids, tokens, oracle.by_language(module, ids, tokens)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "mistral", "bloom", "cohere", "neox", "opt", "xglm"])
def test_agrees_with_the_loop_and_ends_in_the_models_output(kind):
    module = tiny(kind)
    model = load_model(tiny(kind), tokenizer=byte_tokenizer())
    result = wb.lens.by_language(model, WORDS, **OPTIONS)
    ids, tokens, expected = expectation(module)
    assert result.concept.values.tolist() == list(ids)
    for language, concepts in expected.items():
        for concept, layers in zip(ids, concepts, strict=True):
            found = result.concept_probability.sel(language=language, concept=concept).values
            if layers is None:
                assert np.isnan(found).all()
                assert concept in COLLIDED[language]
            else:
                np.testing.assert_allclose(found, layers, atol=1e-6)
                output = oracle.output(module, ids[concept], tokens[concept][language])
                assert found[-1] == pytest.approx(output, abs=1e-6)
    counted = {language: len(concepts) for language, concepts in COLLIDED.items()}
    assert dict(zip(result.language.values, result.collided.values, strict=True)) == counted


def test_means_and_intervals_are_over_the_concepts_that_are_left(llama):
    result = wb.lens.by_language(llama, WORDS, **OPTIONS)
    values = result.concept_probability.values
    np.testing.assert_allclose(result.probability, np.nanmean(values, axis=0))
    low, high = interval(values, seed=0)
    np.testing.assert_array_equal(result.low, low)
    np.testing.assert_array_equal(result.high, high)
    assert result.concepts.values.tolist() == [2, 4, 3]
    assert result.probability.dims == ("language", "layer")
    assert result.layer.values.tolist() == [0, 1, 2, 3]
    assert "embedding" in result.layer.attrs["long_name"]


def test_fewer_languages_collide_less(llama):
    result = wb.lens.by_language(llama, WORDS, **OPTIONS, languages=["de", "fr"])
    assert result.language.values.tolist() == ["de", "fr"]
    assert result.collided.values.tolist() == [0, 0]


def test_batch_size_does_not_matter_and_seed_and_limit_do(llama):
    result = wb.lens.by_language(llama, WORDS, **OPTIONS)
    for size in (1, 2):
        other = wb.lens.by_language(llama, WORDS, **OPTIONS, batch_size=size)
        np.testing.assert_allclose(other.concept_probability, result.concept_probability, atol=1e-6)
    assert wb.lens.by_language(llama, WORDS, **OPTIONS, limit=2).concept.values.tolist() == list(
        result.concept.values[:2]
    )
    seeds = [wb.lens.by_language(llama, WORDS, **OPTIONS, seed=seed).concept.values.tolist() for seed in range(3)]
    assert seeds[0] != seeds[1] or seeds[0] != seeds[2]


def test_the_result_says_how_it_was_made_and_is_saved(llama, tmp_path):
    words = wb.load_words(languages=["de", "ja"])
    result = wb.lens.by_language(llama, words, source="de", target="ja", shots=2, limit=3, progress=False)
    made = provenance(result)
    assert made["parameters"]["prompt"].endswith('日本語: "')
    assert made["corpus"]["hash"] == words.attrs["hash"]
    xr.testing.assert_identical(wb.load_result(wb.save_result(result, tmp_path / "lens.nc")), result)


def test_refusals(llama):
    with pytest.raises(UnknownLanguage, match="'ja' is not in this word list"):
        wb.lens.by_language(llama, WORDS, **{**OPTIONS, "target": "ja"})
    with pytest.raises(UnknownLanguage, match="'ja'"):
        wb.lens.by_language(llama, WORDS, **OPTIONS, languages=["ja"])
    with pytest.raises(BadArgument, match="5 concepts are too few for 5 shots"):
        wb.lens.by_language(llama, WORDS, **{**OPTIONS, "shots": 5})
    with pytest.raises(BadArgument, match="batch_size=0"):
        wb.lens.by_language(llama, WORDS, **OPTIONS, batch_size=0)
    same = WORDS.assign(de=WORDS.en, fr=WORDS.en)
    with pytest.raises(BadPairs, match="in all 5 concepts the first tokens of en, de, fr collide"):
        wb.lens.by_language(llama, same, **OPTIONS)


def test_an_interrupted_lens_keeps_its_concepts(llama, monkeypatch):
    from workbench.lens import read

    whole = wb.lens.by_language(llama, WORDS, **OPTIONS, batch_size=2)
    calls = []

    def record(*args):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return true_record(*args)

    true_record = read.record
    monkeypatch.setattr(read, "record", record)
    with pytest.raises(Interrupted, match="2 of 5 concepts are finished") as stop:
        wb.lens.by_language(llama, WORDS, **OPTIONS, batch_size=2)
    left = ~np.isnan(stop.value.partial.concept_probability.values)
    assert left.any()
    np.testing.assert_array_equal(
        stop.value.partial.concept_probability.values[left], whole.concept_probability.values[left]
    )


def test_languages_are_asked_for_in_any_spelling(llama):
    for lens in (wb.lens.by_language, wb.lens.latent, wb.lens.depth):
        one = lens(llama, WORDS, **OPTIONS)
        other = lens(llama, WORDS, **{**OPTIONS, "source": "English", "target": "deu"})
        for name, values in one.data_vars.items():
            np.testing.assert_array_equal(values.to_numpy(), other[name].to_numpy())
