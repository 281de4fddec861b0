"""Files that cannot be decoded: the refusal names what the file really is, and what would make it readable."""

import codecs

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadCorpus

TEXT = "de\ten\nGrün\tgreen\n"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), r"byte 0xff .*; it is UTF-16; .*iconv -f utf-16 -t utf-8"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), r"byte 0xfe .*; it is UTF-16; .*iconv -f utf-16 -t utf-8"),
        (codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"), r"it is UTF-32; .*iconv -f utf-32 -t utf-8"),
        (b"d\0e\0\t\0e\0n\0\n\0", r"byte 0x00 at offset 1 .*looks like UTF-16LE .*iconv -f utf-16le -t utf-8"),
        (b"\0d\0e\0\t\0e\0n\0\n", r"byte 0x00 at offset 0 .*looks like UTF-16BE .*iconv -f utf-16be -t utf-8"),
        (TEXT.encode("latin-1"), r"not UTF-8: byte 0xfc at offset 8 \(line 2\); save it .*iconv -f latin1 -t utf-8"),
        (b"de\ten\na\tb\0b\n", r"offset 9 \(line 2\): a NUL byte, .*tr -d '\\000'"),
        (b"de\ten\ra\tb\r", r"line 1: a carriage return without a line feed, .*tr '\\r' '\\n'"),
    ],
)
def test_the_encoding_is_named(tmp_path, data, says):
    path = tmp_path / "a.tsv"
    path.write_bytes(data)
    with pytest.raises(BadCorpus, match=says) as caught:
        wb.load_corpus(path)
    assert ("not UTF-8" in str(caught.value)) == ("iconv" in says)


def test_texts_that_carriage_returns_part_are_refused(tmp_path):
    path = tmp_path / "de.txt"
    path.write_bytes(b"Eins.\rZwei.\r")
    with pytest.raises(BadCorpus, match=r"de\.txt, line 1: a carriage return without a line feed"):
        wb.load_corpus(path)
    path.write_bytes(b"Eins.\r")
    assert wb.load_corpus(path).texts == {"de": ("Eins.",)}


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        (
            "a.csv",
            "de\ten\na\tb\n",
            "has tabs between cells, where the name promises commas or semicolons; call it .tsv",
        ),
        ("a.tsv", "de,en\na,b\n", "has commas between cells, where the name promises tabs; call it .csv"),
        ("a.tsv", "de;en\na;b\n", "has semicolons between cells, .*; call it .csv"),
        ("a.csv", "de|en\na|b\n", "has vertical bars between cells, .*; write tabs and call it .tsv"),
        ("a.csv", "sep=;\nde;en\na;b\n", "line 1: 'sep=;' is a note for spreadsheets about the separator; delete"),
    ],
)
def test_another_separator_is_named(tmp_path, name, data, says):
    path = tmp_path / name
    path.write_text(data)
    with pytest.raises(BadCorpus, match=says):
        wb.load_corpus(path)


def test_a_frame_has_no_first_line():
    with pytest.raises(BadCorpus, match="frame: the names of its columns look like a row") as caught:
        wb.load_corpus(pd.DataFrame([["Was ist drei?", "3"]], columns=["Wie viele bleiben?", "7"]))
    assert "first line" not in str(caught.value)
