"""The laboratories that the command knows, and what each of them takes."""

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any

import xarray as xr

from workbench.arguments import one_of
from workbench.errors import BadArgument

Laboratory = Callable[..., xr.Dataset]

LABORATORIES = {
    "more_from_less": "What do untrained languages gain from questions for translations between two others?",
    "language_layers": "Is it enough to train the layers in which languages have their own neurons?",
    "parallel_schedule": "When should a model read translations: first, last, or spread out?",
    "typological": "Which languages should be trained, by typology or at random?",
    "teachers": "Can languages in which a model is right teach those in which it is not?",
    "self_distillation": "Can a model's own answers in one language teach another one?",
    "vocabulary_quadrants": "Who gains when only the embeddings are trained, and who loses?",
    "prompt_pool": "Do trained prompts find the language of a text?",
}
"""name -> its question; the function has the same name in `workbench.laboratories`"""


def laboratories() -> dict[str, Laboratory]:
    """The function of each laboratory."""
    from workbench import laboratories as package

    return {name: getattr(package, name) for name in LABORATORIES if name in package.__all__}


def chosen_laboratories(name: str) -> dict[str, Laboratory]:
    """The laboratory of a name, or all.

    Raises:
        BadArgument: there is none of this name.
    """
    every = laboratories()
    return every if name == "all" else {one_of("name", name, [*every, "all"]): every[name]}


def settings(function: Laboratory, *, quick: bool) -> dict[str, Any]:
    """The defaults of a laboratory; the quick ones of its module in their place where `quick` is set."""
    defaults = {
        name: part.default
        for name, part in inspect.signature(function).parameters.items()
        if part.default is not inspect.Parameter.empty
    }
    own = sys.modules[inspect.unwrap(function).__module__]
    return {**defaults, **(getattr(own, "QUICK", {}) if quick else {})}


def accepted(function: Laboratory, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that a laboratory takes, of those that were given."""
    parameters = inspect.signature(function).parameters
    any_name = any(part.kind is inspect.Parameter.VAR_KEYWORD for part in parameters.values())
    of_run = {"words", "corpus", "languages"} if any_name else set()
    return {name: value for name, value in given.items() if name in parameters or name in of_run}


def require_accepted(name: str, function: Laboratory, given: Mapping[str, Any]) -> None:
    """Refuse what a laboratory does not take.

    Raises:
        BadArgument: names it.
    """
    if refused := sorted(set(given) - set(accepted(function, given))):
        raise BadArgument(f"{name} takes no {' and no '.join(refused)}: it makes its own; leave it out")
