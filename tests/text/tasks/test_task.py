"""Tasks: items of several languages are joined by id, and what cannot be a task is refused."""

import pytest

import workbench as wb
from workbench.errors import BadTask, UnknownLanguage
from workbench.text.tasks.task import Item, joined


def item(number, gold=0, options=("a", "b")):
    return Item(number, f"context {number}", options, frozenset({gold}))


def test_languages_join_by_id_in_the_order_of_the_first():
    task = joined({"de": [item("2"), item("1")], "en": [item("1"), item("2")]}, "t")
    assert task.ids == ("2", "1") and task.aligned and task.unmatched == 0
    assert task.context["en"] == ("context 2", "context 1")


def test_an_id_that_german_lacks_makes_the_task_unaligned():
    task = joined({"de": [item("1")], "en": [item("1"), item("2")]}, "t")
    assert (task.aligned, task.unmatched) == (False, 1)
    assert task.context["de"] == ("context 1", None) and task.options["de"][1] == ()
    assert task.present("de") == [0] and task.present("en") == [0, 1]


def test_items_whose_golds_differ_are_different_items():
    task = joined({"de": [item("1", 0), item("2")], "en": [item("1", 1), item("2")]}, "t")
    assert task.ids == ("1 (de)", "2", "1 (en)") and task.unmatched == 2 and not task.aligned


def test_native_items_never_align():
    task = joined({"de": [item("1")], "en": [item("1")]}, "t", native=True)
    assert task.ids == ("1 (de)", "1 (en)") and not task.aligned


def test_select_limit_and_shots():
    task = joined({"de": [item("1")], "en": [item("1"), item("2")]}, "t")
    assert task.select("de").ids == ("1",)
    assert task.limit(1).ids == ("1",) and task.without_first(1).ids == ("2",)
    with pytest.raises(UnknownLanguage, match="'fr' is not in this task"):
        task.select("fr")
    with pytest.raises(BadTask, match="no item is left of 2"):
        task.without_first(2)


def test_labels_are_fixed_where_all_items_have_the_same_options():
    same = joined({"de": [item("1"), item("2", 1)]}, "t")
    other = joined({"de": [item("1"), item("2", 1, ("c", "d"))]}, "t")
    assert same.fixed_labels and not other.fixed_labels


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([], "needs items"),
        ([item("1"), item("1")], "the id '1' comes more than once"),
        ([item("1", 2)], r"gold is \[2\], and there are options 0 to 1"),
        ([item("1", 0, ("a",))], "1 options"),
        ([item("1", 0, ("a", ""))], "an option is empty"),
        ([Item("1", ("x",), ("a", "b"), frozenset({0}))], "1 contexts for 2 options"),
    ],
)
def test_what_is_no_task_is_refused(items, message):
    with pytest.raises(BadTask, match=message):
        joined({"de": items}, "t")


def test_info_identifies_the_content():
    one, other = (joined({"de": [item("1", gold)]}, "t") for gold in (0, 1))
    assert one.info["hash"] != other.info["hash"]
    assert {**one.info, "hash": ""} == {
        "source": "t",
        "hash": "",
        "languages": ["de"],
        "items": 1,
        "kind": "choice",
        "aligned": True,
        "unmatched": 0,
    }


def test_types_are_exported():
    assert wb.evaluation.Task is type(joined({"de": [item("1")]}, "t")) and wb.evaluation.Item is Item
