"""Mixed-language tasks: every variant by hand."""

import pytest

import workbench as wb
from workbench.errors import BadArgument, BadTask, UnknownLanguage
from workbench.evaluation.mixing.mixed import VARIANTS, odd_option
from workbench.text.tasks.task import Task

CODES = ("en", "de", "es", "fr", "it")


def task(n=3, *, codes=CODES, gold=2):
    """Items whose parts name their language: question "en 0?", options "en 0a" to "en 0d"."""
    return Task(
        "quiz",
        {code: tuple(f"{code} {i}?" for i in range(n)) for code in codes},
        {code: tuple(tuple(f"{code} {i}{letter}" for letter in "abcd") for i in range(n)) for code in codes},
        (frozenset({gold}),) * n,
        tuple(str(i) for i in range(n)),
    )


def spoken(mixed, language, row=0):
    """The languages of an item's question and options."""
    return [mixed.context[language][row][:2], *(option[:2] for option in mixed.options[language][row])]


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("full", "de de de de de"),
        ("question", "de en en en en"),
        ("options", "en de de de de"),
        ("gt", "en en en de en"),
        ("gt_question", "de en en de en"),
        ("threewrong", "en de de en de"),
    ],
)
def test_each_variant(variant, expected):
    mixed = wb.evaluation.mixed(task(), variant)
    assert mixed.languages == ("de", "es", "fr", "it")
    assert [" ".join(spoken(mixed, "de", row)) for row in range(3)] == [expected] * 3
    assert mixed.gold == task().gold and mixed.aligned


def test_one_wrong_option_is_drawn():
    mixed = wb.evaluation.mixed(task(60), "onewrong")
    rows = [spoken(mixed, "fr", row) for row in range(60)]
    assert all(row.count("fr") == 1 and row[0] == row[3] == "en" for row in rows)
    assert {row.index("fr") for row in rows} == {1, 2, 4}
    assert rows == [["fr" if c == "de" else c for c in spoken(mixed, "de", row)] for row in range(60)], "aligned"


def test_mixup_takes_each_language_once():
    mixed = wb.evaluation.mixed(task(40), "mixup")
    rows = [spoken(mixed, "mul", row) for row in range(40)]
    assert all(sorted(row) == sorted(CODES) for row in rows) and len(set(map(tuple, rows))) > 20
    few = task(40, codes=("en", "de"))
    with pytest.raises(BadArgument, match="mixup_free"):
        wb.evaluation.mixed(few, "mixup")
    free = wb.evaluation.mixed(few, "mixup_free")
    assert {code for row in range(40) for code in spoken(free, "mul", row)} == {"en", "de"}


def test_the_pivot_in_full_is_the_task():
    assert wb.evaluation.mixed(task(), "full", languages=["en"]) == task().select("en")


def test_parts_that_were_not_translated_are_left_out():
    options = {code: list(task().options[code]) for code in CODES}
    options["de"][1] = (*options["de"][1][:2], options["en"][1][2], options["de"][1][3])
    lacking = Task("quiz", task().context, {c: tuple(rows) for c, rows in options.items()}, task().gold, task().ids)
    mixed = wb.evaluation.mixed(lacking, "gt")
    assert mixed.context["de"][1] is None and mixed.context["fr"][1] is not None
    assert mixed.unmatched == 1 and not mixed.aligned
    assert wb.evaluation.mixed(lacking, "threewrong").unmatched == 0, "the right option stays English there"
    assert wb.evaluation.mixed(lacking, "gt", shots=2).context["de"][1] is not None, "a shot is shown as it is"


@pytest.mark.parametrize("spelled", ["EN", "eng", "English"])
def test_a_pivot_in_any_spelling(spelled):
    assert wb.evaluation.mixed(task(), "question", pivot=spelled) == wb.evaluation.mixed(task(), "question")


def test_shots_in_the_pivot():
    mixed = wb.evaluation.mixed(task(), "full", shots=1, shots_in="pivot")
    assert spoken(mixed, "de", 0) == ["en"] * 5 and spoken(mixed, "de", 1) == ["de"] * 5


def test_delimiters_are_those_of_the_options():
    spaced = Task("q", task().context, task().options, task().gold, task().ids, delimiter={"de": ""})
    separators = {
        v: wb.evaluation.mixed(spaced, v, languages=["de"]).separator("de") for v in ("full", "question", "gt")
    }
    assert separators == {"full": "", "question": " ", "gt": " "}


def test_odd_options():
    mixed = odd_option(task(), 1, ["de"], pivot="en")
    assert spoken(mixed, "de") == ["en", "en", "de", "en", "en"]


def test_what_cannot_be_mixed_is_refused():
    with pytest.raises(UnknownLanguage, match="pivot='ja'"):
        wb.evaluation.mixed(task(), "gt", pivot="ja")
    with pytest.raises(BadArgument, match="variant='half'"):
        wb.evaluation.mixed(task(), "half")
    with pytest.raises(BadArgument, match="no language but 'en'"):
        wb.evaluation.mixed(task(codes=("en",)), "gt")
    own = Task("q", dict.fromkeys(CODES, (("a", "b", "c", "d"),) * 3), task().options, task().gold, task().ids)
    with pytest.raises(BadTask, match="contexts of their own"):
        wb.evaluation.mixed(own, "gt")
    assert set(VARIANTS) >= {"gt", "mixup"}
