"""What is said of laboratories follows the numbers."""

from tests.studies.laboratories.cases import result, scheduled
from workbench.studies.findings.laboratories import lab as findings


def test_a_recipe_that_helps():
    made = findings.changes("small", result(0.5))
    assert made.answer == (
        "Of 2 measures, small helps in 1 and hurts in 0 against every control (shuffled and text); 1 undecided."
    )
    assert made.details == (result(0.5).attrs["finding"],)
    assert "hurts in 1" in findings.changes("small", result(-0.3)).answer
    assert "helps in 0 and hurts in 0" in findings.changes("small", result(0)).answer


def test_single_seeds_and_missing_controls_are_named():
    assert "One seed only" in findings.changes("small", result(seeds=1)).text
    assert "has no control" in findings.changes("small", result(controls=())).answer


def test_a_row_for_each_laboratory_measure_and_control():
    table = findings.lab_table({"one": result(0.5), "other": result(-0.3)})
    assert table.index.tolist() == ["one"] * 4 + ["other"] * 4
    assert (
        table["verdict"].tolist() == ["helps", "helps", "undecided", "undecided", "hurts", "hurts"] + ["undecided"] * 2
    )
    assert table["control"].tolist() == ["shuffled", "text"] * 4
    assert table["change"].iloc[0].startswith("+50") and float(table["low"].iloc[0]) > 0.4
    assert not len(findings.lab_table({"none": result(controls=())}))


def test_several_recipes_are_compared_one_by_one():
    made = scheduled()
    parts = findings.recipes("order", made)
    assert list(parts) == ["order, first", "order, last"]
    table = findings.lab_table({"order": made})
    assert table.index.tolist() == ["order, first"] * 4 + ["order, last"] * 4
    assert float(table["excess"].iloc[0]) > float(table["excess"].iloc[4])
    assert findings.changes("order", made).answer.startswith("Of 4 comparisons, order helps in 2")


def test_what_is_inside_is_said_as_it_was_computed():
    assert findings.inside(result().assign_attrs(finding_inside="More heads.")).answer == "More heads."
    assert findings.inside(result()).answer == "Nothing was compared inside."


def test_a_quick_run_is_said_to_be_no_finding():
    said = "This was a quick run, which shows that the laboratory runs: its numbers are no finding."
    assert findings.changes("small", result(0.5), quick=True).answer.endswith(said)
    assert said not in findings.changes("small", result(0.5)).text
