"""Readers of tasks: our rows, the published layouts, the shipped words; rows here are written for these tests."""

import json

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadArgument, BadTask, UnknownLanguage, WorkbenchWarning
from workbench.text.tasks.rows import letters_of

XCOPA = {
    "it": {"premise": "Il gatto dorme.", "choice1": "Beve.", "choice2": "Sogna.", "question": "effect", "label": 1},
    "tr": {"premise": "Kedi uyuyor.", "choice1": "Su içti.", "choice2": "Koştu.", "question": "cause", "label": 1},
    "zh": {"premise": "猫在睡觉。", "choice1": "它累了。", "choice2": "它饿了。", "question": "cause", "label": 1},
    "sw": {"premise": "Paka analala.", "choice1": "Amechoka.", "choice2": "Anakula.", "question": "effect", "label": 1},
}


def write(folder, name, rows):
    path = folder / name
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_our_own_rows(tmp_path):
    rows = [
        {"id": "a", "language": "de", "context": "Der Himmel ist", "options": ["blau", "laut"], "gold": 0},
        {"id": "a", "language": "en", "context": "The sky is", "options": ["blue", "loud"], "gold": "blue"},
        {"id": "b", "language": "en", "context": "", "options": ["x", "y", "z"], "gold": [0, 2]},
    ]
    task = wb.load_task(write(tmp_path, "task.jsonl", rows))
    assert task.languages == ("de", "en") and task.ids == ("a", "b") and task.unmatched == 1
    assert task.gold == (frozenset({0}), frozenset({0, 2}))
    assert wb.load_task(rows).info["hash"] == task.info["hash"] == wb.load_task(pd.DataFrame(rows)).info["hash"]


def test_an_item_may_have_a_context_for_each_option():
    row = {"language": "en", "context": ["The cat sat, the cat", "The cat sat, the mat"], "options": ["ran", "ran"]}
    assert wb.load_task([{**row, "gold": 1}]).context["en"] == (tuple(row["context"]),)


def test_xcopa(tmp_path):
    for language, row in XCOPA.items():
        write(tmp_path, f"test.{language}.jsonl", [{**row, "idx": 7}])
    task = wb.load_task(tmp_path, languages="it,tr,zh,sw")
    assert task.ids == ("7",) and task.aligned and task.gold == (frozenset({1}),)
    assert {language: task.context[language][0] for language in XCOPA} == {
        "it": "Il gatto dorme quindi",
        "tr": "Kedi uyuyor çünkü",
        "zh": "猫在睡觉 因为",
        "sw": "Paka analala kwa hiyo",
    }
    assert task.options["it"] == (("beve.", "sogna."),)
    with pytest.raises(BadTask, match="XCOPA has no connector for 'de'"):
        wb.load_task({"de": [XCOPA["it"]]})


def test_belebele_counts_from_one_and_joins_by_passage_and_question():
    row = {"flores_passage": "P.", "question": "Q? ", "link": "u", "question_number": 2, "correct_answer_num": "3"}
    answers = {f"mc_answer{n}": f"answer {n}" for n in range(1, 5)}
    task = wb.load_task([{**row, **answers, "dialect": "deu_Latn"}, {**row, **answers, "dialect": "eng_Latn"}])
    assert task.languages == ("de", "en") and task.ids == ("u 2",) and task.aligned
    assert task.context["de"] == ("P.\nQ?",) and task.gold == (frozenset({2}),)


def test_xstorycloze_joins_four_sentences():
    row = {f"input_sentence_{n}": f"S{n}." for n in range(1, 5)}
    ends = {"sentence_quiz1": "E1.", "sentence_quiz2": "E2.", "answer_right_ending": 2, "story_id": "s"}
    task = wb.load_task({"ar": [{**row, **ends}]})
    assert task.context["ar"] == ("S1. S2. S3. S4.",) and task.gold == (frozenset({1}),) and task.ids == ("s",)


def test_mgsm_has_no_header_and_is_generated(tmp_path):
    (tmp_path / "mgsm_de.tsv").write_text("Wie viel ist 2+3?\t5\nUnd 10*100?\t1,000\n", encoding="utf-8")
    task = wb.load_task(tmp_path)
    assert task.kind == "generate" and task.options["de"] == (("5",), ("1,000",))


def test_mmlu_and_include():
    row = {"question": "Q?", **{f"option_{letter}": letter * 2 for letter in "abcd"}}
    rows = {language: [{**row, "id": "1", "answer": "C"}] for language in ("de", "en")}
    assert wb.load_task(rows).gold == (frozenset({2}),)
    native = {language: [{**row, "id": "1", "answer": 2, "country": "x"}] for language in ("de", "en")}
    task = wb.load_task(native)
    assert not task.aligned and task.unmatched == 2


def test_mubench_finds_options_behind_any_colon(tmp_path):
    row = {"_id": 4, "prompt": "问题\nA：一\nB：二\nC: 三\n答案", "label": 1}
    (tmp_path / "XDataset_local_template_zh.json").write_text(json.dumps([row]), encoding="utf-8")
    task = wb.load_task(tmp_path)
    assert task.options["zh"] == (("A", "B", "C"),) and task.gold == (frozenset({1}),)
    cloze = wb.load_task({"zh": [{**row, "choices": ["一", "二"]}]})
    assert cloze.options["zh"] == (("一", "二"),)
    assert letters_of("السؤال\nA: x\nB: y\nA: z") == ("A", "B")
    with pytest.raises(BadTask, match="lists 1 options"):
        letters_of("A: x, then C: y")


def test_a_reader_of_ones_own():
    def read(row, language, number):
        return wb.evaluation.Item(number, row["q"], ("yes", "no"), frozenset({row["right"]}))

    task = wb.load_task({"en": [{"q": "Is it?", "right": 1}]}, format=read)
    assert task.context["en"] == ("Is it?",) and task.gold == (frozenset({1}),)


def test_words_are_aligned_and_their_options_are_the_same_concepts():
    words, task = wb.load_words(), wb.load_task("words", languages="de,fr,en", limit=12)
    assert len(task) == 12 and task.aligned and set(task.delimiter.values()) == {""}
    for row, concept in enumerate(task.ids):
        (gold,) = task.gold[row]
        for language in task.languages:
            options = task.options[language][row]
            assert options[gold] == words.loc[concept, language] and len(set(options)) == 4
            concepts = [[c for c in words.index if words.loc[c, language] == option] for option in options]
            english = [[c for c in words.index if words.loc[c, "en"] == option] for option in task.options["en"][row]]
            assert all(set(a) & set(b) for a, b in zip(concepts, english, strict=True))
            assert task.context[language][row].endswith(': "')
    assert task.context["de"][0].splitlines()[-1].startswith("English:")
    assert task.context["en"][0].splitlines()[-1].startswith("Deutsch:")
    assert wb.load_task("words", languages="de", limit=12).options["de"] == task.options["de"]
    assert wb.load_task("words:fr", languages="de", limit=1).context["de"][0].startswith("Français:")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("no/such/file.jsonl", "there is no file at"),
        ("wrods", "there is no task 'wrods': no such file or folder .shipped: words, words:LANGUAGE, cypher;"),
        ([], "cannot read a task from list"),
        ([{"language": "en", "x": 1}], "no known task has the fields"),
        ([{"context": "a", "options": ["b", "c"], "gold": 0}], "no language"),
        ([{"language": "en", "context": "a", "options": ["b", "c"], "gold": 2}], "gold is"),
        ([{"language": "en", "context": "a", "options": ["b", "c"], "gold": "d"}], "none of the options"),
        ([{"language": "en", "context": "a", "options": "bc", "gold": 0}], "expected a list of texts"),
        ({"en": [{**XCOPA["it"], "question": "why"}]}, "no connector for 'en'"),
        ({"it": [{**XCOPA["it"], "question": "why"}]}, "asks for the cause or the effect"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(source, message):
    with pytest.raises(BadTask, match=message):
        wb.load_task(source)


def test_an_unknown_language_or_format_is_refused():
    rows = [{"language": "en", "context": "a", "options": ["b", "c"], "gold": 0}]
    with pytest.raises(UnknownLanguage):
        wb.load_task(rows, languages="de")
    with pytest.raises(BadTask, match="format='xx' does not exist"):
        wb.load_task(rows, format="xx")


def test_a_format_or_split_without_use_is_refused(tmp_path):
    row = {"id": "1", "language": "en", "context": "a", "options": ["b", "c"], "gold": 0}
    rows = wb.load_task([row])
    for source in ("words", "words:de", "cypher", "lm_eval:xcopa_it", rows):
        with pytest.raises(BadArgument, match="format= is of rows"):
            wb.load_task(source, format="rows")
    for source in ("words", "words:de", "lm_eval:xcopa_it", rows, [row], pd.DataFrame([row])):
        with pytest.raises(BadArgument, match="split= chooses among a folder's files"):
            wb.load_task(source, split="test")
    (tmp_path / "words.en.jsonl").write_text(json.dumps(row))
    assert wb.load_task(tmp_path, split="words", format="rows").ids == ("1",)


@pytest.mark.parametrize(
    ("options", "answer", "place"), [(["O", "A", "B", "AB"], "A", 0), (["3", "0", "1", "2"], "2", 2)]
)
def test_a_letter_or_place_is_read_as_the_format_defines_it(options, answer, place):
    row = {"question": "Q?", **dict(zip(("option_a", "option_b", "option_c", "option_d"), options, strict=True))}
    assert wb.load_task({"en": [{**row, "answer": answer}]}).gold == (frozenset({place}),)
    mubench = {"_id": 1, "prompt": "Q?", "choices": options, "label": answer}
    assert wb.load_task({"en": [mubench]}).gold == (frozenset({place}),)
    with pytest.raises(BadTask, match=r"is the text of option .* by its place or letter"):
        wb.load_task({"en": [{"context": "Q?", "options": options, "gold": answer}]})


def test_xcopa_labels_are_places_even_where_choices_are_numbers():
    row = {"premise": "P.", "choice1": "1", "choice2": "0", "question": "cause", "label": "0"}
    assert wb.load_task({"it": [row]}).gold == (frozenset({0}),)


@pytest.mark.parametrize("source", ["frame", "parquet"])
def test_columns_of_arrays_are_lists(tmp_path, source):
    def task(rows, name):
        frame = pd.DataFrame(rows)
        for column in ("options", "choices", "gold"):
            if column in frame and isinstance(rows[0][column], list):
                frame[column] = [np.array(values) for values in frame[column]]
        if source == "frame":
            return wb.load_task(frame)
        pytest.importorskip("pyarrow")
        frame.to_parquet(tmp_path / name)
        return wb.load_task(tmp_path / name)

    own = [{"language": "en", "context": "The sky is", "options": ["blue", "loud", "red"], "gold": [0, 2]}] * 1
    assert task(own, "own.parquet").info["hash"] == wb.load_task(own).info["hash"]
    mubench = [{"language": "en", "_id": 4, "prompt": "Q?", "choices": ["a", "b"], "label": 1}]
    read = task(mubench, "mubench.parquet")
    assert read.options["en"] == (("a", "b"),) and read.gold == (frozenset({1}),)


def test_a_tsv_with_the_header_of_any_known_format_has_one(tmp_path):
    header = ["InputStoryid", *(f"input_sentence_{n}" for n in range(1, 5)), "sentence_quiz1", "sentence_quiz2"]
    lines = [[*header, "answer_right_ending"], ["s1", "A.", "B.", "C.", "D.", "E1.", "E2.", "2"]]
    (tmp_path / "val.ar.tsv").write_text("\n".join(map("\t".join, lines)) + "\n", encoding="utf-8")
    task = wb.load_task(tmp_path)
    assert task.ids == ("s1",) and task.context["ar"] == ("A. B. C. D.",) and task.gold == (frozenset({1}),)


ROWS = pd.DataFrame({"id": ["a", "b"], "context": ['He said "yes"', "one\ttab"], "gold": ['say "no"', "42"]})


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_tsv_as_pandas_and_spreadsheets_write_it_has_the_texts_of_the_frame(tmp_path, ends, encoding):
    ROWS.to_csv(tmp_path / "test.de.tsv", sep="\t", index=False, lineterminator=ends, encoding=encoding)
    task = wb.load_task(tmp_path / "test.de.tsv")
    assert task.ids == ("a", "b") and task.context["de"] == tuple(ROWS.context)
    assert [only for (only,) in task.options["de"]] == ROWS.gold.tolist()


def test_mgsm_of_windows_has_no_carriage_return_in_its_answers(tmp_path):
    (tmp_path / "mgsm_de.tsv").write_bytes(b'Wie viel ist 2+3?\t5\r\nUnd "10"?\t1,000\r\n')
    task = wb.load_task(tmp_path)
    assert task.options["de"] == (("5",), ("1,000",)) and task.context["de"][1] == 'Und "10"?'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id\tcontext\tcontext\tgold\na\tA?\tB?\tC\n", "the header names 'context' more than once"),
        ("ID\tContext\tGold\na\tA?\tC\n", "line 1: 3 cells; without a known field in the first line, .* are 2"),
        ("id\tcontext\tgold\na\tA?\n", "line 2: 2 cells; the header has 3"),
    ],
    ids=["twice", "unknown", "ragged"],
)
def test_a_tsv_whose_header_is_wrong(tmp_path, text, message):
    (tmp_path / "test.de.tsv").write_text(text, encoding="utf-8")
    with pytest.raises(BadTask, match=message):
        wb.load_task(tmp_path / "test.de.tsv")


def test_no_item_is_lost_and_none_gets_the_language_of_another(tmp_path):
    row = {"context": "A?", "options": ["x", "y"], "gold": 0}
    with pytest.raises(BadTask, match="de more than once, in two spellings"):
        wb.load_task({"de": [{**row, "id": "a"}], "deu_Latn": [{**row, "id": "b"}]})
    with pytest.raises(BadTask, match="comes more than once"):
        wb.load_task({"de": [{**row, "id": "a\ud800"}, {**row, "id": "a\udc00"}]})
    rows = [{**row, "id": str(n), "language": code} for n, code in enumerate(("de", "fr"))]
    with pytest.raises(BadTask, match="line 1: its language is 'de', and the file's name says 'en'; rename the file"):
        wb.load_task(write(tmp_path, "multi-en.jsonl", rows))
    same = [{**row, "id": "0", "language": code} for code in ("zho_Hant",)]
    assert wb.load_task(write(tmp_path, "test.zh-TW.jsonl", same)).languages == ("zh-Hant",)


def test_a_lone_surrogate_of_a_json_file_becomes_a_sign_that_tokenizers_read(tmp_path):
    text = '{"id": "a", "context": "A\\ud800?", "options": ["x\\udc00", "\\ud83d\\ude00"], "gold": 0}'
    (tmp_path / "test.de.jsonl").write_text(text, encoding="utf-8")
    with pytest.warns(WorkbenchWarning, match=r"hidden or non-text characters \(de 2\): U\+D800"):
        task = wb.load_task(tmp_path / "test.de.jsonl")
    assert task.context["de"] == ("A\ufffd?",) and task.options["de"] == (("x\ufffd", "😀"),)


def test_ids_of_a_frame_that_made_floats_of_them():
    own = [{"language": "de", "id": n, "context": "A?", "options": ["x", "y"], "gold": 0} for n in (1, 2)]
    other = [{**row, "language": "fr", "id": float(row["id"])} for row in own]
    task = wb.load_task([*own, *other])
    assert task.ids == ("1", "2") and task.aligned
    without = wb.load_task([{**own[0], "id": float("nan")}, {**own[1], "id": None}])
    assert without.ids == ("0", "1")


def test_xstorycloze_of_the_tsv_files_is_that_of_the_hub(tmp_path):
    sentences = [f"InputSentence{n}" for n in range(1, 5)]
    header = ["InputStoryid", *sentences, "RandomFifthSentenceQuiz1", "RandomFifthSentenceQuiz2", "AnswerRightEnding"]
    lines = [header, ["s1", "A.", "B.", "C.", "D.", "E1.", "E2.", "2"]]
    (tmp_path / "spring2016.val.eu.tsv").write_text("\n".join(map("\t".join, lines)) + "\n", encoding="utf-8")
    hub = {f"input_sentence_{n}": f"{letter}." for n, letter in enumerate("ABCD", 1)}
    hub |= {"sentence_quiz1": "E1.", "sentence_quiz2": "E2.", "answer_right_ending": 2, "story_id": "s1"}
    assert wb.load_task(tmp_path).info["hash"] == wb.load_task({"eu": [hub]}).info["hash"]
    mixed = {"story_id": "s1", **dict(zip(header[1:], lines[1][1:], strict=True))}
    assert wb.load_task({"eu": [mixed]}, format="xstorycloze").ids == ("s1",)


def test_a_delimiter_of_rows():
    rows = [{"language": code, "context": "a", "options": ["b", "c"], "gold": 0} for code in ("zh", "de")]
    plain, every = wb.load_task(rows), wb.load_task(rows, delimiter="\n")
    assert [plain.separator(code) for code in ("zh", "de")] == [" ", " "]
    assert [every.separator(code) for code in ("zh", "de")] == ["\n", "\n"]
    chinese = wb.load_task(rows, delimiter={"zho": ""})
    assert [chinese.separator(code) for code in ("zh", "de")] == ["", " "]
    assert len({task.info["hash"] for task in (plain, every, chinese)}) == 3
    assert wb.load_task(chinese, delimiter={"de": "-"}).delimiter == {"zh": "", "de": "-"}
    assert wb.load_task(chinese, delimiter={}).delimiter == {"zh": ""}
    with pytest.raises(UnknownLanguage, match="fr"):
        wb.load_task(rows, delimiter={"fr": ""})
    with pytest.raises(BadArgument, match="delimiter"):
        wb.load_task(rows, delimiter={"zh": 1})
