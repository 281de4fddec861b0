"""Golds of lm-eval's tasks, which are places or texts."""

from types import SimpleNamespace

import pytest

from workbench.errors import BadTask
from workbench.text.tasks.harness import _items


def harness(gold):
    """A stand-in for lm-eval's task object with one document."""
    requests = [SimpleNamespace(doc_id=0, doc={"id": "q"}, args=("Q?", f" {text}")) for text in ("no", "yes")]
    return SimpleNamespace(
        OUTPUT_TYPE="multiple_choice",
        build_all_requests=lambda **_: None,
        instances=requests,
        doc_to_choice=lambda _: ["no", "yes"],
        doc_to_target=lambda _: gold,
        multiple_input=0,
        config=SimpleNamespace(target_delimiter=" "),
    )


@pytest.mark.parametrize(("gold", "places"), [(1, {1}), ("yes", {1}), (["no", "yes"], {0, 1})])
def test_a_gold_is_a_place_or_the_text_of_a_choice(gold, places):
    (item,) = _items(harness(gold), "x", None)
    assert item.gold == places and item.options == ("no", "yes")


def test_a_text_that_is_no_choice_is_refused():
    with pytest.raises(BadTask, match="the gold 'maybe' is none of the choices"):
        _items(harness("maybe"), "x", None)
