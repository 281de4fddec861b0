import importlib

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import workbench as wb
from tests.oracles import concepts as oracle
from tests.patching.cases import ids, plain, wrapped
from tests.patching.planted import WORDS, planted, tokenizer
from workbench.errors import BadArgument, BadPairs, Interrupted, UnknownLanguage
from workbench.model.load import load_model
from workbench.patching.concepts.concept_pairs import make_pairs
from workbench.patching.concepts.concepts import word_position
from workbench.patching.concepts.onset import leads, onset
from workbench.results.make import provenance
from workbench.results.statistics import interval

concepts = wb.patching.concepts
BYTES = pd.DataFrame(
    {
        "en": ["apple", "dog", "house", "mouse", "sea", "tree", "kite"],
        "de": ["Xpfel", "Dackel", "Haus", "Maus", "Zee", "Baum", "Kranich"],
        "fr": ["1pomme", "2chien", "3maison", "souris", "4mer", "5arbre", "6vent"],
        "es": ["7a", "8bc", "9def", "?g", "!hij", "(kl", ")m"],
    },
    index=pd.Index(list("abcdefg"), name="concept"),
)
OPTIONS = {"shots": 1, "progress": False}


def place(text, word):
    """Token ids of a prompt, and where its word ends: a byte is a token and BOS stands in front."""
    return ids(text), len(ids(text[: text.rindex(word + '"') + len(word)])) - 1


def loops(kind, at, mean_over=()):
    """The oracle's [patched or control, pair, answer, layer]."""
    made = make_pairs(
        wrapped(kind).tokenizer,
        BYTES,
        source="en-de",
        target="es-fr",
        mean_over=mean_over,
        shots=1,
        seed=0,
        limit=None,
    )
    run = oracle.last_token if at == "last" else oracle.concept_token
    found = []
    for prompts in ("sources", "random"):
        rows = []
        for pair in made.items:
            given = [place(*prompt) for prompt in getattr(pair, prompts)]
            target = place(*pair.prompt)
            if at == "last":
                given, target = [one for one, _ in given], target[0]
            rows.append(run(plain(kind), given, target, pair.tokens))
        found.append(rows)
    return np.array(found).swapaxes(2, 3)


@pytest.mark.parametrize("at", ["last", "concept"])
@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "bloom", "cohere", "neox"])
def test_agrees_with_the_loops(kind, at):
    result = concepts(wrapped(kind), BYTES, source="en-de", target="es-fr", at=at, **OPTIONS)
    patched, control = loops(kind, at)
    assert float(np.ptp(patched)) > 1e-4, "the patch must matter, or the comparison says nothing"
    np.testing.assert_allclose(result.pair_probability, patched, atol=1e-6)
    np.testing.assert_allclose(result.pair_control, control, atol=1e-6)


@pytest.mark.parametrize("at", ["last", "concept"])
def test_means_of_sources_agree_with_the_loops_in_any_batch(at):
    options = {"source": "en-de", "target": "es-fr", "mean_over": ["en", "fr", ("es", "fr")], "at": at, **OPTIONS}
    for size in (1, 3, "auto"):
        result = concepts(wrapped("llama"), BYTES, batch_size=size, **options)
        patched, control = loops("llama", at, options["mean_over"])
        np.testing.assert_allclose(result.pair_probability, patched, atol=1e-6)
        np.testing.assert_allclose(result.pair_control, control, atol=1e-6)
    single = concepts(wrapped("llama"), BYTES, source="en-de", target="es-fr", **OPTIONS)
    assert single.source_concept.values.tolist() == result.source_concept.values.tolist()
    assert single.target_concept.values.tolist() == result.target_concept.values.tolist()
    np.testing.assert_allclose(single.unpatched, result.unpatched, atol=1e-7)


def test_identities():
    result = concepts(wrapped("llama"), BYTES, source="en-de", target="es-fr", **OPTIONS)
    np.testing.assert_allclose(result.probability[:, -1], result.source_run, atol=1e-7)
    np.testing.assert_allclose(result.probability[:, 0], result.unpatched, atol=1e-7)  # the same last token
    held = concepts(wrapped("llama"), BYTES, source="en-de", target="es-fr", at="concept", **OPTIONS)
    np.testing.assert_allclose(held.probability[:, -1], held.unpatched, atol=1e-7)


def test_means_intervals_and_leads():
    result = concepts(wrapped("llama"), BYTES, source="en-de", target="es-fr", **OPTIONS)
    values = result.pair_probability.values
    np.testing.assert_allclose(result.probability, values.mean(0))
    np.testing.assert_array_equal(result.low, interval(values, seed=0)[0])
    np.testing.assert_array_equal(result.high, interval(values, seed=0)[1])
    concept = values[:, :2].sum(1) - values[:, 2:].sum(1)
    language = values[:, ::2].sum(1) - values[:, 1::2].sum(1)
    assert result.onset.values.tolist() == [oracle.onset(concept.tolist()), oracle.onset(language.tolist())]
    answers = list(zip(result.answer_concept.values, result.answer_language.values, strict=True))
    assert answers == [("source", "de"), ("source", "fr"), ("target", "de"), ("target", "fr")]
    np.testing.assert_allclose(leads(values, answers, "concept")["concept"], -concept)


def test_onsets_by_hand():
    lead = np.array([[-1.0, 2, -1, 3, 1], [-1, -1, -1, 1, 1]])
    assert onset(lead) == (3, 3, 3)
    assert onset(np.array([[-1.0, 1, 1], [-1, -1, 1], [-1, -1, 1], [-1, -1, 1]])) == (2, 1, 2)
    assert onset(-np.ones((3, 4))) == (4, 4, 4)
    assert onset(np.ones((3, 4))) == (0, 0, 0)
    assert np.isnan(onset(np.ones((1, 4)))[1:]).all()


@pytest.fixture(scope="module")
def additive():
    return load_model(planted(concept_layer=1, language_layer=3), tokenizer=tokenizer())


ROUTES = {"source": "de-fr", "target": "es-ru", "shots": 0, "progress": False}


@pytest.mark.parametrize(("concept", "language"), [(1, 3), (3, 1), (0, 4)])
def test_a_planted_model_has_the_onsets_that_were_planted(concept, language):
    model = load_model(planted(concept_layer=concept, language_layer=language), tokenizer=tokenizer())
    last = concepts(model, WORDS, **ROUTES)
    assert last.unpatched.values[3] > 0.9, "the planted model must translate"
    assert last.onset.sel(aspect="concept") == concept + 1
    assert last.onset.sel(aspect="language") == language + 1
    np.testing.assert_array_equal(last.onset_low, last.onset)
    np.testing.assert_array_equal(last.onset_high, last.onset)
    read = concepts(model, WORDS, at="concept", **ROUTES)
    assert read.onset.sel(aspect="concept") == concept + 1, "from there on the shown word has been read"
    assert read.probability[1, : concept + 1].min() > 0.9
    assert read.probability[1, concept + 1 :].max() < 0.1


def test_means_over_languages_work_where_concepts_are_the_same_and_fail_where_they_are_entangled(additive):
    entangled = load_model(planted(entangled=True), tokenizer=tokenizer())
    options = {**ROUTES, "target": "de-ru", "mean_over": ["de", "es", "ru"]}  # asked for in French
    mean, mixed = (concepts(model, WORDS, **options) for model in (additive, entangled))
    source = 1  # the source concept in the target's language
    assert mean.attrs["at"] == "concept"
    assert mean.unpatched[3] > 0.9
    assert mixed.unpatched[3] > 0.9, "the entangled model translates German"
    assert mean.probability[source, 0] > 0.9
    assert mixed.probability[source, 0] < 0.5
    assert mean.control[source].max() < 0.1


def test_collisions_are_counted():
    words = BYTES.assign(fr=["Xavier", *BYTES.fr[1:]])  # begins as its German word
    assert (
        make_pairs(
            wrapped("llama").tokenizer, words, source="en-de", target="es-fr", shots=1, seed=0, limit=None
        ).collided
        == 1
    )
    result = concepts(wrapped("llama"), words, source="en-de", target="es-fr", **OPTIONS)
    assert result.attrs["collided"] == 1
    assert "a" not in result.source_concept.values
    assert result.attrs["pairs"] == result.sizes["pair"] == 6
    with pytest.raises(BadPairs, match="in all 7 concepts the first tokens of de and fr collide"):
        concepts(wrapped("llama"), BYTES.assign(fr=BYTES.de), source="en-de", target="es-fr", **OPTIONS)


def test_shots_never_show_the_pair():
    words = wb.load_words()
    made = make_pairs(
        wrapped("llama").tokenizer, words, source="de", target="ja", mean_over=["en", "fr"], shots=5, seed=1, limit=20
    )
    assert [str(route) for route in made.routes] == ["en-de", "fr-de"]
    assert str(made.target) == "en-ja"
    for pair in made.items:
        lines = "\n".join(text.rsplit("\n", 1)[0] for text, _ in (*pair.sources, pair.prompt))
        for concept in (pair.source, pair.target):
            assert not any(f'"{word}"' in lines for word in words.loc[concept])
        assert not {pair.source, pair.target} & set(pair.controls)
        assert len(set(pair.controls)) == 2
        assert pair.sources[0][0].count("\n") == 5


def test_one_language_for_both_has_two_answers():
    result = concepts(wrapped("llama"), BYTES, source="en-de", target="es-de", **OPTIONS)
    assert result.answer.values.tolist() == ["source concept in de", "target concept in de"]
    assert result.aspect.values.tolist() == ["concept"]


def test_the_last_token_of_the_shown_word():
    tokenizer_ = wrapped("llama").tokenizer

    class Slow:
        is_fast = False

        def __call__(self, text):
            return tokenizer_(text)

    prompt = 'A: "öl" - B: "x"\nA: "öl" - B: "'
    count = len(ids('A: "öl" - B: "x"\nA: "öl')) - 1
    assert word_position(tokenizer_, prompt, "öl") == count
    assert word_position(Slow(), prompt, "öl") == count


def test_the_result_says_how_it_was_made_and_is_saved(tmp_path):
    result = concepts(wrapped("llama"), "words", source="de", target="ja", shots=1, limit=3, progress=False)
    made = provenance(result)
    assert made["parameters"]["source"] == ["en-de"]
    assert made["parameters"]["target"] == "en-ja"
    assert made["corpus"]["counts"]["pairs"] == 3
    assert result.probability.dims == ("answer", "layer")
    xr.testing.assert_identical(wb.load_result(wb.save_result(result, tmp_path / "concepts.nc")), result)


def test_refusals():
    model = wrapped("llama")
    with pytest.raises(UnknownLanguage, match="'ja' is not in this word list"):
        concepts(model, BYTES, source="en-ja", target="es-fr", **OPTIONS)
    for route in ("de-de", "", "a-b-c", ("de", "")):
        with pytest.raises(BadArgument, match="is not a language or two different ones"):
            concepts(model, BYTES, source=route, target="es-fr", **OPTIONS)
    with pytest.raises(BadArgument, match="mean_over has 'de', the language asked for"):
        concepts(model, BYTES, source="en-de", target="es-fr", mean_over=["de"], **OPTIONS)
    with pytest.raises(BadArgument, match="at='first' is not a place"):
        concepts(model, BYTES, source="en-de", target="es-fr", at="first", **OPTIONS)
    with pytest.raises(BadArgument, match="7 concepts are too few for 6 shots"):
        concepts(model, BYTES, source="en-de", target="es-fr", shots=6, progress=False)
    for options in ({"batch_size": 0}, {"limit": 0}, {"shots": -1}):
        with pytest.raises(BadArgument):
            concepts(model, BYTES, source="en-de", target="es-fr", **{**OPTIONS, **options})


def test_an_interrupted_run_keeps_its_pairs(monkeypatch):
    module = importlib.import_module("workbench.patching.concepts.concepts")
    options = {"source": "en-de", "target": "es-fr", "batch_size": 2, **OPTIONS}
    whole = concepts(wrapped("llama"), BYTES, **options)
    true, calls = module.measure, []

    def measure(*args):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return true(*args)

    monkeypatch.setattr(module, "measure", measure)
    with pytest.raises(Interrupted, match="4 of 7 pairs are finished") as stop:
        concepts(wrapped("llama"), BYTES, **options)
    partial = stop.value.partial
    np.testing.assert_array_equal(partial.pair_probability[:4], whole.pair_probability[:4])
    assert np.isnan(partial.pair_probability[4:]).all()
    assert partial.attrs["pairs"] == 4
