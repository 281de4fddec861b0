"""Tables whose first line is a row: refused with what to write, and read once that is done."""

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadCorpus
from workbench.text.formats.headless import advice, looks_headless

MGSM = {
    "de": [("Anna hat fünf Äpfel und isst zwei. Wie viele bleiben?", "3"), ("Was ist drei und vier?", "7")],
    "ja": [
        ("アンナはりんごを五つ持っていて、二つ食べました。いくつ残りますか?", "3"),
        ("三たす四はいくつですか?", "7"),
    ],
}


def write(folder, code, header=""):
    path = folder / f"mgsm_{code}.tsv"
    path.write_text(header + "".join("\t".join(row) + "\n" for row in MGSM[code]), encoding="utf-8")
    return path


@pytest.mark.parametrize("code", MGSM)
def test_questions_without_a_header_are_refused_with_the_line_that_would_work(tmp_path, code):
    path = write(tmp_path, code)
    names = f"'{code}' and 'answer'"
    with pytest.raises(
        BadCorpus, match=f"first line looks like a row and not like a header.*such as {names}"
    ) as caught:
        wb.load_corpus(path)
    assert "columns={'" not in str(caught.value) and len(str(caught.value).splitlines()) == 1
    questions = tuple(question for question, _ in MGSM[code])
    assert wb.load_corpus(write(tmp_path, code, f"{code}\tanswer\n")).texts == {code: questions}
    table = pd.read_csv(write(tmp_path, code), sep="\t", names=[code, "answer"])  # as the message says
    assert wb.load_corpus(table).texts == {code: questions}


def test_a_folder_and_a_file_without_a_language_say_the_same(tmp_path):
    for code in MGSM:
        write(tmp_path, code)
    with pytest.raises(BadCorpus, match=r"mgsm_de.tsv: its first line looks like a row.*'de' and 'answer'"):
        wb.load_corpus(tmp_path)
    other = write(tmp_path, "de").rename(tmp_path / "questions.tsv")
    with pytest.raises(BadCorpus, match=r"'de' and 'answer'.*\('de' stands for their language\)"):
        wb.load_corpus(other)


@pytest.mark.parametrize(
    ("header", "headless"),
    [
        (("question", "answer"), False),
        (("src", "mt", "score"), False),
        (("text id", "gold label"), False),
        (("What is it?", "note"), True),
        (("note", "-1,200.5"), True),
        (("one two three four five six", "x"), True),
        (("家" * 41, "x"), True),
    ],
)
def test_what_looks_like_a_row(header, headless):
    assert looks_headless(header) == headless


def test_more_columns_have_names_to_replace():
    assert "names=['de', 'other1', 'other2'])" in advice(("A long sentence stands here.", "b", "3"), "de")
