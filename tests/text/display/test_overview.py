"""Text that anyone wrote, in a terminal and in a page."""

import re

from workbench.text.display.overview import Part, as_html, as_text
from workbench.text.display.safe import columns_wide, html_line, plain_line


def test_a_line_is_one_line_and_obeyed_by_nothing():
    assert plain_line("a\n b\tc") == "a b c"
    assert plain_line("x\x1b[31m\u202e") == "x\\x1b[31m\\u202e"
    assert plain_line("x" * 70) == "x" * 59 + "…"
    assert plain_line("क्\u200dष") == "क्\u200dष"  # a joiner is part of the spelling
    assert plain_line("سلام") == "\u2068سلام\u2069"
    assert html_line('<b a="1">&') == "<bdi>&lt;b a=&quot;1&quot;&gt;&amp;</bdi>"
    assert "\u202e" not in html_line("\u202eabc")


def test_columns_stand_below_each_other_in_every_script():
    assert [columns_wide(text) for text in ("ab", "日本", "e\u0301", "\u2068سل\u2069")] == [2, 4, 1, 2]
    lines = as_text([Part("h", ("a", "b"), (("日本", "|"), ("abc", "|"), ("سلام", "|")))]).split("\n")[2:]
    assert len({columns_wide(line[: line.index("|")]) for line in lines}) == 1


def test_a_table_without_headers_and_a_part_without_a_table():
    text = as_text([Part("first", ("", ""), (("k", "v"),)), Part("second", notes=("a note",))])
    assert text == "first\n  k  v\n\nsecond\n  a note"
    page = as_html([Part("first", ("", ""), (("k", "v"),)), Part("second", notes=("a note",))])
    assert "<th" not in page and page.count("<table>") == 1
    assert re.sub("<[^>]+>", " ", page).split() == ["first", "k", "v", "second", "a", "note"]
