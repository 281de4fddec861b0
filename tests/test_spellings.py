"""Wherever a language is asked for, any of its spellings means the same, and an unknown one is refused by name."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import UnknownLanguage
from workbench.heads.removal.diagonal import diagonal
from workbench.patching.concepts.concept_pairs import routes
from workbench.text.corpus import Corpus
from workbench.text.identification.answers import answer_matcher
from workbench.text.identification.identify import by_lingua

SPELLINGS = ("deu", "German", "DE")
TEXTS = {
    "de": ("der Hund", "eine Katze", "das Wasser", "ein Haus"),
    "fr": ("le chien", "un chat", "de l'eau", "la maison"),
    "en": ("the dog", "a cat", "the water", "a house"),
}
CORPUS = Corpus(TEXTS, aligned=True, source="dict")
WORDS = pd.DataFrame(
    {
        "de": ["Hund", "Brot", "Gold", "Fuchs", "Milch", "Turm"],
        "fr": ["chien", "pain", "or", "renard", "lait", "tour"],
        "en": ["dog", "bread", "jewel", "wolf", "sugar", "knife"],
        "it": ["quaglia", "albero", "biscotto", "volo", "zucca", "pera"],
    },
    index=["dog", "bread", "gold", "fox", "milk", "tower"],
)
GROUPS = {"de": [(0, 1), (1, 2)], "fr": [(2, 0)], "en": [(1, 0)]}
QUIET = {"progress": False}
FEW = {"shots": 1, **QUIET}


def identify(text):
    return ("de", "fr", "en")[len(text) % 3]


def off_target(model, target):
    return wb.heads.off_target(model, CORPUS, [(2, 1)], target=target, controls=2, tokens=3, identify=identify, **QUIET)


def steer(model, **sides):
    counts = wb.neurons.firing(model, CORPUS, moments=True, **QUIET)
    return wb.neurons.steer(model, CORPUS, GROUPS, counts, doses=[1], controls=2, **QUIET, **sides)


def compared(model, trained):
    found = wb.neurons.ternary(wb.neurons.firing(model, CORPUS, **QUIET))
    return wb.neurons.compare(found, found, trained=trained, permutations=9)


CALLS = {
    "corpus.select": lambda model, code: CORPUS.select(code).frame(),
    "load_corpus(languages=)": lambda model, code: wb.load_corpus(CORPUS, languages=[code]).frame(),
    "load_corpus(columns=)": lambda model, code: wb.load_corpus(
        pd.DataFrame({"src": ["Hund"], "fr": ["chien"]}), columns={"src": code}
    ).frame(),
    "load_words(languages=)": lambda model, code: wb.load_words(WORDS, languages=[code, "fr"]),
    "as_chat(user=)": lambda model, code: CORPUS.as_chat({code: "Sag was.", "fr": "Dis.", "en": "Say."}).info["user"],
    "translation_pairs(source=)": lambda model, code: wb.translation_pairs(WORDS, source=code, target="fr", shots=1),
    "translation_pairs(target=)": lambda model, code: wb.translation_pairs(WORDS, source="fr", target=code, shots=1),
    "prune(keep=)": lambda model, code: wb.heads.prune(
        model, CORPUS, keep=code, drop="fr", budget=0.5, most=1, draws=2, compare=("random",), **QUIET
    ),
    "prune(drop=)": lambda model, code: wb.heads.prune(
        model, CORPUS, keep="fr", drop=[code], budget=0.5, most=1, draws=2, compare=("random",), **QUIET
    ),
    "off_target(target=)": off_target,
    "off_target(target={})": lambda model, code: off_target(model, {"de": code, "fr": code, "en": "en"}),
    "off_target(target={key})": lambda model, code: off_target(model, {code: "fr", "fr": "fr", "en": "en"}),
    "steer(on=)": lambda model, code: steer(model, on=code, off="fr"),
    "steer(off=)": lambda model, code: steer(model, on="fr", off=code),
    "compare(trained=)": compared,
    "concepts(source=)": lambda model, code: wb.patching.concepts(
        model, WORDS, source=f"{code}-it", target="fr-en", **FEW
    ),
    "concepts(target=)": lambda model, code: wb.patching.concepts(model, WORDS, source="fr-en", target=code, **FEW),
    "concepts(mean_over=)": lambda model, code: wb.patching.concepts(
        model, WORDS, source="fr-it", target="fr-en", mean_over=[code], **FEW
    ),
    "onsets(languages=)": lambda model, code: wb.patching.onsets(model, WORDS, languages=[code, "fr"], **FEW),
    "onsets(shown=)": lambda model, code: wb.patching.onsets(model, WORDS, languages=["en", "fr"], shown=code, **FEW),
    "by_language(source=)": lambda model, code: wb.lens.by_language(model, WORDS, source=code, target="fr", **FEW),
    "by_language(target=)": lambda model, code: wb.lens.by_language(model, WORDS, source="fr", target=code, **FEW),
    "by_language(languages=)": lambda model, code: wb.lens.by_language(
        model, WORDS, source="fr", target="en", languages=[code], **FEW
    ),
    "depth(source=)": lambda model, code: wb.lens.depth(model, WORDS, source=code, target="fr", **FEW),
    "depth(target=)": lambda model, code: wb.lens.depth(model, WORDS, source="fr", target=code, **FEW),
    "latent(source=)": lambda model, code: wb.lens.latent(model, WORDS, source=code, target="fr", **FEW),
    "latent(target=)": lambda model, code: wb.lens.latent(model, WORDS, source="fr", target=code, **FEW),
    "latent(languages=)": lambda model, code: wb.lens.latent(
        model, WORDS, source="fr", target="en", languages=[code, "fr"], **FEW
    ),
    "planted.heads": lambda model, code: wb.planted.heads(languages=[code, "fr"]).corpus.frame(),
    "planted.neurons": lambda model, code: wb.planted.neurons(languages=[code, "fr"]).corpus.frame(),
    "matrix(language=)": lambda model, code: wb.figures.matrix(
        wb.heads.knockout(model, CORPUS, GROUPS, controls=1, **QUIET), "excess", language=[code]
    ).to_json(),
}
UNKNOWN = [name for name in CALLS if name != "off_target(target={key})"]  # see below


def alike(one, other):
    if hasattr(one, "data_vars"):
        assert one.equals(other)
    elif isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other)
    else:
        assert one == other


@pytest.mark.parametrize("name", CALLS)
def test_every_spelling_means_the_same(wrapped, name):
    model = wrapped("llama")
    expected = CALLS[name](model, "de")
    for spelling in SPELLINGS:
        alike(CALLS[name](model, spelling), expected)


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_language_is_refused_by_name(wrapped, name):
    with pytest.raises(UnknownLanguage, match=r"xx|no user turn is given for de"):
        CALLS[name](wrapped("llama"), "xx")


def test_a_language_of_the_prompts_without_a_target_is_named(wrapped):
    with pytest.raises(UnknownLanguage, match="no language for prompts in de"):
        off_target(wrapped("llama"), {"xx": "fr", "fr": "fr", "en": "en"})


def test_routes_are_divided_where_both_parts_are_languages():
    words = pd.DataFrame({code: ["a", "b"] for code in ("zh-Hant", "zh", "en", "pt-BR", "de")})
    found = routes(words, "zh-Hant-en", "pt-BR-zh-Hant")
    assert [(one.shown, one.answer) for one in found] == [("zh-Hant", "en"), ("pt-BR", "zh-Hant")]
    found = routes(words, "de-zh-TW", ("pt-BR", "Chinese"))
    assert [(one.shown, one.answer) for one in found] == [("de", "zh-Hant"), ("pt-BR", "zh")]
    assert [(one.shown, one.answer) for one in routes(words, "zh-Hant", "German")] == [("en", "zh-Hant"), ("en", "de")]


def test_a_route_names_the_language_that_is_not_there():
    words = pd.DataFrame({code: ["a", "b"] for code in ("zh-Hant", "en", "de")})
    for route, lacking in (
        ("de-it", "'it'"),
        ("en-GB", "'GB'"),
        ("de-xx", "'xx'"),
        ("zh-Hant-xx", "'xx'"),
        ("sr-Latn-en", "'sr-Latn'"),
    ):
        with pytest.raises(UnknownLanguage, match=f"{lacking} is not in this word list"):
            routes(words, route, "en")
    for route in ("de-de", "a-b-c"):
        with pytest.raises(wb.errors.BadArgument, match="is not a language or two different ones"):
            routes(words, route, "en")
    with pytest.warns(match="'en-GB' is not there; 'en'"):
        assert routes(words, "de-zh-Hant", ("de", "en-GB"))[1].answer == "en"


def test_a_route_that_can_be_divided_in_two_ways_is_refused():
    words = pd.DataFrame({code: ["a", "b"] for code in ("ar-SA", "ar", "sa", "en")})
    with pytest.raises(wb.errors.BadArgument, match=r"'ar-SA' can be read as 'ar-SA' or 'ar' and 'sa'; give two"):
        routes(words, "ar-SA", "en")
    assert routes(words, ("ar", "sa"), "ar-en")[0].answer == "sa"


def test_a_group_named_by_a_language_is_that_languages_group():
    samples = np.random.default_rng(0).normal(size=(2, 2, 6))
    names = [diagonal(samples, groups, ["de", "fr"], aligned=True) for groups in (["de", "fr"], ["German", "fra"])]
    np.testing.assert_array_equal(names[0].contrast, names[1].contrast)


def test_an_identifiers_spelling_is_that_of_the_prompts():
    assert answer_matcher(["de", "zh-Hant"])(["deu", "zh-TW", "fr", "", None]) == [
        "de",
        "zh-Hant",
        "fr",
        None,
        None,
    ]


def test_by_lingua_takes_every_spelling():
    answers = {code: by_lingua([code, "fr"])("Das ist ein Haus mit einem Garten.") for code in ("de", *SPELLINGS)}
    assert answers == {code: code for code in answers}


def test_prefixes_of_another_spelling_belong_to_the_texts(wrapped):
    starts = Corpus({"deu": ("der", "eine", "das", "ein")}, aligned=False, source="dict")
    german = CORPUS.select("de")
    found = wb.neurons.firing(wrapped("llama"), german, prefix=starts, **QUIET)
    same = Corpus({"de": starts.texts["deu"]}, aligned=False, source="dict")
    expected = wb.neurons.firing(wrapped("llama"), german, prefix=same, **QUIET)
    np.testing.assert_array_equal(found.prefix_fired, expected.prefix_fired)
