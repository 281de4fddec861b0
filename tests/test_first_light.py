"""Every public call, once, on a random Llama with shared keys and values in a local folder."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
import xarray as xr

import workbench as wb
from tests.models import save

TEXTS = pd.DataFrame(
    {
        "de": ["Guten Morgen", "Wo ist das Brot?", "Es regnet heute.", "Ich lese gern."],
        "en": ["Good morning", "Where is the bread?", "It rains today.", "I like to read."],
        "fr": ["Bonjour", "Où est le pain ?", "Il pleut.", "J'aime lire."],
    }
)
WORDS = pd.DataFrame(
    {
        "de": ["Brot", "Wolf", "Hand", "Nase", "Milch", "Seele"],
        "en": ["bread", "wolf", "hand", "nose", "milk", "soul"],
        "fr": ["pain", "loup", "main", "nez", "lait", "âme"],
    },
    index=["bread", "wolf", "hand", "nose", "milk", "soul"],
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return wb.load_model(save("llama", tmp_path_factory.mktemp("hub") / "llama"))


@pytest.fixture(scope="module")
def results(model):
    """All analyses of the design's table, by name."""
    corpus = wb.load_corpus(TEXTS)
    pairs = wb.load_pairs(
        [
            {"source": "un pain: ", "target": "un loup: ", "answer": "a", "foil": "b"},
            {"source": "le nez est ", "target": "la fin est ", "answer": "c", "foil": "d"},
        ]
    )
    quiet = {"progress": False}
    importance = wb.heads.importance(model, corpus, **quiet)
    counts = wb.neurons.firing(model, corpus, **quiet)
    return {
        "importance": importance,
        "released": wb.heads.importance(model, corpus, variant="released", **quiet),
        "roles": wb.heads.roles(importance, quantile=0.75, shared_by=3),
        "ablation": wb.heads.ablate(model, corpus, **quiet),
        "firing": counts,
        "lape": wb.neurons.lape(counts, top_rate=0.1),
        "ternary": wb.neurons.ternary(counts, top_rate=0.1, lam=0.02),
        "sweep": wb.patching.sweep(model, pairs, **quiet),
        "heads": wb.patching.sweep(model, pairs, site="head", over=("layer", "head"), **quiet),
        "cross_layer": wb.patching.cross_layer(model, pairs, **quiet),
        "lens": wb.lens.by_language(model, WORDS, source="de", target="fr", shots=2, **quiet),
    }


AXES = {
    "importance": {"importance": ("language", "layer", "head"), "gradient": ("language", "layer", "head")},
    "released": {"importance": ("language", "layer", "head")},
    "roles": {"role": ("layer", "head"), "member": ("language", "layer", "head")},
    "ablation": {
        **dict.fromkeys(("delta", "low", "high", "p_value"), ("language", "layer", "head")),
        "baseline": ("language",),
    },
    "firing": {"fired": ("language", "layer", "neuron"), "tokens": ("language",)},
    "lape": {"member": ("language", "layer", "neuron"), "entropy": ("layer", "neuron")},
    "ternary": {
        "kind": ("layer", "neuron"),
        "member": ("language", "layer", "neuron"),
        "score": ("layer", "neuron"),
    },
    "sweep": {"effect": ("layer", "position")},
    "heads": {"effect": ("layer", "head")},
    "cross_layer": {"effect": ("source_layer", "target_layer")},
    "lens": {"probability": ("language", "layer")},
}


@pytest.mark.parametrize("name", AXES)
def test_results_have_the_axes_of_the_design_and_their_provenance(name, results):
    result = results[name]
    for variable, axes in AXES[name].items():
        assert result[variable].dims == axes
    record = result.attrs["provenance"]
    for word in ("hash", "float32", "versions", "parameters", "time"):
        assert word in record


@pytest.mark.parametrize("name", AXES)
def test_results_are_saved_and_loaded_bit_for_bit(name, results, tmp_path):
    path = wb.save_result(results[name], tmp_path / f"{name}.nc")
    again = wb.load_result(path)
    xr.testing.assert_identical(results[name], again)
    for variable, values in results[name].data_vars.items():
        assert again[variable].dtype == values.dtype
        np.testing.assert_array_equal(again[variable].values, values.values)


@pytest.mark.parametrize("name", AXES)
def test_results_are_drawn(name, results):
    variable = next(iter(AXES[name]))
    draw = wb.figures.curves if name == "lens" else wb.figures.heatmap
    assert isinstance(draw(results[name], variable), go.Figure)


def test_plain_to_netcdf_is_readable_too(results, tmp_path):
    results["ablation"].to_netcdf(tmp_path / "plain.nc")
    np.testing.assert_array_equal(wb.load_result(tmp_path / "plain.nc").delta, results["ablation"].delta)


def test_translation_pairs_are_patched(model):
    pairs = wb.translation_pairs(WORDS, source="de", target="fr", shots=2, tokenizer=model.tokenizer)
    effect = wb.patching.cross_layer(model, pairs, progress=False).effect
    assert effect.shape == (3, 3) and bool(np.isfinite(effect).all())
