"""The numbers on the laboratories' pages are those of the shipped tables."""

import sys
from pathlib import Path

import pytest

import workbench as wb
from workbench.studies.laboratories.registry import LABORATORIES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def tables():
    sys.path.insert(0, str(DOCS))
    try:
        import lab_tables
    finally:
        sys.path.remove(str(DOCS))
    return lab_tables


@pytest.mark.parametrize("name", LABORATORIES)
def test_a_page_has_the_numbers_of_its_table(tables, name):
    text = tables.page(name).read_text(encoding="utf-8")
    assert tables.BEGIN in text and tables.END in text
    assert tables.with_numbers(text, tables.table(name)) == text


def test_what_the_page_of_quadrants_says_is_what_its_table_has(tables):
    result = wb.laboratories.stored("vocabulary_quadrants")
    beyond = result.excess_quadrant.values
    undecided = f"{(beyond == 'undecided').sum()} of these {beyond.size} cells are undecided"
    assert undecided in tables.page("vocabulary_quadrants").read_text(encoding="utf-8")
    assert set(result.quadrant.sel(form="question").values.flat) == {"reciprocal"}
    assert set(result.quadrant.sel(form="line").values.flat) == {"stagnant", "undecided"}
