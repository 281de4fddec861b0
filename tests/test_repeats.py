"""Every analysis with intervals or p-values gives the same ones for texts given eight times as for each once."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.neurons.stability import pieces
from workbench.patching.concepts.onset import onset
from workbench.results.identified import compare_identifiers
from workbench.results.statistics import interval
from workbench.text.corpus import Corpus

TEXTS = {
    "de": ("der Hund", "die Katze schlaf", "Wasser ist nass", "ein Haus", "gut"),
    "fr": ("le chien", "un chat dort", "l'eau est", "maison", "bon"),
    "en": ("the dog", "a cat sleeps", "water is wet", "a house", "fine"),
}
PAIRS = [
    {"source": f"the {source} is", "target": f"the {target} is", "answer": answer, "foil": foil}
    for source, target, answer, foil in (
        ("dog", "cat", "x", "y"),
        ("sun", "sea", "q", "z"),
        ("ink", "oak", "m", "n"),
        ("fog", "ice", "u", "v"),
        ("pig", "ant", "e", "f"),
    )
]
GROUPS = {"de": [(0, 1), (1, 2)], "fr": [(2, 0)], "en": [(1, 0)]}
TIMES = 8
QUIET = {"progress": False}


def identify(text):
    return ("de", "fr", "en", None)[sum(map(ord, text)) % 4]


def steered(model, corpus):
    counts = wb.neurons.firing(model, corpus, moments=True, **QUIET)
    return wb.neurons.steer(model, corpus, GROUPS, counts, off="en", on="de", controls=2, **QUIET)


ON_TEXTS = {
    "ablate": lambda m, c: wb.heads.ablate(m, c, **QUIET),
    "ablate by donors": lambda m, c: wb.heads.ablate(m, c, how="resample", **QUIET),
    "ablate by donors of the language": lambda m, c: wb.heads.ablate(m, c, how="resample_same", **QUIET),
    "importance": lambda m, c: wb.heads.importance(m, c, **QUIET),
    "roles of ablate": lambda m, c: wb.heads.roles(wb.heads.ablate(m, c, **QUIET)),
    "roles of importance": lambda m, c: wb.heads.roles(wb.heads.importance(m, c, per_sample=True, **QUIET)),
    "heads.knockout": lambda m, c: wb.heads.knockout(m, c, GROUPS, controls=3, **QUIET),
    "kinds": lambda m, c: wb.heads.kinds(m, c, **QUIET),
    "agreement": lambda m, c: wb.heads.agreement(m, c, methods=("zero", "lahis", "michel"), **QUIET),
    "prune": lambda m, c: wb.heads.prune(m, c, keep="de,en", drop="fr", budget=0.5, most=3, draws=2, **QUIET),
    "search": lambda m, c: wb.heads.search(m, c, top=3, first=2, **QUIET),
    "off_target": lambda m, c: wb.heads.off_target(m, c, [(2, 1)], controls=2, tokens=3, identify=identify, **QUIET),
    "neurons.knockout": lambda m, c: wb.neurons.knockout(m, c, GROUPS, controls=3, **QUIET),
    "steer": steered,
    "generation_share": lambda m, c: wb.neurons.generation_share(m, c, GROUPS, identify, controls=2, tokens=3, **QUIET),
    "stability": lambda m, c: wb.neurons.stability(pieces(m, c, 3, **QUIET), resamples=4, **QUIET),
    "lens.tune": lambda m, c: wb.lens.tune(m, c, steps=0, held_out=0.4, **QUIET),
    "compare_identifiers": lambda m, c: compare_identifiers(c, {"a": identify, "b": lambda text: text[0]}),
}
ON_PAIRS = {
    "sweep": lambda m, p: wb.patching.sweep(m, p, **QUIET),
    "attribution": lambda m, p: wb.patching.attribution(m, p, **QUIET),
    "edges": lambda m, p: wb.patching.edges(m, p, **QUIET),
    "path": lambda m, p: wb.patching.path(m, p, receiver=("residual", 2), **QUIET),
    "cross_layer": lambda m, p: wb.patching.cross_layer(m, p, **QUIET),
    "cross_position": lambda m, p: wb.patching.cross_position(m, p, layer=1, **QUIET),
    "circuit": lambda m, p: wb.patching.circuit(m, p, controls=2, **QUIET),
    "tune_mask": lambda m, p: wb.heads.tune_mask(  # a mask that does not move: training sees copies more often
        m,
        [{"prompt": one["source"], "answer": one["answer"]} for one in p],
        heads=[(0, 1)],
        epochs=1,
        rate=1e-12,
        controls=2,
        **QUIET,
    ),
    "transfer": lambda m, p: wb.heads.transfer(
        m,
        [{"prompt": one["source"], "own": one["answer"], "other": one["foil"]} for one in p],
        heads=[(0, 1)],
        controls=2,
        **QUIET,
    ),
}
COUNTS = {"unidentified", "train_loss", "texts", "fired", "tokens"}  # of all texts, not of what they show
PER_TEXT = {"sample", "pair", "step"}


def same_evidence(once, many, *, counts=COUNTS):
    """Compare all numbers that are not of one text, and the attributes that are no counts of texts."""
    for name, values in once.data_vars.items():
        if name in counts or PER_TEXT & set(values.dims) or values.dtype.kind not in "fib":
            continue
        np.testing.assert_allclose(many[name].values, values.values, rtol=1e-4, atol=1e-5, err_msg=str(name))
    for name, value in once.attrs.items():
        if isinstance(value, float):
            assert many.attrs[name] == pytest.approx(value, rel=1e-4, abs=1e-5, nan_ok=True), name


def corpora(aligned):
    """The texts once, and eight times."""
    texts = TEXTS if aligned else {**TEXTS, "fr": TEXTS["fr"][:4]}
    many = {code: tuple(text for text in rows for _ in range(TIMES)) for code, rows in texts.items()}
    return (Corpus(each, aligned=aligned, source="dict") for each in (texts, many))


@pytest.mark.parametrize("aligned", [True, False], ids=["aligned", "not aligned"])
@pytest.mark.parametrize("name", ON_TEXTS)
def test_repeated_texts_are_no_evidence(wrapped, name, aligned):
    once, many = (ON_TEXTS[name](wrapped("llama"), corpus) for corpus in corpora(aligned))
    same_evidence(once, many)


@pytest.mark.parametrize("name", ON_PAIRS)
def test_repeated_pairs_are_no_evidence(wrapped, name):
    once, many = (ON_PAIRS[name](wrapped("llama"), [one for one in PAIRS for _ in range(n)]) for n in (1, TIMES))
    same_evidence(once, many)


@pytest.mark.parametrize("aligned", [True, False], ids=["aligned", "not aligned"])
def test_repeated_texts_route_like_each_once(wrapped, aligned):
    once, many = (wb.neurons.routing(wrapped("olmoe"), corpus, permutations=99, **QUIET) for corpus in corpora(aligned))
    same_evidence(once, many)


def test_four_sentences_eight_times_are_not_significant(wrapped):
    texts = {code: rows[:4] for code, rows in TEXTS.items()}
    many = {code: rows * TIMES for code, rows in texts.items()}
    model = wrapped("llama")
    once, again = (wb.heads.ablate(model, Corpus(each, True, "dict"), **QUIET) for each in (texts, many))
    assert int((again.p_value < 0.05).sum()) == int((once.p_value < 0.05).sum())
    np.testing.assert_allclose(again.delta, once.delta, atol=1e-5)


WORDS = pd.DataFrame(
    {
        "en": ["apple", "dog", "house", "mouse"],
        "de": ["Xpfel", "Dackel", "Haus", "Maus"],
        "fr": ["1pomme", "2chien", "3maison", "souris"],
    },
    index=pd.Index(list("abcd"), name="concept"),
)
COPIES = pd.concat([WORDS.set_index(WORDS.index + str(n)) for n in range(TIMES)]).rename_axis("concept")
ROUTE = {"source": "en", "target": "de", "shots": 0, **QUIET}
ON_WORDS = {
    "depth": (lambda m, w: wb.lens.depth(m, w, **ROUTE), "concept_entropy", "entropy_low", "entropy_high"),
    "by_language": (lambda m, w: wb.lens.by_language(m, w, **ROUTE), "concept_probability", "low", "high"),
    "latent": (lambda m, w: wb.lens.latent(m, w, **ROUTE), "concept_mass", "mass_low", "mass_high"),
    "concepts": (
        lambda m, w: wb.patching.concepts(m, w, **{**ROUTE, "source": "en-de", "target": "en-fr"}),
        "pair_probability",
        "low",
        "high",
    ),
}


@pytest.mark.parametrize("name", ON_WORDS)
def test_repeated_words_are_no_evidence(wrapped, name):
    run, each, low, high = ON_WORDS[name]
    found = run(wrapped("llama"), COPIES)
    label = "source_concept" if name == "concepts" else "concept"
    concepts = [str(one)[0] for one in found[label].values]
    assert len(concepts) == 4 * TIMES
    values = found[each].values
    units = [values[[one == concept for one in concepts]].mean(0) for concept in dict.fromkeys(concepts)]
    for end, bounds in zip((low, high), interval(np.array(units)), strict=True):
        np.testing.assert_allclose(found[end].values, bounds, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ON_WORDS)
def test_words_that_differ_are_drawn_as_ever(wrapped, name):
    run, each, low, high = ON_WORDS[name]
    found = run(wrapped("llama"), WORDS)
    for end, bounds in zip((low, high), interval(found[each].values), strict=True):
        np.testing.assert_array_equal(found[end].values, bounds)


def test_repeated_leads_have_the_onset_of_each_once(wrapped):
    once = np.array([[-1.0, 1, 1], [-1, -1, 1], [-1, -1, 1], [-1, -1, 1]])
    many, clusters = np.repeat(once, TIMES, 0), np.repeat(np.arange(4), TIMES)
    assert onset(many, clusters=clusters) == onset(once) == (2, 1, 2)
    assert onset(many) == (2, 2, 2), "32 independent samples would be surer"
    assert np.isnan(onset(many[:TIMES], clusters=clusters[:TIMES])[1:]).all()
    options = {**QUIET, "shots": 0}
    cell = wb.patching.onsets(wrapped("llama"), COPIES, languages=["de", "fr"], shown="en", **options)
    one = wb.patching.concepts(wrapped("llama"), COPIES, source="en-de", target="en-fr", **options)
    cell = cell.sel(source_language="de", target_language="fr")
    np.testing.assert_array_equal([cell.low, cell.high], [one.onset_low, one.onset_high])
