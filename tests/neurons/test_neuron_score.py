"""A neuron score that is not built in, in everything that takes one, and classes that are not the ternary ones."""

import functools

import numpy as np
import xarray as xr

import workbench as wb
from workbench import planted
from workbench.neurons.classes.ternary import ternary

QUICK = {"progress": False}


def rate(model, corpus):
    counts = wb.neurons.firing(model, corpus, **QUICK)
    rates = (counts.fired / counts.tokens).transpose("language", "layer", "neuron").values
    others = (rates.sum(0) - rates) / (len(rates) - 1)
    return wb.neurons.score_result(model, corpus, rates - others, name="own_rate")


def test_a_score_of_neurons_is_ranked_drawn_switched_off_and_reported(tmp_path):
    made = planted.neurons("de,en,fr", layers=2, neurons=60, texts=4, seed=0)
    score = rate(made.model, made.corpus)
    found = planted.score(score, made.truth)
    assert found.attrs["read"] == "own_rate" and found.attrs["macro_average_precision"] > 0.9
    assert wb.figures.heatmap(score).layout.title.text == "Which neurons stand out for each language by own rate?"
    off = wb.neurons.knockout(made.model, made.corpus, score, controls=1, **QUICK)
    flat = score.own_rate.values.reshape(3, -1)
    top = {code: [divmod(int(flat[k].argmax()), 60)] for k, code in enumerate(made.corpus.languages)}
    same = wb.neurons.knockout(made.model, made.corpus, top, controls=1, **QUICK)
    assert off["neurons"].values.tolist() == [1, 1, 1]
    np.testing.assert_array_equal(off.delta, same.delta)
    text = wb.report({"own_rate": score}, out=tmp_path).read_text(encoding="utf-8")
    assert "neuron" in text and "Which neurons stand out for each language by own rate?" in text


by_number = functools.partial(ternary, lam=0.1)


def renamed(counts, **options):
    """The ternary classes, some of them under a name of their own."""
    found = by_number(counts, **options)
    kind = found.kind.astype(object)
    return found.assign(kind=kind.where(kind != "specific", "monolingual"))


def test_classes_of_other_names_are_counted_like_the_ternary_ones():
    made = planted.neurons("de,en,fr", layers=2, neurons=60, texts=6, seed=0)
    parts = wb.neurons.pieces(made.model, made.corpus, 3, **QUICK)
    options = {"resamples": 3, "top_rate": 0.1, **QUICK}
    own, plain = (wb.neurons.stability(parts, classify=one, **options) for one in (renamed, by_number))
    assert own["class"].values.tolist()[-1] == "monolingual"
    xr.testing.assert_equal(
        own.kept.sel({"class": "monolingual"}, drop=True), plain.kept.sel({"class": "specific"}, drop=True)
    )
    first, second = (renamed(part, top_rate=0.1) for part in parts[:2])
    moved = wb.neurons.compare(first, second, permutations=20)
    plain = wb.neurons.compare(*(by_number(part, top_rate=0.1) for part in parts[:2]), permutations=20)
    names = {"specific": "monolingual"}
    for old, new in np.ndindex(5, 5):
        old, new = (str(plain["class"].values[i]) for i in (old, new))
        mine = moved.transition.sel(before=names.get(old, old), after=names.get(new, new))
        assert int(mine) == int(plain.transition.sel(before=old, after=new))
