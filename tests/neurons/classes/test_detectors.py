"""Expert neurons and PLND against their definitions."""

import inspect

import numpy as np
import pytest

from tests.models import byte_tokenizer, tiny
from tests.neurons.effects.test_knockout import CORPUS, DOWN, TEXTS
from tests.oracles import detectors as oracle
from tests.oracles.strength import activations
from workbench.errors import BadArgument, Interrupted, TooFewLanguages
from workbench.neurons import experts, plnd
from workbench.text.corpus import Corpus


@pytest.mark.parametrize("kind", ["llama", "opt"])
def test_experts_score_mean_activations(kind, wrapped):
    module = tiny(kind)
    found = experts(wrapped(kind), CORPUS, count=4, progress=False)
    texts = [(language, text) for language, rows in TEXTS.items() for text in rows]
    downs = DOWN[kind](module)
    means = np.array([np.mean(activations(module, byte_tokenizer(), [text], downs), 1) for _, text in texts])
    for language in TEXTS:
        label = [one == language for one, _ in texts]
        wanted = [
            [oracle.average_precision(means[:, layer, n].tolist(), label) for n in range(means.shape[2])]
            for layer in range(3)
        ]
        np.testing.assert_allclose(found.average_precision.sel(language=language), wanted, atol=1e-9)
        cell = found.sel(language=language)
        assert int(cell.top.sum()) == int(cell.bottom.sum()) == 4
        assert float(cell.average_precision.where(cell.top).min()) >= float(
            cell.average_precision.where(~cell.top).max()
        )
        np.testing.assert_array_equal(cell.member, cell.top | cell.bottom)
    np.testing.assert_allclose(found.chance, [0.5, 0.5])
    other = experts(wrapped(kind), CORPUS, count=4, progress=False, batch_size=1)
    np.testing.assert_allclose(found.average_precision, other.average_precision)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "opt"])
def test_impact_is_that_of_removing_neurons_one_by_one(kind, wrapped):
    module = tiny(kind)
    found = plnd(wrapped(kind), CORPUS, top_rate=0.1, often=0.6, progress=False)
    downs = DOWN[kind](module)
    for language, rows in TEXTS.items():
        for layer, neuron in [(0, 0), (1, 17), (2, 40)]:
            wanted = np.mean([oracle.impact(module, byte_tokenizer(), text, downs[layer], neuron) for text in rows])
            assert float(found.impact.sel(language=language)[layer, neuron]) == pytest.approx(wanted, rel=1e-4)


def test_consistent_neurons_are_those_of_the_plain_loop(wrapped):
    module = tiny("llama")
    found = plnd(wrapped("llama"), CORPUS, top_rate=0.1, often=0.6, progress=False)
    downs = DOWN["llama"](module)
    wanted = {}
    for language, rows in TEXTS.items():
        hits = np.zeros(48)
        for text in rows:
            values = [oracle.impact(module, byte_tokenizer(), text, downs[1], neuron) for neuron in range(48)]
            hits[np.argsort(values)[-5:]] += 1
        np.testing.assert_allclose(found.activated.sel(language=language)[1], hits / 3)
        wanted[language] = hits >= 2
        np.testing.assert_array_equal(found.consistent.sel(language=language)[1], wanted[language])
    np.testing.assert_array_equal(found.member.sel(language="en")[1], wanted["en"] & ~wanted["de"])
    np.testing.assert_array_equal(found.shared[1], wanted["en"] & wanted["de"])


def test_one_language_and_bad_options_are_refused(wrapped):
    model = wrapped("llama")
    for method in (experts, plnd):
        with pytest.raises(TooFewLanguages):
            method(model, CORPUS.select("en"), progress=False)
    with pytest.raises(BadArgument, match="count=100"):
        experts(model, CORPUS, count=100)
    with pytest.raises(BadArgument, match="often=0; give a finite number above 0 and at most 1"):
        plnd(model, CORPUS, often=0)


def test_an_interrupt_keeps_the_texts_that_were_read(wrapped, monkeypatch):
    from workbench.neurons import plnd as public
    from workbench.neurons.classes.plnd import per_text

    calls = []

    def interrupted(model, batch, reduce):
        calls.append(batch)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return per_text(model, batch, reduce)

    monkeypatch.setitem(inspect.unwrap(public).__globals__, "per_text", interrupted)
    with pytest.raises(Interrupted, match="after 3 of 6 texts") as caught:
        plnd(wrapped("llama"), CORPUS, progress=False, batch_size=1)
    counts = {one: sum(b.languages == (one,) for b in calls[:3]) for one in TEXTS}
    part = Corpus(
        {k: tuple(TEXTS[k][b.rows[0]] for b in calls[:3] if b.languages == (k,)) for k in TEXTS},
        aligned=False,
        source="part",
    )
    assert min(counts.values()) > 0
    np.testing.assert_allclose(
        caught.value.partial.impact, plnd_of(wrapped("llama"), part, monkeypatch).impact, rtol=1e-5
    )


def plnd_of(model, corpus, monkeypatch):
    monkeypatch.undo()
    return plnd(model, corpus, progress=False)
