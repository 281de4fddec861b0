"""The pairs of a patching study in its report, and in a file that `load_pairs` reads back."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

import workbench as wb
from workbench.results.make import make_result
from workbench.studies.patching.pairs import pairs_section, write_pairs
from workbench.text.pairs import Pair, Pairs

SHOT = 'Deutsch: "süß" - Français: "sucré"\n'
ITEMS = tuple(
    Pair(f'{SHOT}Deutsch: "{a}" - Français: "', f'{SHOT}Deutsch: "{b}" - Français: "', f" {a}x", f" {b}x")
    for a, b in [("Hund", "Haus"), ("Baum", "Ball"), ("Rad", "Rat"), ("See", "Bach"), ("Tal", "Ort"), ("Weg", "Gut")]
)


def effects(source, target):
    """What the section reads of a sweep."""
    return make_result(
        {"source_value": (("pair",), source, "x [logits]"), "target_value": (("pair",), target, "x [logits]")},
        {},
        method="tests",
        parameters={},
        attrs={"metric": "logit_difference"},
    )


def test_the_first_pairs_are_shown_from_where_they_differ():
    section = pairs_section(Pairs(ITEMS, "made"), effects([2.0, 1, 1, -1, 1, 1], [-2.0, -1, -1, -1, -1, 3]))
    table = section.table
    assert table.columns.tolist() == [
        "source prompt",
        "target prompt",
        "answer",
        "foil",
        "logit difference, source run",
        "logit difference, target run",
    ]
    assert len(table) == 5
    assert table.iloc[0].tolist() == [
        '… Deutsch: "Hund" - Français: "',
        '… Deutsch: "Haus" - Français: "',
        "␣Hundx",
        "␣Hausx",
        2.0,
        -2.0,
    ]
    assert "first 5 pairs and 1 more in pairs.csv" in section.reading
    assert "clean and the corrupted run" in section.reading
    assert section.finding.text == "6 pairs of prompts. In 4 of 6 pairs the model prefers the right word in both runs."
    assert section.file == "pairs.csv"


def test_few_and_repeated_pairs_and_other_alphabets():
    pair = Pair("قطة\nX", "كلب\nX", "ماء", "نار")
    section = pairs_section(Pairs((pair, pair), "made"), effects([1.0, 1.0], [-1.0, -1.0]))
    assert section.table.iloc[0].tolist()[:3] == ["\u2068قطة↵X\u2069", "\u2068كلب↵X\u2069", "\u2068ماء\u2069"]
    assert section.finding.answer == "2 pairs of prompts, 1 of them distinct."
    assert " more in" not in section.reading


def test_long_prompts_are_cut_on_both_sides():
    same, long = "a" * 100, "b" * 200
    section = pairs_section(
        Pairs((Pair(f"{same}x{long}", f"{same}y{long}", "k", "l"),), "made"), effects([1.0], [-1.0])
    )
    shown = section.table["source prompt"][0]
    assert shown.startswith("… " + "a" * 30 + "xb")
    assert shown.endswith("b…")
    assert len(shown) == 90


def test_the_file_has_every_pair_as_it_is(tmp_path):
    roles = {"Subjekt ü": -1, "source:x": 2, "target:x": 3}
    pairs = Pairs((*ITEMS, Pair('قطة, "x"\n\\n 1', " b", "k ", "l", roles=roles, name="n")), "made")
    write_pairs(pairs, SimpleNamespace(folder=tmp_path))
    assert wb.load_pairs(tmp_path / "pairs.csv").items == pairs.items
    assert len(pd.read_csv(tmp_path / "pairs.csv")) == 7


def test_values_of_unfinished_pairs_are_left_open():
    section = pairs_section(Pairs(ITEMS[:2], "made"), effects([1.0, np.nan], [-1.0, np.nan]))
    assert np.isnan(section.table["logit difference, source run"][1])
