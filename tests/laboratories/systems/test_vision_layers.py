"""Vision layers: both stages on a tiny model, and what is refused."""

import numpy as np
import pytest

import workbench as wb
from tests.laboratories.cases import CORPUS, SEEN_WORDS, WORDS, base, layer_score
from tests.models import byte_tokenizer
from workbench.errors import BadCorpus, UnknownLanguage
from workbench.results.companions import companions

LAB = wb.laboratories
SMALL = {"corpus": CORPUS, "tokenizer": byte_tokenizer(), "progress": False, "quick": True, "score": layer_score()}


def test_a_quick_run_of_a_tiny_model_has_both_stages():
    result = LAB.vision_layers(base(), trained=["de"], words=SEEN_WORDS, parameters=0.2, **SMALL)
    assert result.measure.values.tolist() == ["colour", "count"] and result.language.values.tolist() == ["de", "en"]
    assert result.control.values.tolist() == ["shuffled"]
    before = result.score.sel(condition="before", seed=0).mean("sample")
    assert np.allclose(before, result.right.sel(shown="own").transpose("measure", "language"))
    assert set(companions(result, "right")) == {"low", "high"}
    assert (result.right_low <= result.right).all() and (result.right <= result.right_high).all()
    assert result.vision_loss.sizes["vision_step"] == 12 and np.isfinite(result.vision_loss).all()
    assert result.attrs["first"] == int(result.layer_score.values.argmax())
    assert "right after stage 1" in result.attrs["finding"] and "in de" in result.attrs["finding"]


def test_words_that_lack_an_answer_are_refused():
    with pytest.raises(BadCorpus, match="red, white"):
        LAB.vision_layers(base(), trained=["de"], words=WORDS, **SMALL)
    with pytest.raises(UnknownLanguage, match="'ja'"):
        LAB.vision_layers(base(), trained=["ja"], words=SEEN_WORDS, **SMALL)
    few = SEEN_WORDS.drop(index=["water", "house", "tree"])
    with pytest.raises(BadCorpus, match="needs others"):
        LAB.vision_layers(base(), trained=["de"], words=few, parameters=0.2, **SMALL)
