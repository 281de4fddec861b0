"""The answer in a written text, by hand; the last number is that of lm-eval's own filter."""

import re

import pytest

from workbench.evaluation.generated.extract import are_numbers, is_right, last_number, normalized


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (" 18", "18"),
        ("16 - 3 = 13, so $1,013.50.", "1013.50"),
        ("-7 degrees", "-7"),
        ("70,000 dollars", "70000"),
        (".5", ".5"),
        ("it is 5 ...", ""),  # the points are the last match of lm-eval's pattern
        ("none at all", ""),
        ("", ""),
        ("1.2.3", ""),
        ("٣", ""),  # the pattern knows the digits 0 to 9
    ],
)
def test_the_last_number(text, number):
    assert last_number(text) == number
    matches = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)").findall(text)  # lm-eval: group_select -1, then the full group
    harness = next(part for part in matches[-1] if part) if matches else ""
    assert re.sub(r"[$,]", "", harness).rstrip(".") in (number, "1.2.3")


@pytest.mark.parametrize(
    ("parsed", "answers", "right"),
    [
        ("18", ["18"], True),
        ("18.0", ["18"], True),
        ("70000", ["70,000"], True),
        ("5", ["$5.00"], True),
        ("-5", ["5"], False),
        ("15", ["1.5"], False),  # without punctuation, as lm-eval compares, both would be 15
        ("2", ["1", "2"], True),
        ("", ["5"], False),
    ],
)
def test_numbers_are_compared_by_value(parsed, answers, right):
    assert is_right(parsed, answers, numbers=True) is right


def test_texts_are_equal_without_case_spaces_and_punctuation_around_them():
    assert normalized("  «Paris,   FRANCE!» ") == "paris, france" and normalized("ﬁn") == "fin"
    assert normalized("?") == "?" and normalized(" \t") == ""
    assert is_right(normalized("PARIS."), ["London", "Paris"], numbers=False)
    assert not is_right(normalized("Paris, of course"), ["Paris"], numbers=False)
    assert not is_right("", ["?"], numbers=False)


def test_answers_are_numbers_where_all_are():
    assert are_numbers(["5", "1,000", "$3.50", "-2"])
    assert not are_numbers(["5", "five"]) and not are_numbers(["..."]) and not are_numbers([""])
