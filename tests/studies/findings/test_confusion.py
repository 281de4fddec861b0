"""Findings about language confusion, on responses whose language is known."""

import numpy as np
import pandas as pd
import pytest

from workbench.evaluation import confusion
from workbench.results.make import make_result
from workbench.studies.findings.evaluation import confusion as findings

LINE = "one two three four five {}"


def identify(text):
    return text.split()[-1]


def measured(task="monolingual", wrong=0, short=0, sources=("a",)):
    """Ten responses in each language; `wrong` of French are English, and `short` of Japanese have no line."""
    rows = []
    for source in sources:
        for code in ("de", "fr", "ja"):
            for number in range(10):
                spoken = "en" if code == "fr" and number < wrong else code
                text = "short" if code == "ja" and number < short else LINE.format(spoken)
                rows.append((task, source, code, text))
    table = pd.DataFrame(rows, columns=["task", "source", "language", "completion"])
    return confusion(table, identify=identify)


def test_the_language_that_lapses_is_named_with_its_interval():
    said = findings.confusion(measured(wrong=6), identify="fasttext")
    assert said.answer.startswith("In monolingual, 80 % (")
    assert "fewest in French, 40 % (16.8 % to 68.7 %)" in said.answer  # Wilson of 4 of 10
    assert "first tokens" not in said.text and "left out" not in said.text


def test_where_all_is_right_no_language_is_named_as_worst():
    said = findings.confusion(measured(), identify="fasttext")
    assert said.answer.startswith("In monolingual, 100 % (88.6 % to 100 %) of")  # Wilson of 30 of 30
    assert "fewest" not in said.answer


def test_openings_are_not_the_benchmark_and_the_skipped_are_counted():
    said = findings.confusion(measured("openings", short=10), identify="trigram")
    assert "this is not the Language Confusion Benchmark" in said.text
    assert "10 of 30 responses have no line of five tokens and are left out; nothing is left in Japanese." in said.text
    assert "unusual spelling" in said.text


@pytest.mark.parametrize("wrong", [0, 6])
def test_an_identifier_that_fails_on_right_texts_is_blamed(wrong):
    said = findings.confusion(measured(wrong=6), identify="fasttext", recognised=measured("texts", wrong=wrong))
    assert ("less than 80 % in French: there a low rate may be the identifier's fault" in said.text) == (wrong == 6)


def test_means_over_sources_have_intervals_of_their_own():
    result = measured(wrong=6, sources=("a", "b"))
    ends = [float(result[f"mean_line_pass_{end}"].sel(language="fr").squeeze()) for end in ("low", "high")]
    low, high = (f"{100 * end:.3g} %" for end in ends)
    assert f"fewest in French, 40 % ({low} to {high})" in findings.confusion(result, identify="fasttext").answer
    assert findings.rates_table(result).loc["French", "in the language"] == 0.4


def settings(change, p, names=("as it is", "without de", "random for de")):
    cells = ("setting", "language")
    change = np.array(change, float)
    variables = {"change": (cells, change, "change"), "p_value": (cells, np.array(p, float), "p")}
    variables |= {f"change_{end}": (cells, change + by, end) for end, by in (("low", -0.1), ("high", 0.1))}
    variables["compared"] = (cells, np.full(change.shape, 20), "compared")
    coords = {"setting": list(names), "language": ["de", "fr"]}
    return make_result(variables, coords, method="m", parameters={}, attrs={"baseline": names[0]})


def test_a_setting_that_lowers_the_share_is_said_to_and_stands_beside_a_random_group():
    result = settings([[0, 0], [-0.5, 0.1], [-0.02, 0]], [[np.nan] * 2, [0.001, 0.6], [0.9, 1]])
    said = findings.mitigation(result)
    assert said.answer.endswith("become more in 0 and fewer in 1 of 4 cells (corrected).")
    assert said.details[0].startswith(
        "The largest change is with 'without de' in German: -50 points (-60 to -40, p 0.001"
    )
    assert said.details[1] == "A random group of as many units in the same layers changes it by -2 points."


def test_an_added_direction_stands_beside_a_random_direction():
    names = ("as it is", "with de", "random for de")
    said = findings.mitigation(
        settings([[0, 0], [0.5, 0.1], [0.03, 0]], [[np.nan] * 2, [0.001, 0.6], [0.9, 1]], names=names)
    )
    assert said.details[1] == "A random direction of the same lengths in the same layers changes it by 3 points."


def test_a_setting_that_raises_it_and_none_that_does():
    result = settings([[0, 0], [0.5, 0.1], [0, 0]], [[np.nan] * 2, [0.001, 0.6], [0.9, 1]])
    assert "become more in 1 and fewer in 0 of 4 cells" in findings.mitigation(result).answer
    result = settings([[0, 0], [0.5, 0.1], [0, 0]], [[np.nan] * 2, [0.3, 0.6], [0.9, 1]])
    assert findings.mitigation(result).details[0].startswith("The largest, not beyond chance, change is")
    nothing = settings(np.zeros((3, 2)), [[np.nan] * 2, [1, 1], [1, 1]])
    assert findings.mitigation(nothing).answer.startswith("No setting changes how many responses")
