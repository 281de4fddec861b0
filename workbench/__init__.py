"""Babel Workbench: see how a language model handles languages.

The public names load lazily, so that `import workbench` costs nothing until a name is used.
"""

from typing import TYPE_CHECKING

from workbench.lazy import lazily

__version__ = "0.1.0"

_SUBPACKAGES = (
    "heads",
    "neurons",
    "patching",
    "lens",
    "attribution",
    "evaluation",
    "steering",
    "circuits",
    "merging",
    "laboratories",
    "atlas",
    "planted",
    "figures",
    "live",
    "studies",
    "model",
    "text",
    "results",
    "errors",
    "shipped",
)
_NAMES = {
    "Study": "workbench.studies.study.study",
    "load_model": "workbench.model.load",
    "generate": "workbench.model.continuations",
    "load_corpus": "workbench.text.readers",
    "load_pairs": "workbench.text.pairs",
    "load_prompts": "workbench.text.prompts",
    "load_task": "workbench.text.tasks.load",
    "load_words": "workbench.text.words",
    "translation_pairs": "workbench.text.words",
    "load_result": "workbench.results.files",
    "save_result": "workbench.results.files",
    "show": "workbench.results.reading.show",
    "report": "workbench.studies.own",
}
__all__ = ["__version__", *_NAMES, *_SUBPACKAGES]  # pyright: ignore[reportUnsupportedDunderAll]
__getattr__, _ = lazily(__name__, {**_NAMES, **{name: f"workbench.{name}" for name in _SUBPACKAGES}})

if TYPE_CHECKING:
    from workbench import (  # noqa: F401
        atlas,
        attribution,
        circuits,
        errors,
        evaluation,
        figures,
        heads,
        laboratories,
        lens,
        live,
        merging,
        model,
        neurons,
        patching,
        planted,
        results,
        shipped,
        steering,
        studies,
        text,
    )
    from workbench.model.continuations import generate  # noqa: F401
    from workbench.model.load import load_model  # noqa: F401
    from workbench.results.files import load_result, save_result  # noqa: F401
    from workbench.results.reading.show import show  # noqa: F401
    from workbench.studies.own import report  # noqa: F401
    from workbench.studies.study.study import Study  # noqa: F401
    from workbench.text.pairs import load_pairs  # noqa: F401
    from workbench.text.prompts import load_prompts  # noqa: F401
    from workbench.text.readers import load_corpus  # noqa: F401
    from workbench.text.tasks.load import load_task  # noqa: F401
    from workbench.text.words import load_words, translation_pairs  # noqa: F401


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
