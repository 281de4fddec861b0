import json
import warnings

import datasets
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadArgument, BadCorpus, UnknownLanguage

TABLE = "id\ttopic\tde\ten\tja\n001\tx\tEins.\tOne.\t一。\n002\ty\tZwei.\tTwo.\t二。\n003\ty\tDrei.\tThree.\t三。\n"
WIDE = {"de": ("Eins.", "Zwei.", "Drei."), "en": ("One.", "Two.", "Three."), "ja": ("一。", "二。", "三。")}


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def quietly(*args, **options):
    """Load, and fail on any warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return wb.load_corpus(*args, **options)


@pytest.mark.parametrize(
    "table", [TABLE, TABLE.replace("\n", "\r\n"), "\ufeff" + TABLE, TABLE.rstrip(), TABLE + "\n\n"]
)
def test_tsv_keeps_rows_and_takes_other_columns_for_metadata(tmp_path, table):
    path = write(tmp_path / "a.tsv", table)
    with pytest.warns(UserWarning, match="no language are left out: topic;"):
        corpus = wb.load_corpus(path)
    assert corpus.info["ignored"] == ["topic"]
    assert quietly(path, columns={"topic": None}) == corpus
    assert corpus.texts == WIDE
    assert corpus.aligned
    assert corpus.ids == ("001", "002", "003")
    assert corpus.dropped == 0
    assert corpus.source.endswith("a.tsv")


def test_tsv_takes_quotes_and_unicode_separators_as_text(tmp_path):
    corpus = quietly(write(tmp_path / "a.tsv", 'de\ten\n"Ja"\u2028sagte\x85er\tHe said "yes\n'))
    assert corpus.texts == {"de": ('"Ja"\u2028sagte\x85er',), "en": ('He said "yes',)}


def test_csv_takes_commas_quotes_and_line_breaks(tmp_path):
    corpus = quietly(write(tmp_path / "a.csv", 'de,en\n"Ja, ja","He said ""yes""\nand left"\n'))
    assert corpus.texts == {"de": ("Ja, ja",), "en": ('He said "yes"\nand left',)}


def test_a_missing_cell_drops_the_row_for_all_and_says_how_many(tmp_path):
    path = write(tmp_path / "a.tsv", TABLE.replace("Two.", "").replace("三。", " "))
    with pytest.warns(UserWarning, match=r"dropped 2 of 3 rows, for all languages.*en 1, ja 1"):
        corpus = wb.load_corpus(path)
    assert corpus.texts == {"de": ("Eins.",), "en": ("One.",), "ja": ("一。",)}
    assert corpus.dropped == 2
    assert corpus.ids == ("001",)


def test_only_asked_languages_can_drop_a_row(tmp_path):
    path = write(tmp_path / "a.tsv", TABLE.replace("Two.", ""))
    corpus = quietly(path, languages=["ja", "de"], columns={"topic": None})
    assert corpus.languages == ("ja", "de")
    assert corpus.counts == {"ja": 3, "de": 3}
    assert corpus.dropped == 0


def test_languages_split_and_limit_come_in_this_order(tmp_path):
    path = write(tmp_path / "a.tsv", "de\ten\n" + "".join(f"d{i}\te{i}\n" for i in range(20)))
    whole = wb.load_corpus(path)
    corpus = wb.load_corpus(path, languages="en", split="test", limit=3)
    assert corpus.texts == {"en": whole.split("test").texts["en"][:3]}
    assert wb.load_corpus(whole, languages="en", split="test", limit=3) == whole.select("en").split("test").limit(3)


def test_an_id_column_is_indonesian_when_it_holds_sentences(tmp_path):
    path = write(tmp_path / "a.tsv", "de\tid\nGuten Tag\tSelamat siang\nDanke\tTerima kasih\n")
    with pytest.warns(UserWarning, match="reads 'id' as Indonesian"):
        sentences = wb.load_corpus(path)
    assert sentences.languages == ("de", "id")
    numbers = quietly(write(tmp_path / "b.tsv", "de\tid\nGuten Tag\tq1\nDanke\tq2\n"))
    assert numbers.languages == ("de",)
    assert numbers.ids == ("q1", "q2")


def test_folder_of_text_files(tmp_path):
    write(tmp_path / "de.txt", "Eins.\nZwei.\n")
    write(tmp_path / "ar.txt", "واحد\r\n")
    write(tmp_path / "README.txt", "not a language")
    corpus = quietly(tmp_path)
    assert corpus.texts == {"ar": ("واحد",), "de": ("Eins.", "Zwei.")}
    assert not corpus.aligned
    assert quietly(tmp_path, languages=["de"]).counts == {"de": 2}
    assert quietly(tmp_path / "de.txt").counts == {"de": 2}


def test_blank_lines_of_text_files_are_left_out_and_counted(tmp_path):
    write(tmp_path / "de.txt", "Eins.\n\n  \nZwei.\n")
    with pytest.warns(UserWarning, match="left out 2 blank lines"):
        corpus = wb.load_corpus(tmp_path)
    assert corpus.texts == {"de": ("Eins.", "Zwei.")}
    assert corpus.dropped == 2


def test_json_lines_in_any_order(tmp_path):
    items = [("tr", "bir"), ("de", "eins"), ("tr", "iki\nüç")]
    text = "\n\n".join(json.dumps({"language": code, "text": said, "more": 1}) for code, said in items)
    path = write(tmp_path / "a.jsonl", text)
    with pytest.warns(UserWarning, match="left out: more"):
        corpus = wb.load_corpus(path)
    assert corpus.texts == {"tr": ("bir", "iki\nüç"), "de": ("eins",)}
    assert not corpus.aligned


def xquad(*contexts, first=0):
    paragraphs = [
        {"context": said, "qas": [{"id": f"q{i}", "question": "?", "answers": []}]}
        for i, said in enumerate(contexts, start=first)
    ]
    return json.dumps({"version": "1.1", "data": [{"paragraphs": paragraphs[:1]}, {"paragraphs": paragraphs[1:]}]})


def test_xquad_takes_contexts_and_is_aligned_by_question_ids(tmp_path):
    write(tmp_path / "xquad.de.json", xquad("Eins.", "Zwei."))
    write(tmp_path / "xquad.en.json", xquad("One.", "Two."))
    corpus = quietly(tmp_path)
    assert corpus.texts == {"de": ("Eins.", "Zwei."), "en": ("One.", "Two.")}
    assert corpus.aligned
    assert quietly(tmp_path / "xquad.en.json").texts == {"en": ("One.", "Two.")}
    write(tmp_path / "xquad.en.json", xquad("Two.", "Three.", first=1))
    assert not quietly(tmp_path).aligned


LONG = {"language": ["en", "de", "en"], "text": ["One.", "Eins.", "Two."]}


def test_frames_and_datasets_in_both_shapes():
    for make in (pd.DataFrame, datasets.Dataset.from_dict):
        wide = quietly(make(WIDE | {"topic": ["a", "b", "c"]}), columns={"topic": None})
        assert (wide.texts, wide.aligned) == (WIDE, True)
        long = quietly(make(LONG))
        assert (long.texts, long.aligned) == ({"en": ("One.", "Two."), "de": ("Eins.",)}, False)


def test_a_frame_with_a_missing_cell_drops_the_row():
    frame = pd.DataFrame(WIDE)
    frame.loc[1, "en"] = None
    frame.loc[2, "ja"] = float("nan")
    with pytest.warns(UserWarning, match="dropped 2 of 3 rows"):
        assert wb.load_corpus(frame).counts == {"de": 1, "en": 1, "ja": 1}


def test_split_chooses_in_a_dataset_dict():
    both = datasets.DatasetDict(
        validation=datasets.Dataset.from_dict({"de": ["a"], "en": ["b"]}),
        test=datasets.Dataset.from_dict({"de": ["c"], "en": ["d"]}),
    )
    assert quietly(both).texts == {"de": ("a",), "en": ("b",)}
    assert quietly(both, split="test", languages="en").texts == {"en": ("d",)}
    with pytest.raises(BadArgument, match=r"'train' is not in this DatasetDict \(has: validation, test\)"):
        wb.load_corpus(both, split="train")


def test_languages_that_are_not_there_are_named(tmp_path):
    table = write(tmp_path / "a.tsv", TABLE)
    write(tmp_path / "de.txt", "Eins.")
    for source in (table, tmp_path, pd.DataFrame(WIDE), pd.DataFrame(LONG)):
        with pytest.raises(UnknownLanguage, match=r"'xx' is not in .*\(has: .*de"):
            wb.load_corpus(source, languages=["de", "xx"])


def test_three_letter_metadata_is_no_language(tmp_path):
    with pytest.warns(UserWarning, match="left out: pos, row;"):
        corpus = wb.load_corpus(write(tmp_path / "a.tsv", "pos\trow\tde\tfil\nn\t1\tHaus\tbahay\n"))
    assert corpus.languages == ("de", "fil")


@pytest.mark.parametrize("split", ["dev", "validation"])
def test_other_splits_are_refused(tmp_path, split):
    with pytest.raises(BadArgument, match="split"):
        wb.load_corpus(write(tmp_path / "a.tsv", TABLE), split=split)


def test_what_cannot_be_read_says_what_can():
    with pytest.raises(BadCorpus, match="from int"):
        wb.load_corpus(7)
