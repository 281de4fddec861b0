"""Language layers: what a quick run of a tiny model compares, and what is refused."""

import numpy as np
import pytest

import workbench as wb
from tests.laboratories.cases import CORPUS, WORDS, base, layer_score
from tests.models import byte_tokenizer
from workbench.errors import BadArgument, BadResult

LAB = wb.laboratories
SMALL = {"words": WORDS, "corpus": CORPUS, "tokenizer": byte_tokenizer(), "progress": False}

SCORE = layer_score()


def test_a_quick_run_of_a_tiny_model_ranks_the_chosen_window():
    result = LAB.language_layers(base(), trained=("de", "en"), parameters=0.2, score=SCORE, quick=True, **SMALL)
    first = int(result.attrs["first"])
    others = [f"layer {number}" for number in range(3) if number != first]
    assert result.control.values.tolist() == [*others, "everything", "shuffled"]
    assert int(result.layer_score.values.argmax()) == first == result.attrs["last"]
    assert np.flatnonzero(result.chosen).tolist() == [first] and result.attrs["windows"] == 3
    change = result.mean_change * result.better
    for measure in result.measure.values:
        mine = change.sel(condition="recipe", measure=measure)
        higher = int((change.sel(condition=others, measure=measure) > mine + 1e-12).sum())
        assert int(result.window_rank.sel(measure=measure)) == 1 + higher
        assert f"{measure}: " in result.attrs["finding"]
    assert np.isfinite(result.loss.sel(condition=["recipe", *others, "everything"])).all()


def test_layers_can_be_given_instead():
    options = {"trained": ("de", "en"), "quick": True, **SMALL}
    result = LAB.language_layers(base(), chosen=[1, 2], **options)
    assert (result.attrs["first"], result.attrs["last"]) == (1, 2)
    assert np.isnan(result.layer_score).all() and result.chosen.values.tolist() == [False, True, True]
    assert "layers 0 to 1" in result.control.values and "with layers 1 to 2" in result.attrs["finding"]


def test_what_cannot_be_trained_is_refused():
    with pytest.raises(BadArgument, match="give 2 or more different languages"):
        LAB.language_layers(base(), trained=["de", "de"], **SMALL)
    with pytest.raises(BadArgument, match="neighbouring layers"):
        LAB.language_layers(base(), trained=["de", "en"], chosen=[0, 2], **SMALL)
    with pytest.raises(BadArgument, match="smallest layer"):
        LAB.language_layers(base(), trained=["de", "en"], score=SCORE, parameters=0.01, **SMALL)
    with pytest.raises(BadResult, match="2 layers and the base has 3"):
        LAB.language_layers(base(), trained=["de", "en"], score=SCORE.isel(layer=[0, 1]), **SMALL)
    with pytest.raises(BadResult, match="no neuron"):
        LAB.language_layers(base(), trained=["de", "en"], **SMALL)
