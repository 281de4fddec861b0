"""Every analysis, stopped after any finished step and begun again, gives what it gives in one go, bit for bit."""

import functools

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests.models import byte_tokenizer, tiny
from workbench.results.resuming import progress
from workbench.results.resuming.progress import storing_progress

TEXTS = {
    "de": ["Guten Tag", "eine Katze", "ja", "Wie geht es dir heute?"],
    "en": ["Good day", "a cat", "yes", "How are you today?"],
    "fr": ["Bonjour", "un chat", "oui", "Comment vas-tu ?"],
}
WORDS = {
    "de": ["Kuh", "Brot", "Zug", "Uhr"],
    "fr": ["vache", "pain", "train", "heure"],
    "en": ["cow", "loaf", "a", "o"],
}
HEADS = [(0, 1), (2, 3)]
PAIRS = [
    {"source": f"{a} und {b}", "target": f"{b} und {a}", "answer": a, "foil": b}
    for a, b in (("A", "B"), ("C", "D"), ("E", "F"), ("G", "H"))
]
ASKED = [{"prompt": f"{a}+{a}=", "answer": f"{2 * a}."} for a in range(1, 7)]
CONFLICTS = [{"prompt": f"{a}:", "own": f" {b}", "other": f" {c}"} for a, b, c in ("abc", "def", "ghi")]


@functools.cache
def model(kind="llama"):
    return wb.load_model(tiny(kind), tokenizer=byte_tokenizer())


def corpus():
    return wb.load_corpus(pd.DataFrame(TEXTS))


@functools.cache
def firing():
    return wb.neurons.firing(model(), corpus(), moments=True, progress=False)


def members():
    found = np.zeros((3, *firing().fired.shape[1:]), dtype=bool)
    found[0, 0, :3] = found[1, 1, 2:5] = found[2, 2, :2] = True
    return firing()[["tokens"]].assign(member=(("language", "layer", "neuron"), found))


def words():
    return wb.load_words(pd.DataFrame(WORDS, index=["cow", "bread", "train", "hour"]))


def texts(function, **options):
    return lambda: function(model(), corpus(), progress=False, batch_size=2, **options)


def pairs(function, **options):
    return lambda: function(model(), wb.load_pairs(PAIRS), progress=False, batch_size=2, **options)


def of_words(function, **options):
    return lambda: function(model(), words(), progress=False, batch_size=2, shots=1, **options)


def first_letter(text):
    return {"a": "en", "e": "de"}.get(text.strip()[:1].lower())


GROUPS = {"one": HEADS, "two": [(1, 0)]}
ANALYSES = {
    "importance": texts(wb.heads.importance, per_sample=True),
    "importance released": texts(wb.heads.importance, variant="released"),
    "ablate": texts(wb.heads.ablate),
    "ablate mean": texts(wb.heads.ablate, how="mean"),
    "heads knockout": texts(wb.heads.knockout, groups=GROUPS, controls=2),
    "kinds": texts(wb.heads.kinds),
    "patterns": texts(wb.heads.patterns),
    "search": texts(wb.heads.search, top=2, first=2),
    "shapley": texts(wb.heads.shapley, permutations=3, heads=[(i, j) for i in range(3) for j in range(3)]),
    "shapley exact": texts(wb.heads.shapley, heads=HEADS),
    "prune": texts(wb.heads.prune, keep=["de"], budget=0.1, candidates=4, permutations=2),
    "tune_mask": lambda: wb.heads.tune_mask(model(), ASKED, heads=HEADS, epochs=2, controls=1, progress=False),
    "transfer": lambda: wb.heads.transfer(model(), CONFLICTS, heads=HEADS, controls=2, progress=False),
    "off_target": texts(wb.heads.off_target, heads=HEADS, identify=first_letter, tokens=3, controls=2, target="de"),
    "firing": texts(wb.neurons.firing, moments=True, sketch=True),
    "neurons knockout": lambda: wb.neurons.knockout(
        model(), corpus(), members(), controls=2, batch_size=2, progress=False
    ),
    "steer": lambda: wb.neurons.steer(
        model(), corpus(), members(), firing(), off="de", on="fr", controls=1, batch_size=2, progress=False
    ),
    "generation_share": lambda: wb.neurons.generation_share(
        model(), corpus(), members(), identify=first_letter, tokens=3, controls=1, batch_size=2, progress=False
    ),
    "plnd": texts(wb.neurons.plnd, top_rate=0.1),
    "experts": texts(wb.neurons.experts),
    "routing": lambda: wb.neurons.routing(model("qwen3_moe"), corpus(), permutations=9, batch_size=2, progress=False),
    "stability": lambda: wb.neurons.stability(
        [wb.neurons.firing(model(), corpus().limit(n), progress=False) for n in (2, 3, 4)], resamples=6, progress=False
    ),
    "sweep": pairs(wb.patching.sweep),
    "sweep heads": pairs(wb.patching.sweep, site="head", over=("layer", "head")),
    "cross_layer": pairs(wb.patching.cross_layer),
    "cross_position": pairs(wb.patching.cross_position, layer=1),
    "attribution": pairs(wb.patching.attribution, sample=4),
    "path": pairs(wb.patching.path),
    "edges": pairs(wb.patching.edges, sample=3),
    "circuit": pairs(wb.patching.circuit, controls=2),
    "concepts": of_words(wb.patching.concepts, source="de-fr", target="en-fr"),
    "onsets": of_words(wb.patching.onsets),
    "lens": of_words(wb.lens.by_language, source="de", target="fr"),
    "latent": of_words(wb.lens.latent, source="de", target="fr"),
    "depth": of_words(wb.lens.depth, source="de", target="fr"),
    "lens of sentences": lambda: wb.lens.logit_lens(
        model(), [row for rows in TEXTS.values() for row in rows], top=2, target="d", batch_size=2, progress=False
    ),
    "direct": texts(wb.attribution.direct, answer="x"),
    "tuned lens": lambda: wb.lens.tune(model(), corpus(), steps=5, progress=False),
}


class Stopped(KeyboardInterrupt):
    pass


@pytest.fixture(autouse=True)
def every_step_is_stored(monkeypatch):
    monkeypatch.setattr(progress, "_LEAST", 0.0)
    monkeypatch.setattr(progress, "_SHARE", float("inf"))


def stop_after(monkeypatch, steps):
    """Stop when so many steps have been stored; `done` counts them."""
    plain, done = progress.Progress.store, []

    def store(self, *given):
        plain(self, *given)
        done.append(given[0])
        if len(done) == steps:
            raise Stopped

    monkeypatch.setattr(progress.Progress, "store", store)
    return done


@pytest.mark.parametrize("name", ANALYSES)
def test_an_analysis_that_is_stopped_goes_on(name, tmp_path, monkeypatch):
    analyse = ANALYSES[name]
    with monkeypatch.context() as patch, storing_progress(tmp_path / "whole", "key"):
        done = stop_after(patch, None)
        whole = analyse()
    total = len(done)
    assert total > 1, f"{name} stores no step"
    for steps in sorted({1, total // 2, total - 1}):
        path = tmp_path / f"stopped-{steps}"
        with (
            monkeypatch.context() as patch,
            pytest.raises((KeyboardInterrupt, wb.errors.Interrupted)),
            storing_progress(path, "key"),
        ):
            stop_after(patch, steps)
            analyse()
        with monkeypatch.context() as patch, storing_progress(path, "key"):
            left = stop_after(patch, None)
            again = analyse()
        assert len(left) < total
        for one in (whole, again):
            one.attrs.pop("provenance")
        assert again.identical(whole), f"{name} after {steps} of {total} steps"
        whole.attrs["provenance"] = ""
