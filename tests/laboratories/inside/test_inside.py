"""What is looked at, in one model and in several."""

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

import workbench as wb
from tests.laboratories.inside.cases import INSIDE, WORDS, states
from tests.merging.diffing.cases import CORPUS, QUICK, made
from tests.models import byte_tokenizer, tiny
from workbench.errors import BadArgument, BadResult, TooFewLanguages, UnknownLanguage


def test_a_state_has_what_the_analyses_return():
    looked, model = states()["before"], made()
    classes = wb.neurons.ternary(wb.neurons.firing(model, CORPUS, **QUICK), top_rate=0.05)
    np.testing.assert_array_equal(looked.kind, classes.kind)
    slopes = wb.heads.importance(model, CORPUS, per_sample=True, **QUICK).sample_gradient
    np.testing.assert_allclose(looked.sample_gradient, slopes, atol=1e-6)
    how = {"shots": 1, "limit": 20, **QUICK}
    read = wb.lens.by_language(model, WORDS, source="de", target="en", languages=["de", "en"], **how)
    own = read.concept_probability.sel(language="en")
    np.testing.assert_allclose(looked.lens.sel(language="en"), own, atol=1e-6)
    patched = wb.patching.concepts(model, WORDS, source="de", target="en", at="last", **how).pair_probability
    concept = patched[:, patched.answer_concept == "source"].sum("answer").transpose("pair", "layer")
    language = patched[:, patched.answer_language == "de"].sum("answer").transpose("pair", "layer")
    np.testing.assert_allclose(looked.patched.sel(answer="concept"), concept, atol=1e-6)
    np.testing.assert_allclose(looked.patched.sel(answer="language"), language, atol=1e-6)


def test_a_result_has_every_quantity_and_can_be_stored(tmp_path):
    looked = states()
    wb.save_result(looked["before"], tmp_path / "state.nc")
    again = wb.load_result(tmp_path / "state.nc")
    pickle.dumps(looked["before"])
    result = INSIDE.compare(again, {"recipe": looked["recipe"], "text": looked["text"]})
    wb.save_result(result, tmp_path / "inside.nc")
    assert all(str(name).startswith("inside_") for name in result)
    assert set(result.dims) == {"condition", "control", "language", "class", "layer", "state"}
    assert result["condition"].values.tolist() == ["before", "recipe", "text"]
    assert result["control"].values.tolist() == ["text"]
    for name in ("kappa", "mean_rank", "lens", "patched_concept", "patched_language"):
        for part in ("", "_low", "_high", "_excess", "_excess_low", "_excess_high"):
            assert f"inside_{name}{part}" in result
    assert result.attrs["finding"]


def test_a_plain_module_stays_as_it_is():
    module = tiny("llama")
    given = SimpleNamespace(module=module, tokenizer=byte_tokenizer())
    weights = copy.deepcopy(module.state_dict())
    quick = wb.laboratories.inside(CORPUS, WORDS, parts=["neurons"], **QUICK)
    np.testing.assert_array_equal(quick.look(given).kind, states()["before"].kind)
    assert module.state_dict().keys() == weights.keys()
    assert all(torch.equal(weight, weights[name]) for name, weight in module.state_dict().items())
    assert type(module.model.layers[0].mlp).__name__ == "LlamaMLP"
    with pytest.raises(BadArgument, match="load_model"):
        quick.look(module)


def test_parts_are_looked_at_alone():
    look = wb.laboratories.inside(CORPUS, parts=["heads"], **QUICK)
    state = look.look(made())
    assert set(state) == {"sample_gradient", "sample_cluster"}
    result = look.compare(state, {"recipe": state})
    assert "inside_rank" in result and "inside_kappa" not in result


def test_languages_are_chosen():
    full = wb.laboratories.inside(trained="de,ja", quick=True)
    assert (full.source, full.target, full.limit) == ("de", "ja", 8)
    assert full.corpus.counts["fi"] == 8
    fewer = wb.laboratories.inside(languages="fr,de,en", target="fr")
    assert (fewer.source, fewer.target, fewer.corpus.languages) == ("de", "fr", ("fr", "de", "en"))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"parts": ["tails"]}, BadArgument, "parts='tails'"),
        ({"parts": []}, BadArgument, "names none"),
        ({"source": "de", "target": "de"}, BadArgument, "two languages"),
        ({"trained": "de,en"}, BadArgument, "nothing to compare"),
        ({"trained": "fi"}, UnknownLanguage, "fi"),
        ({"languages": "de"}, TooFewLanguages, "two languages"),
        ({"words": WORDS[["de", "fr"]]}, TooFewLanguages, "share"),
    ],
)
def test_bad_input_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        wb.laboratories.inside(**{"corpus": CORPUS, "words": WORDS, **options})


def test_states_that_do_not_belong_together_are_refused():
    state = states()["before"]
    other = wb.laboratories.inside(CORPUS, WORDS, parts=["heads"], **QUICK).look(made())
    with pytest.raises(BadResult, match="alike"):
        INSIDE.compare(state, {"recipe": other})
    with pytest.raises(BadResult, match="give the recipe"):
        INSIDE.compare(state, {})
    with pytest.raises(BadResult, match="without 'before'"):
        INSIDE.compare(state, {"before": state})


def test_words_that_all_collide_are_refused_with_the_analysis_own_words():
    alike = pd.DataFrame({"de": WORDS.en, "en": WORDS.en})
    with pytest.raises(wb.errors.BadPairs):
        wb.laboratories.inside(CORPUS, alike, parts=["lens"], shots=1, **QUICK).look(made())
