"""The shipped typological facts are complete, and each of them divides the languages."""

import unicodedata

import workbench as wb
from workbench import shipped
from workbench.text.languages import DEFAULT

TEXT = (shipped.DATA / "typology.tsv").read_text(encoding="utf-8")
HEADER, *ROWS = [line.split("\t") for line in TEXT.removesuffix("\n").split("\n")]


def test_fields():
    assert ["fact", "meaning", *DEFAULT] == HEADER
    assert len(ROWS) == len({row[0] for row in ROWS}) == 20
    assert unicodedata.is_normalized("NFC", TEXT)
    for row in ROWS:
        assert len(row) == len(HEADER)
        assert all(cell and cell == cell.strip() for cell in row)
        assert all(" " not in cell for cell in row[2:])


def test_each_fact_divides_the_languages():
    for row in ROWS:
        assert len(set(row[2:])) > 1, row[0]


def test_no_two_languages_are_equal():
    made = wb.laboratories.features("typology")
    assert not made.duplicated().any()
    assert (made.sum(axis=1) == 20).all()  # a category of every fact
    assert made.shape[1] == sum(len(set(row[2:])) for row in ROWS)


def test_facts_that_everybody_knows():
    facts = {row[0]: dict(zip(DEFAULT, row[2:], strict=True)) for row in ROWS}
    assert {code for code, order in facts["order"].items() if order == "SOV"} == {"hi", "ja", "tr"}
    assert {code for code, tone in facts["tone"].items() if tone == "tone"} == {"zh"}
    assert {code for code, harmony in facts["vowel_harmony"].items() if harmony == "yes"} == {"fi", "tr"}
    assert {code for code, script in facts["script"].items() if script == "Latin"} == {
        "de",
        "en",
        "es",
        "fi",
        "fr",
        "it",
        "tr",
    }
    assert {code for code, gender in facts["gender"].items() if gender == "none"} == {"en", "fi", "ja", "tr", "zh"}
