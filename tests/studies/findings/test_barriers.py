"""Findings about barriers, on models that like or avoid the odd option, and on one that does not know a language."""

import pytest

import workbench as wb
from tests.evaluation.mixing.test_barriers import always, deaf, never, planted
from tests.evaluation.mixing.test_mixed import task
from workbench.evaluation.mixing import barriers as module
from workbench.studies.findings.evaluation import barriers as findings


def ignorant(parts, gold):
    """Does not know the right option's word where it is in another language than English."""
    return gold if parts[gold] == "en" else (gold + 1) % 4


def wrong(parts, gold):
    return (gold + 1) % 4


@pytest.fixture
def measured(monkeypatch, wrapped):
    """A rule's table, of German and French."""

    def measure(rule, **options):
        monkeypatch.setattr(module, "accuracy", planted(rule))
        return wb.evaluation.barriers(wrapped("llama"), task(12), languages=["de", "fr"], **options)

    return measure


def test_losses_of_a_model_that_likes_the_odd_option_are_no_barrier(measured):
    said = findings.barriers(measured(always))
    assert "in 0 of them where no option is the odd one out" in said.answer
    loss = next(line for line in said.details if line.startswith("In German, accuracy is lost"))
    assert "onewrong 0 %" in loss and "with each option in turn in the other language 25 %" in loss
    assert loss.endswith("this is the odd option, not a barrier.")
    assert "picked more often than by chance (German 75 points, French 75 points)" in said.text


def test_losses_of_a_model_that_avoids_the_odd_option_are_no_barrier(measured):
    said = findings.barriers(measured(never))
    loss = next(line for line in said.details if line.startswith("In French, accuracy is lost"))
    assert "gt 0 %" in loss and loss.endswith("this is the odd option, not a barrier.")
    assert "picked less often than by chance (German -25 points, French -25 points)" in said.text


def test_a_model_that_does_not_know_the_words_has_a_barrier(measured):
    said = findings.barriers(measured(ignorant))
    assert (
        "The largest loss without an odd option is in German where question and options are in it (full)" in said.text
    )
    loss = next(line for line in said.details if line.startswith("In German, accuracy is lost"))
    assert loss.endswith("and in full and options, where none is: this is a barrier and not the odd option alone.")


def test_without_full_and_options_a_loss_cannot_be_told_from_the_odd_option(measured):
    said = findings.barriers(measured(ignorant, variants=["gt", "question"]))
    assert "without full and options this cannot be told from a liking for or against the odd option" in said.text


def test_a_model_that_is_deaf_to_language_loses_nothing(measured):
    said = findings.barriers(measured(deaf))
    assert said.answer == (
        "No loss against English can be shown in any of 14 cells (corrected); accuracy is gained in 0."
    )
    assert "No liking for or against the one option in another language can be shown in German and French." in said.text
    assert "barrier" not in said.text


def test_what_is_not_known_in_the_pivot_cannot_be_lost(measured):
    said = findings.barriers(measured(wrong))
    assert said.answer.startswith("In English alone, 0 % (")
    assert said.answer.endswith("what is not known cannot be lost, and no barrier can be seen.")


def test_the_table_has_the_balanced_accuracy_beside_gt(measured):
    table = findings.barriers_table(measured(always))
    assert table.loc["German", ["gt", "onewrong", "balanced", "odd bias"]].tolist() == [1, 0, 0.25, 0.75]
