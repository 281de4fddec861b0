import warnings

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadArgument, BadCorpus, BadPairs, UnknownLanguage
from workbench.text.pairs import first_tokens
from workbench.text.words import translation_prompts

TABLE = "concept\tpos\tde\tfr\tja\nwater\tn\tWasser\teau\t水\ndog\tn\tHund\tchien\t犬\nthree\tnum\tdrei\ttrois\t三\n"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "words.tsv"
    path.write_text(TABLE)
    return path


def test_a_row_a_concept_and_a_column_a_language(table):
    words = wb.load_words(table)
    assert list(words.columns) == ["de", "fr", "ja"]
    assert words.index.name == "concept"
    assert words.loc["dog"].tolist() == ["Hund", "chien", "犬"]
    assert words.attrs["pos"] == {"water": "n", "dog": "n", "three": "num"}
    assert list(wb.load_words(table, languages=["ja", "de"]).columns) == ["ja", "de"]


def test_frames_are_read_alike_and_pass_through(table):
    words = wb.load_words(table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pd.testing.assert_frame_equal(wb.load_words(pd.read_csv(table, sep="\t")), words)
        pd.testing.assert_frame_equal(wb.load_words(words), words)


def test_without_concepts_the_first_language_names_the_rows(tmp_path):
    path = tmp_path / "words.tsv"
    path.write_text("pos\ten\tde\nn\twater\tWasser\n")
    assert wb.load_words(path, languages="de").index.tolist() == ["water"]


def test_a_missing_word_drops_the_concept(tmp_path):
    path = tmp_path / "words.tsv"
    path.write_text(TABLE.replace("chien", ""))
    with pytest.warns(UserWarning, match="dropped 1 of 3 rows"):
        words = wb.load_words(path)
    assert words.index.tolist() == ["water", "three"]
    assert words.attrs["dropped"] == 1
    assert words.attrs["pos"] == {"water": "n", "three": "num"}
    assert len(wb.load_words(path, languages=["de", "ja"])) == 3


def test_bad_word_lists(tmp_path, table):
    with pytest.raises(UnknownLanguage, match=r"'xx' is not in .*\(has: de, fr, ja\)"):
        wb.load_words(table, languages=["de", "xx"])
    with pytest.raises(BadCorpus, match="there is no file"):
        wb.load_words(tmp_path / "none.tsv")
    with pytest.raises(BadCorpus, match="from list"):
        wb.load_words([1])
    table.write_text(TABLE.replace("dog", "water"))
    with pytest.raises(BadCorpus, match="more than once: water"):
        wb.load_words(table)
    table.write_text("concept\tpos\nwater\tn\n")
    with pytest.raises(BadCorpus, match="no column is headed by a language"):
        wb.load_words(table)


def test_translation_pairs_by_hand(table):
    pairs = wb.translation_pairs(wb.load_words(table), source="de", target="fr", shots=1)
    assert len(pairs) == 3
    assert pairs.dropped == 0
    french = {"Wasser": "eau", "Hund": "chien", "drei": "trois"}
    names = {"Wasser": "water", "Hund": "dog", "drei": "three"}
    for pair in pairs:
        asked_of_source, asked_of_target = (
            prompt.splitlines()[1].split('"')[1] for prompt in (pair.source, pair.target)
        )
        (shown,) = set(french) - {asked_of_source, asked_of_target}
        shot = f'Deutsch: "{shown}" - Français: "{french[shown]}"\n'
        assert pair.source == shot + f'Deutsch: "{asked_of_source}" - Français: "'
        assert pair.target == shot + f'Deutsch: "{asked_of_target}" - Français: "'
        assert pair.answer == french[asked_of_source]
        assert pair.foil == french[asked_of_target]
        assert pair.name == f"{names[asked_of_source]} into {names[asked_of_target]}"
    assert {pair.foil for pair in pairs} == {pair.answer for pair in pairs} == set(french.values())


def test_no_shots_and_limits(table):
    words = wb.load_words(table)
    pairs = wb.translation_pairs(words, source="ja", target="de", shots=0, limit=2)
    assert len(pairs) == 2
    assert pairs[0].target.startswith('日本語: "')
    assert "\n" not in pairs[0].target
    assert wb.translation_pairs(words, source="ja", target="de", shots=0).items[:2] == pairs.items


def test_the_seed_decides(table):
    words = pd.DataFrame({"de": [f"d{i}" for i in range(30)], "fr": [f"f{i}" for i in range(30)]})
    make = [wb.translation_pairs(words, source="de", target="fr", seed=seed).hash for seed in (0, 0, 1)]
    assert make[0] == make[1] != make[2]


def test_shots_never_show_what_is_asked():
    words = pd.DataFrame({"de": [f"d{i}" for i in range(12)], "fr": [f"f{i // 2}" for i in range(12)]})
    pairs = wb.translation_pairs(words, source="de", target="fr", shots=3)
    for pair in pairs:
        shown = pair.target.rsplit("\n", 1)[0]
        assert f'"{pair.answer}"' not in shown
        assert f'"{pair.foil}"' not in shown
        assert pair.answer != pair.foil
        assert pair.source.rsplit("\n", 1)[0] == shown
    assert len(pairs) + pairs.dropped == 12


class Letters:
    """One token a character."""

    def __call__(self, text, add_special_tokens):
        return {"input_ids": [ord(character) for character in text]}

    def decode(self, ids):
        return "".join(map(chr, ids))


def test_answers_that_begin_alike_are_dropped_and_counted():
    words = pd.DataFrame({"de": list("abcdefgh"), "fr": ["pa", "pb", "qa", "qb", "ra", "rb", "sa", "sb"]})
    options = {"source": "de", "target": "fr", "shots": 2}
    everything = wb.translation_pairs(words, **options)
    pairs = wb.translation_pairs(words, **options, tokenizer=Letters())
    kept = tuple(pair for pair in everything if pair.answer[0] != pair.foil[0])
    assert pairs.items == kept
    assert pairs.dropped == 8 - len(kept)
    assert first_tokens(Letters(), "pa") == {ord("p")}
    few = wb.translation_pairs(words, **options, tokenizer=Letters(), limit=2)
    assert few.items == kept[:2]


def test_when_all_answers_begin_alike_nothing_is_left():
    words = pd.DataFrame({"de": list("abcd"), "fr": ["pa", "pb", "pc", "pd"]})
    with pytest.raises(BadPairs, match="all 4 pairs de-fr were dropped"):
        wb.translation_pairs(words, source="de", target="fr", shots=1, tokenizer=Letters())


def test_bad_arguments(table):
    words = wb.load_words(table)
    with pytest.raises(UnknownLanguage, match=r"'en' is not in this word list \(has: de, fr, ja\)"):
        wb.translation_pairs(words, source="de", target="en", shots=1)
    with pytest.raises(BadArgument, match="3 concepts are too few for 2 shots"):
        wb.translation_pairs(words, source="de", target="fr", shots=2)
    for wrong in ({"shots": -1}, {"limit": 0}):
        with pytest.raises(BadArgument):
            wb.translation_pairs(words, source="de", target="fr", **wrong)


def test_with_a_tokenizer_both_prompts_have_one_length():
    words = pd.DataFrame({"de": ["a", "bb", "c", "dd", "e", "ff", "ggg"], "fr": list("pqrstuv")})
    pairs = wb.translation_pairs(words, source="de", target="fr", shots=2, tokenizer=Letters())
    assert len(pairs) == 6
    assert pairs.dropped == 1  # "ggg" has no partner of its length
    for pair in pairs:
        assert len(pair.source) == len(pair.target)
        assert pair.answer != pair.foil
    with pytest.raises(BadPairs, match="no two words have the same number of tokens"):
        lengths = pd.DataFrame({"de": ["a", "bb", "ccc"], "fr": list("pqr")})
        wb.translation_pairs(lengths, source="de", target="fr", shots=1, tokenizer=Letters())


def test_one_prompt_for_each_concept():
    words = pd.DataFrame(
        {"de": ["a", "b", "c", "d"], "fr": ["p", "q", "q", "s"]}, index=pd.Index(["A", "B", "C", "D"], name="concept")
    )
    prompts = translation_prompts(words, source="de", target="fr", shots=2)
    assert sorted(prompts) == ["A", "B", "C", "D"]
    for concept, prompt in prompts.items():
        *shown, question = prompt.splitlines()
        assert question == f'Deutsch: "{words.loc[concept, "de"]}" - Français: "'
        assert len(shown) == 2
        assert not any(f'"{words.loc[concept, "fr"]}"' in line for line in shown)
    assert list(translation_prompts(words, source="de", target="fr", shots=2, limit=2)) == list(prompts)[:2]
    with pytest.raises(BadArgument, match="4 concepts are too few for 3 shots"):
        translation_prompts(words, source="de", target="fr", shots=3)
    with pytest.raises(BadArgument, match="limit=0"):
        translation_prompts(words, source="de", target="fr", limit=0)


def test_rows_that_come_again_are_counted_and_named():
    table = {
        "concept": ["a", "b", "c", "d"],
        "de": ["Käse", "Hund", "Ka\u0308se ", "Käse"],
        "en": ["cheese", *"xy", "cheese"],
    }
    table["en"][2] = " cheese"
    with pytest.warns(UserWarning, match=r"no further evidence: 2 of 4 \(c, d\); intervals draw equal rows together"):
        wb.load_words(pd.DataFrame(table))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wb.load_words(pd.DataFrame(table | {"fr": ["fromage", "chien", "w", "z"]}), normalize=None)
        wb.load_words()


@pytest.mark.parametrize("word", [["cat", "kitty"], b"dog", {"a": 1}, 7, True])
def test_words_are_texts(word):
    with pytest.raises(BadCorpus, match=r"frame, row 1: .* not text, in column 'en'"):
        wb.load_words(pd.DataFrame({"de": ["Hund", "Katze"], "en": pd.Series(["dog", word], dtype=object)}))
