"""What was planted of concept and language is found by patching, exactly; mean patching fails where it must."""

import numpy as np
import pytest

import workbench as wb
from tests.planted.cases import made
from workbench import planted
from workbench.errors import BadArgument

ROUTES = {"source": "de-fr", "target": "en-it", "progress": False}
PLACES = [(1, 3), (3, 1), (0, 5), (2, 2)]  # concept layer, language layer
SOURCE, TARGET = 1, 3  # source and target concept, in the target's language


@pytest.mark.parametrize("entangled", [False, True])
@pytest.mark.parametrize(("concept", "language"), PLACES)
def test_patching_finds_the_layers_exactly(concept, language, entangled):
    one = made("concepts", concept_layer=concept, language_layer=language, entangled=entangled)
    assert one.truth.onset.values.tolist() == [concept + 1, language + 1]
    last = wb.patching.concepts(one.model, one.words, shots=0, **ROUTES)
    assert last.unpatched[TARGET] > 0.9, "it translates"
    scored = planted.score(last, one.truth)
    assert scored.attrs["read"] == "onset"
    for name in ("precision", "recall", "average_precision"):
        np.testing.assert_array_equal(scored[name], 1)
    np.testing.assert_array_equal(last.onset_low, last.onset)
    np.testing.assert_array_equal(last.onset_high, last.onset)
    held = wb.patching.concepts(one.model, one.words, shots=0, at="concept", **ROUTES)
    assert held.onset.sel(aspect="concept") == concept + 1, "from there on the word has been read"


@pytest.mark.parametrize("shots", [0, 2])
@pytest.mark.parametrize("route", ["de-fr", "fr-it", "it-de", "en-de"])
@pytest.mark.parametrize("entangled", [False, True])
def test_every_direction_is_translated_with_examples_or_without(entangled, route, shots):
    one = made("concepts", entangled=entangled)
    found = wb.patching.concepts(
        one.model, one.words, source=route, target="en-fr" if route.endswith("it") else "en-it", shots=shots, limit=4,
        progress=False,
    )  # fmt: skip
    assert found.source_run[0] > 0.9
    assert found.unpatched.values[-1] > 0.9


@pytest.mark.parametrize("shots", [0, 2])
def test_means_work_where_concepts_are_shared_and_fail_where_they_are_entangled(shots):
    found = {}
    for entangled in (False, True):
        one = made("concepts", entangled=entangled)
        single = {
            code: wb.patching.concepts(
                one.model, one.words, source=f"{code}-fr", target="en-it", at="concept", shots=shots, progress=False
            )
            for code in ("de", "en", "it")
        }
        mean = wb.patching.concepts(one.model, one.words, mean_over=["de", "en", "it"], shots=shots, **ROUTES)
        for one_source in single.values():
            assert one_source.probability[SOURCE, 0] > 0.9, "patching from one language works in both models"
            assert one_source.control[SOURCE].max() < 0.2
        found[entangled] = mean
    assert found[False].probability[SOURCE, 0] > 0.9
    assert found[False].control[SOURCE].max() < 0.2
    chance = 1 / len(one.words)
    np.testing.assert_allclose(found[True].probability[[SOURCE, TARGET], 0], chance, atol=0.02)
    np.testing.assert_allclose(found[True].control[SOURCE, 0], chance, atol=0.02)


def test_sweeps_see_the_layers_too():
    one = made("concepts", concept_layer=1, language_layer=3)
    pairs = wb.translation_pairs(one.words, source="de", target="fr", shots=0, limit=4, tokenizer=one.model.tokenizer)
    found = wb.patching.sweep(one.model, pairs, site="residual", progress=False)
    effect = found.effect.values  # [layer, position]
    last, word = effect[:, -1], effect[:, 4]  # <bos> Deutsch : " word
    np.testing.assert_allclose(last[:2], 0.0, atol=1e-4)
    np.testing.assert_allclose(last[2:], 1.0, atol=1e-4)
    np.testing.assert_allclose(word[:2], 1.0, atol=1e-4)
    np.testing.assert_allclose(word[2:], 0.0, atol=1e-4)


def test_the_words_and_texts_fit():
    one = made("concepts")
    assert one.corpus.aligned and list(one.corpus.ids) == list(one.words.index)
    text = one.corpus.texts["en"][0]
    assert text.startswith("Deutsch: ") and text.endswith(f'English: "{one.words["en"].iloc[0]}"')
    ids = one.model.tokenizer(text)["input_ids"]
    assert one.model.tokenizer.unk_token_id not in ids


def test_languages_of_other_scripts():
    one = planted.concepts("ja,ar,zh", layers=3, concept_layer=0, language_layer=1, concepts=6)
    found = wb.patching.concepts(one.model, one.words, source="ja-ar", target="ja-zh", shots=0, progress=False)
    assert found.onset.values.tolist() == one.truth.onset.values.tolist() == [1, 2]


def test_refusals():
    with pytest.raises(BadArgument, match="the layers are 0 to 5"):
        planted.concepts("de,en", concept_layer=6)
    with pytest.raises(BadArgument, match="needs 4 in a layer"):
        planted.concepts("de,en,fr", heads=3, entangled=True, concept_layer=2, language_layer=2)
    for options in ({"concepts": 2}, {"noise": -0.1}, {"layers": 0}):
        with pytest.raises(BadArgument):
            planted.concepts("de,en", **options)
