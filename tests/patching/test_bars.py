"""Progress bars count what the user knows, once, and end at their total."""

import sys

import pytest
from tqdm.auto import tqdm

import workbench as wb
from tests.patching.cases import make_pairs, wrapped
from workbench.text.words import load_words

MODEL = wrapped("llama")  # 3 layers
PAIRS = make_pairs([5, 7, 7, 9], seed=2)
LAYERS, HEADS, WIDTH = MODEL.n_layers, MODEL.n_heads, 10  # nine bytes and BOS
WORDS = load_words(languages=["de", "en", "es"]).iloc[:10]

patching = wb.patching
BARS = {  # the module that shows the bar, the call, its unit and total
    "residual": ("engine.fill", lambda how: patching.sweep(MODEL, PAIRS, **how), "cell", LAYERS * WIDTH),
    "head": ("engine.fill", lambda how: patching.sweep(MODEL, PAIRS, site="head", **how), "head", LAYERS * HEADS),
    "neuron": (
        "engine.fill",
        lambda how: patching.sweep(MODEL, PAIRS, site="neuron", **how),
        "neuron",
        LAYERS * MODEL.n_neurons,
    ),
    "head at a position": (
        "engine.fill",
        lambda how: patching.sweep(MODEL, PAIRS, site="q", over=("layer", "head", "position"), **how),
        "cell",
        LAYERS * HEADS * WIDTH,
    ),
    "cross layer": ("engine.fill", lambda how: patching.cross_layer(MODEL, PAIRS, **how), "cell", LAYERS**2),
    "cross position": (
        "engine.fill",
        lambda how: patching.cross_position(MODEL, PAIRS, layer=1, **how),
        "cell",
        WIDTH**2,
    ),
    "path": ("engine.fill", lambda how: patching.path(MODEL, PAIRS, **how), "head", LAYERS * HEADS),
    "attribution": ("engine.fill", lambda how: patching.attribution(MODEL, PAIRS, sample=4, **how), "pair", 4),
    "edges": ("edges.edges", lambda how: patching.edges(MODEL, PAIRS, sample=4, **how), "pair", 4),
    "circuit": (
        "circuits.circuit",
        lambda how: patching.circuit(MODEL, PAIRS, controls=2, **how),
        "set",
        sum(range(LAYERS * HEADS + 1)) + (2 + 2) * (LAYERS * HEADS + 1),
    ),
    "circuit, half at a time": (  # 12 heads: 12 + 6 + 3 + 2 + 1 sets
        "circuits.circuit",
        lambda how: patching.circuit(MODEL, PAIRS, drop=0.5, controls=1, **how),
        "set",
        24 + 3 * 13,
    ),
    "concepts": (
        "concepts.concepts",
        lambda how: patching.concepts(MODEL, WORDS, source="de-en", target="es-de", shots=1, limit=3, **how),
        "pair",
        3,
    ),
}


@pytest.mark.parametrize("batch_size", [1, 2, 16])
@pytest.mark.parametrize("name", BARS)
def test_a_bar_counts_each_thing_once(name, batch_size, monkeypatch):
    module, call, unit, total = BARS[name]
    bars = []

    class Recorded(tqdm):
        def __init__(self, *given, **named):
            super().__init__(*given, **named)
            self.seen = []
            bars.append(self)

        def update(self, n=1):
            self.seen.append(self.n + n)
            return super().update(n)

    shown = [sys.modules[f"workbench.patching.{module}"], sys.modules["workbench.results.resuming.stoppable"]]
    assert any(hasattr(place, "tqdm") for place in shown)
    for place in shown:
        monkeypatch.setattr(place, "tqdm", Recorded, raising=False)
    call({"batch_size": batch_size, "progress": True})
    (bar,) = bars
    assert (bar.unit, bar.total, bar.n) == (unit, total, total)
    assert bar.seen == sorted(bar.seen), "never backwards"
    assert all(isinstance(number, int) for number in bar.seen)
