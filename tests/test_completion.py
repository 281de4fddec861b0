"""What a Tab shows in an interactive session: the public names, and nothing that they are made of."""

import inspect
import rlcompleter
from types import ModuleType
from typing import get_origin

import pytest

import workbench as wb

PACKAGES = [name for name in wb.__all__ if isinstance(getattr(wb, name), ModuleType)]


def test_the_packages_are_those_that_the_package_exports():
    assert {"heads", "neurons", "patching", "lens", "planted", "figures", "live", "errors"} <= set(PACKAGES)
    assert dir(wb) == sorted(wb.__all__)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_lists_its_public_names_alone(name):
    package = getattr(wb, name)
    listed = dir(package)
    assert listed == sorted(set(listed)) and listed
    for one in listed:
        what = getattr(package, one)
        own = not isinstance(what, ModuleType) or what.__name__ == f"workbench.{name}.{one}"
        assert not one.startswith("_") and own, f"wb.{name}.{one}"
        if inspect.isroutine(what) or (inspect.isclass(what) and get_origin(what) is None):  # an alias has no home
            assert what.__module__.startswith("workbench"), f"wb.{name}.{one}"
    if name != "errors":
        assert set(listed) == set(package.__all__)


def test_the_errors_are_all_there_and_nothing_else():
    classes = {name: one for name, one in vars(wb.errors).items() if inspect.isclass(one)}
    assert set(dir(wb.errors)) == {name for name, one in classes.items() if issubclass(one, Exception)}


@pytest.mark.parametrize("name", PACKAGES)
def test_a_completer_offers_them(name):
    complete = rlcompleter.Completer({"wb": wb}).complete
    offered = []
    while (one := complete(f"wb.{name}.", len(offered))) is not None:
        offered.append(one)
    names = {one.removeprefix(f"wb.{name}.").rstrip("()") for one in offered}
    # Python's own completer adds the class's dunders, which every module has
    assert {one for one in names if not one.startswith("__")} == set(dir(getattr(wb, name)))
