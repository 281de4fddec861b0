"""The numbers on the laboratories' pages are those of the shipped tables."""

import sys
from pathlib import Path

import pytest

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
