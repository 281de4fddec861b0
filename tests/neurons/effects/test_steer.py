"""Steering against plain hooks, its controls and its identities."""

import numpy as np
import pytest
import torch

from tests.models import byte_tokenizer, tiny
from tests.neurons.effects.test_knockout import CORPUS, DOWN, GROUPS, TEXTS, knock
from tests.oracles import neuron_edits as oracle
from workbench.errors import BadArgument, BadCounts, Interrupted, UnknownLanguage
from workbench.neurons import firing, means, steer
from workbench.neurons.effects.steer import steering

MEMBERS = {"en": GROUPS["a"], "de": [(1, 0), (0, 7), (2, 5)]}  # (0, 7) is of both


@pytest.fixture(scope="module")
def counts(wrapped):
    return firing(wrapped("llama"), CORPUS, progress=False, moments=True)


def run(model, counts, **options):
    options = {"off": "en", "on": "de", "doses": (0, 0.5, 1.5), "controls": 2, "progress": False, **options}
    return steer(model, CORPUS, MEMBERS, counts, **options)


def test_every_text_is_that_of_the_plain_loop(wrapped, counts):
    module = tiny("llama")
    mean = means(counts)[0].sel(language="de").values
    found = run(wrapped("llama"), counts)
    for dose in (0, 0.5, 1.5):
        change = {(0, 3): (1 - dose, 0.0), (2, 1): (1 - dose, 0.0)}
        change |= {(layer, neuron): (1 - dose, mean[layer, neuron]) for layer, neuron in MEMBERS["de"]}
        for language, rows in TEXTS.items():
            wanted = [
                oracle.steered(module, byte_tokenizer(), text, DOWN["llama"](module), change)
                - oracle.loss(module, byte_tokenizer(), text, DOWN["llama"](module), [])
                for text in rows
            ]
            np.testing.assert_allclose(found.sample_delta.sel(dose=dose, language=language), wanted, atol=2e-5)
    assert found.attrs["neurons"] == 5
    assert (abs(found.delta.sel(dose=0)) < 1e-6).all()


def test_controls_are_random_neurons_at_their_own_means(wrapped, counts):
    model, mean = wrapped("llama"), means(counts)[0].sel(language="de").values
    (scale, fill), *others = steering(model, MEMBERS, counts, off="en", on="de", controls=8)
    assert (fill[scale == 1] == 0).all()
    for other, filled in others:
        assert ((other != 1).sum(1) <= (scale != 1).sum(1)).all()  # an off and an on neuron may be drawn as one
        loud = (filled != 0).numpy()
        np.testing.assert_allclose(filled.numpy()[loud], mean[loud], rtol=1e-6)
        assert loud.sum(1).tolist() == [1, 1, 1]
        assert not any(loud[place] for place in MEMBERS["de"])
    found = run(model, counts, controls=3)
    assert (found.control_delta.sel(dose=1.5) != 0).all()
    np.testing.assert_allclose(found.excess, found.delta - found.control_delta.mean("control"), atol=1e-9)


def test_a_full_dose_without_means_is_a_knock_out(wrapped, counts):
    silent = counts.assign(total=counts.total * 0)
    found = steer(
        wrapped("llama"), CORPUS, {"de": GROUPS["a"]}, silent, off=None, on="de", doses=[1], controls=0, progress=False
    )
    np.testing.assert_allclose(found.delta.sel(dose=1), knock(wrapped("llama")).delta.sel(group="a"), atol=1e-6)


def test_what_does_not_fit_is_refused(wrapped, counts):
    model = wrapped("llama")
    with pytest.raises(UnknownLanguage, match="'fr' is not a group"):
        run(model, counts, off="fr")
    with pytest.raises(UnknownLanguage, match="was not counted"):
        run(model, counts.sel(language=["en"]))
    with pytest.raises(BadCounts, match="moments=True"):
        run(model, counts.drop_vars(["total", "squares"]))
    with pytest.raises(BadArgument, match="different numbers from 0"):
        run(model, counts, doses=[1, 1])
    with pytest.raises(BadArgument, match="neither"):
        steer(model, CORPUS, {"en": [], "de": []}, counts, off="en", on="de")


def test_an_interrupt_keeps_finished_cells(wrapped, counts, monkeypatch):
    from workbench.neurons.effects.sweep import Sweep

    measure, calls = Sweep.measure, []

    def interrupted(self, *args):
        calls.append(args)
        if len(calls) == 5:
            raise KeyboardInterrupt
        measure(self, *args)

    monkeypatch.setattr(Sweep, "measure", interrupted)
    with pytest.raises(Interrupted, match="3 of 6 cells") as caught:
        run(wrapped("llama"), counts)
    assert bool(caught.value.partial.delta.sel(language="de").isnull().all())
    assert torch.isfinite(torch.tensor(caught.value.partial.delta.sel(language="en").values)).all()
