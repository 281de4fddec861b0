import numpy as np
import pytest
import torch

import workbench as wb
from tests.laboratories.cases import base, materials
from tests.models import byte_tokenizer
from workbench.errors import BadArgument, Interrupted, UnknownLanguage
from workbench.laboratories.recipe import Recipe
from workbench.laboratories.systems import vocabulary_quadrants as system
from workbench.laboratories.training.batches import endless, example_batches
from workbench.laboratories.training.loop import train

lab = wb.laboratories
WORDS = wb.load_words("words", languages="de,en,fr").head(60)
SMALL = {"words": WORDS, "languages": "de,en,fr", "tokenizer": byte_tokenizer(), "progress": False}


def tied_base():
    """A random module whose unembedding is its embedding, as that of the shipped model."""
    module = base()
    module.lm_head.weight = module.get_input_embeddings().weight
    module.config.tie_word_embeddings = True
    return module


def trained(untie):
    """A module before and after, and the tokens that were read: [vocabulary] bool."""
    made, module = materials(), tied_base()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    recipe = Recipe("small", lab.questions(["de", "en"]), lab.answers(), lab.embeddings(untie=untie), 3, 2, 64)
    train(module, recipe, made, seed=0)
    batches = example_batches(
        endless(recipe.data, made, np.random.default_rng(0)), made.tokenizer, tokens=128, length=64
    )
    seen = torch.zeros(before["model.embed_tokens.weight"].shape[0], dtype=torch.bool)
    for _, batch in zip(range(recipe.steps), batches, strict=False):
        seen[batch.ids.flatten()] = True
    return before, module.state_dict(), seen


@pytest.mark.parametrize("untie", [False, True])
def test_that_tensor_alone_changes(untie):
    before, after, _ = trained(untie)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    # Tied, one tensor has both names.
    assert changed == {"model.embed_tokens.weight"} | (set() if untie else {"lm_head.weight"})


def test_untied_rows_of_absent_tokens_stay_and_tied_ones_move():
    for untie in (True, False):
        before, after, seen = trained(untie)
        moved = (before["model.embed_tokens.weight"] != after["model.embed_tokens.weight"]).any(1)
        assert (~seen).sum() > 100
        assert moved[seen].sum() > 10
        assert not moved[~seen].any() if untie else moved[~seen].all()


def test_a_whole_laboratory():
    result = lab.vocabulary_quadrants(tied_base(), trained="de", steps=2, batch=1, items=1, seeds=2, **SMALL)
    assert result.language.values.tolist() == ["de"]
    assert result.gain.dims == ("embedding", "form", "scope", "language")
    assert np.isfinite(result.gain).all() and (result.gain != 0).all()
    assert ((result.gain_low <= result.gain) & (result.gain <= result.gain_high)).all()
    np.testing.assert_allclose(result.gain_by_seed.mean("seed"), result.gain)
    assert result.condition.values.tolist() == ["tied", "untied", "tied, shuffled", "untied, shuffled"]
    assert np.isfinite(result.loss).all()
    provenance = wb.results.provenance(result)
    assert provenance["parameters"]["pivot"] == "en"
    assert result.attrs["finding"].count("beyond shuffled answers") == 4


def test_without_training_nothing_changes():
    result = lab.vocabulary_quadrants(tied_base(), steps=0, items=1, seeds=1, trained="fr", **SMALL)
    assert (result.gain == 0).all() and (result.excess == 0).all()
    assert (result.quadrant == "undecided").all()


def test_a_stop_keeps_the_languages_that_were_finished(monkeypatch):
    real, calls = system.run, []

    def stopping(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise Interrupted("stopped")
        return real(*arguments, **options)

    monkeypatch.setattr(system, "run", stopping)
    with pytest.raises(Interrupted, match="stopped at fr") as stop:
        lab.vocabulary_quadrants(tied_base(), steps=1, batch=1, items=1, seeds=1, **SMALL)
    assert np.isfinite(stop.value.partial.gain.sel(language="de")).all()
    assert (stop.value.partial.quadrant.sel(language="fr") == "not measured").all()


def test_bad_languages():
    with pytest.raises(BadArgument, match="give the pivot en and two or more others"):
        lab.vocabulary_quadrants(tied_base(), **{**SMALL, "languages": "de,en"})
    with pytest.raises(UnknownLanguage, match=r"'en' is not in the languages beside the pivot \(has: de, fr\)"):
        lab.vocabulary_quadrants(tied_base(), trained="en", **SMALL)
    with pytest.raises(UnknownLanguage, match="'tr' is not in these materials"):
        lab.vocabulary_quadrants(tied_base(), pivot="tr", **SMALL)
