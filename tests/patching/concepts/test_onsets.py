import importlib

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from tests.patching.planted import LANGUAGES, WORDS, planted, tokenizer
from workbench.errors import Interrupted, TooFewLanguages, UnknownLanguage
from workbench.model.load import load_model

OPTIONS = {"shots": 0, "progress": False}


@pytest.fixture(scope="module")
def model():
    return load_model(planted(concept_layer=1, language_layer=3), tokenizer=tokenizer())


def test_the_planted_onsets_stand_in_every_cell_but_the_diagonal(model, tmp_path):
    result = wb.patching.onsets(model, WORDS, **OPTIONS)
    assert result.onset.dims == ("aspect", "source_language", "target_language")
    assert result.source_language.values.tolist() == list(LANGUAGES)
    off = ~np.eye(4, dtype=bool)
    for name in ("onset", "low", "high"):
        assert (result[name].sel(aspect="concept").values[off] == 2).all()
        assert (result[name].sel(aspect="language").values[off] == 4).all()
        assert np.isnan(result[name].values[:, ~off]).all()
    assert (result.peak.values[off] > 0.9).all()
    assert (result.control_peak.values[off] < 0.1).all()
    assert (result.pairs.values[off] == 7).all()
    xr.testing.assert_identical(wb.load_result(wb.save_result(result, tmp_path / "onsets.nc")), result)
    assert wb.figures.matrix(result, "onset", aspect="concept").data


def test_a_cell_is_the_experiment_itself(model):
    options = {**OPTIONS, "at": "concept", "seed": 3}
    result = wb.patching.onsets(model, WORDS, languages=["fr", "ru"], shown="es", limit=4, **options)
    one = wb.patching.concepts(model, WORDS, source="es-fr", target="es-ru", limit=4, **options)
    cell = result.sel(source_language="fr", target_language="ru")
    np.testing.assert_array_equal(cell.onset, one.onset)
    assert cell.peak == one.probability.sel(answer="source concept in ru").max()
    assert cell.unpatched == one.unpatched.sel(answer="target concept in ru")
    shown = wb.patching.onsets(model, WORDS, languages=["fr", "ru", "es"], shown="es", limit=2, **OPTIONS)
    assert np.isnan(shown.peak.sel(source_language="es")).all(), "a language that is shown cannot be asked for"


def test_refusals_and_interrupts(model, monkeypatch):
    with pytest.raises(TooFewLanguages, match="only fr"):
        wb.patching.onsets(model, WORDS, languages=["fr"], **OPTIONS)
    with pytest.raises(UnknownLanguage, match="'ja'"):
        wb.patching.onsets(model, WORDS, shown="ja", **OPTIONS)
    module = importlib.import_module("workbench.patching.concepts.onsets")
    true, calls = module.measure, []

    def measure(*args, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return true(*args, **options)

    monkeypatch.setattr(module, "measure", measure)
    with pytest.raises(Interrupted, match="2 of 12 pairs of languages") as stop:
        wb.patching.onsets(model, WORDS, **OPTIONS)
    assert int(np.isfinite(stop.value.partial.peak).sum()) == 2
