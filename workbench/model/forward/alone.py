"""Alone: one thread at a time runs a model, because its hooks, edits and modes are the model's and not the thread's."""

import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

Given = ParamSpec("Given")
Found = TypeVar("Found")

_LOCKS: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()  # one a module: two Models may wrap the same one
_NEW = threading.Lock()


def turn(model: Any) -> AbstractContextManager[Any]:
    """Wait until no other thread uses this Model; inside, others wait. A thread never waits for itself.

    Args:
        model: a Model, or a Recording of one; for anything else nothing is waited for.
    """
    module = getattr(getattr(model, "model", model), "module", None)
    if module is None:
        return nullcontext()
    with _NEW:
        return _LOCKS.setdefault(module, threading.RLock())


def alone(function: Callable[Given, Found]) -> Callable[Given, Found]:
    """Let a function that takes a Model (or a Recording) first run in one thread at a time for each model."""
    first = next(iter(inspect.signature(function).parameters))

    @wraps(function)
    def run(*args: Given.args, **options: Given.kwargs) -> Found:
        with turn(args[0] if args else options.get(first)):
            return function(*args, **options)

    return run


def alone_inside(function: Callable[Given, Iterator[Found]]) -> Callable[Given, AbstractContextManager[Found]]:
    """Make a context manager of a function that takes a Model first; others wait until it was left."""
    inside = contextmanager(function)

    @contextmanager
    @wraps(function)
    def run(*args: Given.args, **options: Given.kwargs) -> Iterator[Found]:
        with turn(args[0] if args else options.get("model")), inside(*args, **options) as found:
            yield found

    return run
