"""Results: make, save and load them; intervals and corrected p-values."""

from typing import TYPE_CHECKING

from workbench.lazy import lazily

_NAMES = {
    "Groups": "workbench.results.groups",
    "Variable": "workbench.results.make",
    "Variables": "workbench.results.make",
    "corrected": "workbench.results.statistics",
    "interval": "workbench.results.statistics",
    "load_result": "workbench.results.files",
    "make_result": "workbench.results.make",
    "p_value": "workbench.results.statistics",
    "provenance": "workbench.results.make",
    "save_result": "workbench.results.files",
    "versions": "workbench.results.make",
}
__all__ = [*_NAMES]  # pyright: ignore[reportUnsupportedDunderAll]
__getattr__, __dir__ = lazily(__name__, _NAMES)

if TYPE_CHECKING:
    from workbench.results.files import load_result, save_result  # noqa: F401
    from workbench.results.groups import Groups  # noqa: F401
    from workbench.results.make import Variable, Variables, make_result, provenance, versions  # noqa: F401
    from workbench.results.statistics import corrected, interval, p_value  # noqa: F401
