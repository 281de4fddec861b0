"""Strict tables: what pandas writes comes back, and what is broken is named by its line."""

import csv

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadCorpus
from workbench.text.formats.decoding import Table
from workbench.text.formats.delimited import read_table

HARD = pd.DataFrame(
    {
        "fi": ['Hän sanoi "hei"', "kaksi\nriviä, ja pilkku", '"alku" ja loppu', "sar\tkain"],
        "sv": ['"', "a,b", 'slut"', "två\n\nstycken"],
    }
)


def read(path) -> Table:
    return read_table(path, BadCorpus)


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("ending", ["csv", "tsv", "csv.gz", "tsv.gz"])
def test_what_pandas_writes_comes_back(tmp_path, ending, quoting):
    path = tmp_path / f"a.{ending}"
    HARD.to_csv(path, sep="\t" if "tsv" in ending else ",", index=False, quoting=quoting)
    assert read(path).columns == HARD.to_dict("list")


def test_all_cells_in_quotation_marks_as_r_writes_them(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text('"fi"\t"sv"\n"yksi"\t"ett"\n')
    assert read(path).columns == {"fi": ["yksi"], "sv": ["ett"]}


def test_dialogue_keeps_its_marks_with_a_word(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text('fi\tsv\n"Hei!"\tHej!\n')
    with pytest.warns(UserWarning, match="1 cells are in quotation marks"):
        assert read(path).columns["fi"] == ['"Hei!"']


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.csv", 'fi,sv\nyksi,"ett\nkaksi,två\n', 2),
        ("a.csv", 'fi,sv\nyksi,ett\nkaksi,"två\nkolme,tre\nneljä,fyra"\n', 3),
        ("a.csv", 'fi,sv\n"yksi,ett\nkaksi,två"\n', 2),
        ("a.csv", 'fi,sv\nyksi,"ett\nkaksi,"två"\n', 2),
        ("a.csv", 'fi,sv\nyksi,"ett" två\n', 2),
        ("a.tsv", 'fi\tsv\n"""yksi"""\tett\n"kaksi\ttvå\n', 3),
    ],
)
def test_an_open_quotation_mark_is_named_by_its_line(tmp_path, name, text, line):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(BadCorpus, match=rf"{name}, line {line}: "):
        wb.load_corpus(path)


def test_prose_with_line_breaks_and_commas_is_no_row(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('fi,sv\nHei,"Hej\nvän, adjö"\n')
    assert read(path).columns == {"fi": ["Hei"], "sv": ["Hej\nvän, adjö"]}


def test_long_cells_are_read_and_the_limit_of_the_library_stays(tmp_path):
    path, limit = tmp_path / "a.csv", csv.field_size_limit()
    path.write_text(f'fi,sv\n"{"sana " * 40_000}",ord\n')
    assert len(read(path).columns["fi"][0]) == 200_000
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize("data", [b"\x1f\x8b", b"fi\tsv\n", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03garbage"])
def test_a_broken_gzip_is_refused(tmp_path, data):
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(data)
    with pytest.raises(BadCorpus, match=r"a\.tsv\.gz is no whole gzip file"):
        wb.load_corpus(path)


def test_semicolons_as_spreadsheets_write_them(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('fi;sv\n"Hei; hei";Hej, hej\n')
    assert read(path).columns == {"fi": ["Hei; hei"], "sv": ["Hej, hej"]}


def test_carriage_returns_alone_are_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"fi,sv\ryksi,ett\r")
    with pytest.raises(BadCorpus, match=r"line 1: a carriage return without a line feed"):
        read(path)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["a\tb", "Day"], ["x", "Tag"]),
        (["a\nb", "Day"], ["x", "Tag"]),
        (["a", "Day"], ["x\ny", "Tag"]),
        (["a", "Day"], ["x\ty", "Tag\nTage\n"]),
        (["a\tb\nc", "Day"], ["x", "Tag"]),
        (["a\tb\nc", 'say "x"'], ["x", "Tag"]),
    ],
)
def test_tabs_and_breaks_inside_cells_as_pandas_writes_them(tmp_path, first, second):
    path = tmp_path / "a.tsv"
    table = pd.DataFrame({"en": first, "de": second})
    table.to_csv(path, sep="\t", index=False)
    assert read(path).columns == table.to_dict("list")


def test_a_reading_that_is_not_the_only_one_is_named_by_its_line(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text('en\tde\nNight\tNacht\n"a\tb\nc"\tx\n')
    with pytest.warns(UserWarning, match=r"a\.tsv, line 3: a cell in quotation marks"):
        assert read(path).columns == {"en": ["Night", "a\tb\nc"], "de": ["Nacht", "x"]}


def test_speech_over_several_lines_keeps_its_marks(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text('en\tde\n"Hello,\t„Hallo,\nyou."\tdu.“\n"Yes."\t„Ja.“\n')  # no program writes "Yes." so
    with pytest.warns(UserWarning, match="1 cells are in quotation marks"):
        assert read(path).columns["en"] == ['"Hello,', 'you."', '"Yes."']
    path.write_text('en\tde\n"Hello,\t"Hallo,\nyou."\tdu."\n')
    assert read(path).columns == {"en": ['"Hello,', 'you."'], "de": ['"Hallo,', 'du."']}
