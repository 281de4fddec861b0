"""Babel Workbench: see how a language model handles languages.

The public names load lazily, so that `import workbench` costs nothing until a name is used.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_ROOMS = ("heads", "neurons", "patching", "lens", "attribution", "planted", "figures", "live", "errors")
_NAMES = {
    "load_model": "workbench.model.load",
    "generate": "workbench.model.written",
    "load_corpus": "workbench.text.readers",
    "load_pairs": "workbench.text.pairs",
    "load_words": "workbench.text.words",
    "translation_pairs": "workbench.text.words",
    "load_result": "workbench.results.files",
    "save_result": "workbench.results.files",
}
__all__ = ["__version__", *_NAMES, *_ROOMS]  # pyright: ignore[reportUnsupportedDunderAll]

if TYPE_CHECKING:
    from workbench import attribution, errors, figures, heads, lens, live, neurons, patching, planted  # noqa: F401
    from workbench.model.load import load_model  # noqa: F401
    from workbench.model.written import generate  # noqa: F401
    from workbench.results.files import load_result, save_result  # noqa: F401
    from workbench.text.pairs import load_pairs  # noqa: F401
    from workbench.text.readers import load_corpus  # noqa: F401
    from workbench.text.words import load_words, translation_pairs  # noqa: F401


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name in _ROOMS:
        return importlib.import_module(f"workbench.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'workbench' has no attribute {name!r}; it has: {', '.join(__all__)}")


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
