"""What a Tab shows in an interactive session: the public names, and nothing that they are made of."""

import inspect
import rlcompleter
from types import ModuleType
from typing import get_origin

import pytest

import workbench as wb

PACKAGES = [name for name in wb.__all__ if isinstance(getattr(wb, name), ModuleType)]


def test_the_packages_are_those_that_the_house_exports():
    assert {"heads", "neurons", "patching", "lens", "planted", "figures", "live", "errors"} <= set(PACKAGES)
    assert dir(wb) == sorted(wb.__all__)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_lists_its_public_names_alone(name):
    package = getattr(wb, name)
    listed = dir(package)
    assert listed == sorted(set(listed)) and listed
    for one in listed:
        what = getattr(package, one)
        assert not one.startswith("_") and not isinstance(what, ModuleType), f"wb.{name}.{one}"
        home = getattr(what, "__module__", None)  # what another library made is no name of ours; plain values have none
        assert home is None or home.startswith("workbench"), f"wb.{name}.{one}"
    if name == "errors":
        classes = [
            one for one, what in vars(package).items() if inspect.isclass(what) and what.__module__ == package.__name__
        ]
        assert set(classes) == set(listed)
    else:
        assert set(listed) == set(package.__all__)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_completer_offers_them(name):
    complete = rlcompleter.Completer({"wb": wb}).complete
    offered = []
    while (one := complete(f"wb.{name}.", len(offered))) is not None:
        offered.append(one)
    names = {one.removeprefix(f"wb.{name}.").rstrip("()") for one in offered}
    # Python's own completer adds the class's dunders, which every module has
    assert {one for one in names if not one.startswith("__")} == set(dir(getattr(wb, name)))
