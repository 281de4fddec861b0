"""What the command knows of laboratories."""

import pytest

import workbench as wb
from workbench.errors import BadArgument
from workbench.studies.laboratories.cost import cost
from workbench.studies.laboratories.registry import (
    LABORATORIES,
    accepted,
    chosen_laboratories,
    laboratories,
    require_accepted,
    settings,
)


def small(base="polyglot", *, trained=("de", "ja"), steps=80, controls=("text",), seeds=3, quick=False, **materials):
    """A laboratory."""


def closed(*, languages=("de", "en"), seeds=3, quick=False):
    """A laboratory that trains models of its own."""


QUICK = {"seeds": 1, "steps": 4}  # of the laboratories of this module


def test_every_laboratory_is_a_public_function_with_the_shared_options():
    for name, function in laboratories().items():
        assert getattr(wb.laboratories, name) is function
        assert LABORATORIES[name].endswith("?")
        assert {"seeds", "quick", "progress", "seed"} <= set(settings(function, quick=False)), name


def test_one_or_all_are_chosen():
    assert list(chosen_laboratories("more_from_less")) == ["more_from_less"]
    assert chosen_laboratories("all") == laboratories()
    with pytest.raises(BadArgument, match="more_from_less"):
        chosen_laboratories("less_from_more")


def test_defaults_and_quick_ones():
    assert settings(small, quick=False)["steps"] == 80
    assert settings(small, quick=True) == {**settings(small, quick=False), **QUICK}


def test_quick_settings_are_those_that_the_function_takes_and_every_forecast_knows_them():
    for name, function in laboratories().items():
        quick, usual = (settings(function, quick=each) for each in (True, False))
        assert quick["seeds"] == 1 < usual["seeds"], name
        assert quick.get("steps", 0) < usual.get("steps", 1), name


def test_arguments_are_passed_where_they_are_taken():
    given = {"base": "x", "words": "w", "languages": "de", "seed": 1}
    assert accepted(small, given) == {"base": "x", "words": "w", "languages": "de"}
    assert accepted(closed, given) == {"languages": "de"}
    require_accepted("small", small, {"base": "x", "words": "w"})
    with pytest.raises(BadArgument, match="closed takes no base and no words"):
        require_accepted("closed", closed, {"base": "x", "words": "w"})


def test_the_cost_grows_with_trainings_and_steps(wrapped):
    model = wb.load_model("polyglot")
    (three,), (two,), (quick,) = (
        cost(small, model, seeds=seeds, quick=quick) for seeds, quick in ((None, False), (2, False), (None, True))
    )
    assert three.passes == pytest.approx(1.5 * two.passes)
    assert three.passes == pytest.approx(3 * 20 * quick.passes)
    assert cost(closed, model, seeds=None, quick=False) is None
