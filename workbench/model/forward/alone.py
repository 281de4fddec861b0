"""Exclusive use: one thread at a time runs a model, because hooks, edits and modes belong to the model."""

import inspect
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")

_LOCKS: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()  # by module: two Models may wrap the same module
_NEW = threading.Lock()


def turn(model: Any) -> AbstractContextManager[Any]:
    """Wait until no other thread uses this Model; inside, others wait. A thread never waits for itself.

    Args:
        model: a Model, or a Recording of one; for anything else there is no wait.
    """
    module = getattr(getattr(model, "model", model), "module", None)
    if module is None:
        return nullcontext()
    with _NEW:
        return _LOCKS.setdefault(module, threading.RLock())


def alone(function: Callable[Parameters, Returned]) -> Callable[Parameters, Returned]:
    """Let a function run in one thread at a time for each model: its argument `model`, or a Recording given first."""
    model = _argument(function)

    @wraps(function)
    def run(*args: Parameters.args, **options: Parameters.kwargs) -> Returned:
        with turn(model(args, options)):
            return function(*args, **options)

    return run


def alone_inside(
    function: Callable[Parameters, Iterator[Returned]],
) -> Callable[Parameters, AbstractContextManager[Returned]]:
    """Make a context manager of a function with an argument `model`; others wait until it is left."""
    inside, model = contextmanager(function), _argument(function)

    @contextmanager
    @wraps(function)
    def run(*args: Parameters.args, **options: Parameters.kwargs) -> Iterator[Returned]:
        with turn(model(args, options)), inside(*args, **options) as value:
            yield value

    return run


def _argument(function: Callable[..., Any]) -> Callable[[tuple[Any, ...], Mapping[str, Any]], Any]:
    """What reads the argument `model` of a call, or the first where a function has none of that name."""
    names = list(inspect.signature(function).parameters)
    place = names.index("model") if "model" in names else 0
    return lambda args, options: args[place] if len(args) > place else options.get(names[place])
