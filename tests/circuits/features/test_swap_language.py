"""Swaps of languages against hooks and probabilities by hand."""

import numpy as np
import pandas as pd
import pytest
import torch

import workbench as wb
from tests.circuits.cases import model_of, random_transcoder
from workbench.errors import BadArgument, BadCounts, BadPairs, Interrupted, UnknownLanguage
from workbench.text.corpus import Corpus
from workbench.text.pairs import first_tokens
from workbench.text.words import translation_prompts

WORDS = pd.DataFrame(
    {
        "de": ["Ei", "Hund", "Maus", "Uhr", "Tag"],
        "en": ["apple", "bog", "cell", "fog", "day"],
        "fr": ["goo", "wau", "xylo", "zut", "jour"],
    },
    index=pd.Index(["a", "b", "c", "d", "e"], name="concept"),
)
CORPUS = Corpus({code: tuple(WORDS[code]) for code in WORDS}, aligned=True, source="test")
MEMBERS = {"en": [(0, 1), (1, 4)], "fr": [(0, 2), (1, 4)]}
OPTIONS = {"source": "de", "target": "en", "to": "fr", "shots": 1, "progress": False}


def made():
    model = model_of()
    transcoder = random_transcoder(model.n_layers, model.d_model)
    return model, transcoder, wb.circuits.firing(transcoder, model, CORPUS, moments=True, progress=False)


@torch.no_grad()
def test_it_is_probabilities_by_hand():
    model, transcoder, counts = made()
    result = wb.circuits.swap_language(
        transcoder, model, WORDS, members=MEMBERS, firing=counts, controls=2, batch_size=2, **OPTIONS
    )
    mean = (counts.total / counts.tokens).sel(language="fr").values
    values = {(0, 1): 0.0, (0, 2): float(mean[0, 2]), (1, 4): float(mean[1, 4])}
    prompts = translation_prompts(WORDS, source="de", target="en", shots=1)
    tokens = {code: [first_tokens(model.tokenizer, word) for word in WORDS[code]] for code in ("en", "fr")}
    probability = {}
    for name, edit in (("before", {}), ("after", values)):
        rows = []
        for place, concept in enumerate(WORDS.index):
            with wb.circuits.intervene(transcoder, model, edit):
                p = model.logits(prompts[concept])[0, -1].softmax(-1)
            scores = [float(p[list(of)].sum()) for of in tokens["fr"]]
            own = [float(p[list(tokens[code][place])].sum()) for code in ("en", "fr")]
            rows.append([*own, float(np.argmax(scores) == place)])
        probability[name] = np.array(rows)
    np.testing.assert_allclose(result.before, probability["before"][:, :2].mean(0), atol=1e-6)
    np.testing.assert_allclose(result.after[0], probability["after"][:, :2].mean(0), atol=1e-6)
    np.testing.assert_allclose(result.delta[0], result.after[0] - result.before, atol=1e-6)
    assert float(result.concept[0]) == pytest.approx(probability["after"][:, 2].mean())
    assert float(result.concept_before) == pytest.approx(probability["before"][:, 2].mean())
    assert result["size"].values.tolist() == [3]
    assert result.attrs["concepts"] == 5
    assert result["language"].values.tolist() == ["en", "fr"]


def test_neurons_are_steered_beside():
    model, transcoder, counts = made()
    neuron_counts = wb.neurons.firing(model, CORPUS, moments=True, progress=False)
    groups = {"en": [(0, 3)], "fr": [(2, 5)]}
    result = wb.circuits.swap_language(
        transcoder,
        model,
        WORDS,
        members=MEMBERS,
        firing=counts,
        neurons=groups,
        neuron_firing=neuron_counts,
        controls=1,
        **OPTIONS,
    )
    assert result["group"].values.tolist() == ["features", "neurons"]
    assert result["size"].values.tolist() == [3, 2]
    assert result.excess.notnull().all()


def test_what_cannot_be_is_refused():
    model, transcoder, counts = made()
    swap = wb.circuits.swap_language
    given = {"members": MEMBERS, "firing": counts, **OPTIONS}
    with pytest.raises(UnknownLanguage):
        swap(transcoder, model, WORDS, **{**given, "to": "xx"})
    with pytest.raises(BadArgument, match="three different"):
        swap(transcoder, model, WORDS, **{**given, "to": "de"})
    with pytest.raises(BadArgument, match="belong together"):
        swap(transcoder, model, WORDS, neurons=MEMBERS, **given)
    with pytest.raises(BadArgument, match="has a feature"):
        swap(transcoder, model, WORDS, **{**given, "members": {"en": [], "fr": []}})
    with pytest.raises(BadCounts, match="moments"):
        swap(transcoder, model, WORDS, **{**given, "firing": counts.drop_vars(["total", "squares"])})
    with pytest.raises(BadPairs, match="begin alike"):
        swap(transcoder, model, WORDS.assign(fr=WORDS["en"]), **given)


def test_an_interruption_returns_the_finished_groups(monkeypatch):
    model, transcoder, counts = made()
    neuron_counts = wb.neurons.firing(model, CORPUS, moments=True, progress=False)
    run, calls = type(model).logits, []

    def logits(self, batch):
        calls.append(batch)
        if len(calls) == 4:  # without an edit, the features, their control, the neurons
            raise KeyboardInterrupt
        return run(self, batch)

    monkeypatch.setattr(type(model), "logits", logits)
    groups = {"neurons": {"en": [(0, 3)], "fr": [(2, 5)]}, "neuron_firing": neuron_counts}
    with pytest.raises(Interrupted) as stopped:
        wb.circuits.swap_language(
            transcoder, model, WORDS, members=MEMBERS, firing=counts, controls=1, **groups, **OPTIONS
        )
    partial = stopped.value.partial
    assert partial.excess.sel(group="features").notnull().all()
    assert partial.excess.sel(group="neurons").isnull().all()
