"""Checks of arguments: bounds, what counts as a number or a list, and what a checked function stays."""

import inspect
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from workbench.arguments import checked, expect, finite, numbers, one_of, shown, whole_number
from workbench.errors import BadArgument


@checked
def example(first: int, *rest: float, names: Sequence[str] | None = None, seed: int = 0, **select: Any) -> tuple:
    """What it is given."""
    return first, rest, names, seed, select


@pytest.mark.parametrize("value", [0, 5, np.int8(3), np.uint64(5)])
def test_whole_numbers(value):
    assert whole_number("n", value, at_most=5) == value
    assert type(whole_number("n", value, at_most=5)) is int


@pytest.mark.parametrize("value", [-1, 6, 2**80, True, 1.0, "1", None, np.float64(1), np.array(1), [1]])
def test_what_is_no_whole_number(value):
    with pytest.raises(BadArgument, match=r"^n=.*; give a whole number from 0 to 5: five is all$"):
        whole_number("n", value, at_most=5, why="five is all")


@pytest.mark.parametrize(
    ("value", "bounds", "said"),
    [
        (float("nan"), {}, "x=nan; give a finite number"),
        (float("inf"), {"at_least": 0}, "x=inf; give a finite number from 0"),
        (True, {}, "x=True; give a finite number"),
        ("0.5", {"above": 0, "below": 1}, "x='0.5'; give a finite number above 0 and below 1"),
        (0, {"above": 0, "at_most": 1}, "x=0; give a finite number above 0 and at most 1"),
        (10**400, {"below": 1}, "give a finite number below 1"),
    ],
)
def test_what_is_no_finite_number(value, bounds, said):
    with pytest.raises(BadArgument, match=said):
        finite("x", value, **bounds)


def test_bounds_of_numbers():
    assert finite("x", 1, at_least=1, at_most=1) == 1.0
    assert type(finite("x", np.float32(0.5), above=0, below=1)) is float


def test_choices():
    assert one_of("how", "a", ("a", "b")) == "a"
    for wrong in ("c", None, ["a"]):
        with pytest.raises(BadArgument, match=r"does not exist \(has: a, b\)"):
            one_of("how", wrong, ("a", "b"))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (["a"], Sequence[str]),
        (("a",), Sequence[str]),
        ({"a": 1}.keys(), Sequence[str]),
        (np.array(["a"]), Sequence[str]),
        (pd.Index(["a"]), Sequence[str]),
        ([(0, 1)], Sequence[tuple[int, int]]),
        (iter([1]), Iterable[int]),
        (np.ones((2, 2), bool), Iterable[Sequence[int]]),
        ({"a": None}, Mapping[str, str | None]),
        (len, Callable[[str], int]),
        ("auto", float | Literal["auto"]),
        (3, float | Literal["auto"]),
        ("a.nc", str | Path),
        (object(), Any),
    ],
)
def test_what_fits(value, kind):
    assert expect("x", value, kind) is value


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        ("abc", Sequence[str], "give a list of texts"),
        (b"abc", Iterable[int], "give a list of whole numbers"),
        ([1], Sequence[str], "give a list of texts"),
        ([True], Sequence[int], "give a list of whole numbers"),
        (pd.DataFrame({"a": [1]}), Sequence[str], "x=<DataFrame>; give a list"),
        ({1: "a"}, Mapping[str, str], "give a dict of texts"),
        (xr.Dataset(), Mapping[str, int], "x=<Dataset>; give a dict"),
        ("all", float | Literal["auto"], "give a finite number or 'auto'"),
        ("a\0b", str | Path, "give the path of a file or folder"),
        ("", str | Path | None, "give the path of a file or folder"),
        (1, Callable[[str], int], "give a function"),
        ("polyglot", xr.Dataset | None, r"load it first: wb\.load_result\('polyglot'\)"),
        (1, str | xr.Dataset, r"give a text or a Dataset \(wb\.load_result\)"),
    ],
)
def test_what_does_not_fit(value, kind, said):
    with pytest.raises(BadArgument, match=said):
        expect("x", value, kind)


def test_a_checked_function_takes_what_it_took():
    assert example(np.int64(1), 2.0, 3, names=["a"], seed=4, layer=0) == (1, (2.0, 3), ["a"], 4, {"layer": 0})
    for wrong in ({"first": 1.0}, {"first": 1, "names": "a"}, {"first": 1, "seed": -1}, {"first": 1, "seed": 2**63}):
        with pytest.raises(BadArgument):
            example(**wrong)
    with pytest.raises(BadArgument, match="rest=nan"):
        example(1, 2.0, float("nan"))


def test_a_checked_function_stays_what_it_was():
    assert list(inspect.signature(example).parameters) == ["first", "rest", "names", "seed", "select"]
    assert example.__doc__ == "What it is given."
    assert pickle.loads(pickle.dumps(example)) is example
    with pytest.raises(TypeError, match=r"example\(\) missing 1 required positional argument: 'first'"):
        example()


def test_values_are_shown_on_one_short_line():
    assert shown("a\nb" * 100).count("\n") == 0
    assert len(shown([[1.0] * 100] * 100)) < 300
    assert shown(xr.Dataset()) == "<Dataset>"


def test_numbers_with_commas_are_read():
    assert numbers("doses", "1, 0.5,-2", like="1,2") == [1.0, 0.5, -2.0]
    assert numbers("layers", "1,2", like="1,2", kind=int) == [1, 2]
    for text in ("", "1;2", "1,", "a"):
        with pytest.raises(BadArgument, match="give numbers with commas, such as 1,2"):
            numbers("doses", text, like="1,2")
