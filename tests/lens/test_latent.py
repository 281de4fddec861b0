import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import workbench as wb
from tests.models import byte_tokenizer, tiny
from tests.oracles import lens as oracle
from tests.oracles.patching import states
from workbench.errors import BadArgument, BadPairs, Interrupted, UnknownLanguage
from workbench.model.load import load_model
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
OWN = {"en": "m", "de": "EHM", "fr": "Ww"}  # first bytes by hand: a, h, s are English and French, d English and German
OPTIONS = {"source": "en", "target": "de", "shots": 1, "progress": False}


@pytest.fixture(scope="module")
def llama():
    return load_model(tiny("llama"), tokenizer=byte_tokenizer())


@pytest.mark.parametrize("kind", ["llama", "gemma2", "gpt2"])
def test_agrees_with_the_loop(kind):
    module, tokenizer = tiny(kind), byte_tokenizer()
    result = wb.lens.latent(load_model(tiny(kind), tokenizer=byte_tokenizer()), WORDS, **OPTIONS)
    prompts = translation_prompts(WORDS, source="en", target="de", shots=1)
    tokens = {code: [tokenizer(byte)["input_ids"][1] for byte in own] for code, own in OWN.items()}
    tokens["shared"] = [tokenizer(byte)["input_ids"][1] for byte in "ahds"]
    firsts = np.zeros((5, 4, 4))
    for row, (concept, prompt) in enumerate(prompts.items()):
        answer = tokenizer(WORDS.loc[concept, "de"])["input_ids"][1]
        for layer, state in enumerate(states(module, tokenizer(prompt)["input_ids"])):
            p = oracle.head(module, state[-1]).double().softmax(0)
            for code, mine in tokens.items():
                if code == "shared":
                    continue
                found = result.concept_mass.sel(language=code).values[row, layer]
                assert found == pytest.approx(float(sum(p[token] for token in mine)), abs=1e-6)
            best = {code: max(float(p[token]) for token in mine) for code, mine in tokens.items()}
            firsts[row, list(best).index(max(best, key=best.get)), layer] = 1
            assert result.concept_entropy.values[row, layer] == pytest.approx(float(-(p * p.log()).sum()), abs=1e-4)
            assert result.concept_rank.values[row, layer] == 1 + int((p > p[answer]).sum())
    np.testing.assert_allclose(result.share, firsts.mean(0)[:3])
    np.testing.assert_allclose(result.shared_share, firsts.mean(0)[3])
    np.testing.assert_allclose(result.mass, result.concept_mass.mean("concept"))
    np.testing.assert_array_equal(result.mass_low, interval(result.concept_mass.values, seed=0)[0])
    assert result.tokens.values.tolist() == [1, 3, 2]
    assert result.collided.values.tolist() == [4, 1, 3]
    np.testing.assert_allclose(result.chance, np.array([1, 3, 2]) / 300)


def test_shares_sum_to_one_and_the_rest_is_as_in_depth(llama, tmp_path):
    result = wb.lens.latent(llama, WORDS, **OPTIONS)
    np.testing.assert_allclose(result.share.sum("language") + result.shared_share, 1)
    assert (result.mass.sum("language") + result.shared < 1).all()
    deep = wb.lens.depth(llama, WORDS, **OPTIONS)
    for name in ("entropy", "entropy_low", "rank", "rank_high", "concept_rank"):
        xr.testing.assert_equal(result[name], deep[name])
    assert result.attrs["asked"] == "de"
    xr.testing.assert_identical(wb.load_result(wb.save_result(result, tmp_path / "latent.nc")), result)


def test_a_tuned_lens_is_read_and_batches_do_not_matter(llama):
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(0, 0.1, (3, 32, 32)), rng.normal(0, 0.1, (3, 32))
    lens = xr.Dataset({"weight": (("layer", "dimension", "given"), weight), "bias": (("layer", "dimension"), bias)})
    tuned, logit = (wb.lens.latent(llama, WORDS, **OPTIONS, tuned=one) for one in (lens, None))
    assert (tuned.attrs["lens"], logit.attrs["lens"]) == ("tuned", "logit")
    np.testing.assert_allclose(tuned.mass[:, -1], logit.mass[:, -1])
    assert not np.allclose(tuned.mass[:, 1], logit.mass[:, 1])
    np.testing.assert_allclose(wb.lens.latent(llama, WORDS, **OPTIONS, batch_size=2).mass, logit.mass, atol=1e-6)


def test_refusals_and_interrupts(llama, monkeypatch):
    with pytest.raises(UnknownLanguage, match="xx"):
        wb.lens.latent(llama, WORDS, **OPTIONS, languages=["de", "xx"])
    with pytest.raises(BadArgument, match="batch_size=0"):
        wb.lens.latent(llama, WORDS, **OPTIONS, batch_size=0)
    same = WORDS.assign(de=WORDS.en)
    with pytest.raises(BadPairs, match="begins another language's too"):
        wb.lens.latent(llama, same, **OPTIONS, languages=["en", "de"])

    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["workbench.lens.latent"], "last_position", stop)
    with pytest.raises(Interrupted, match="0 of 5 concepts"):
        wb.lens.latent(llama, WORDS, **OPTIONS)
