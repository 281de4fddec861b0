"""Check arguments of public functions against their annotations; errors name the argument and valid values."""

import functools
import inspect
import math
import reprlib
import sys
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

import numpy as np

from workbench.errors import BadArgument
from workbench.options import with_shared

P = ParamSpec("P")
R = TypeVar("R")
MOST = 2**31 - 1  # largest count: more cells than any array here has
_WIDEST = sys.float_info.max
_SEED = 2**63 - 1  # largest seed that every random generator here accepts
_LOADERS = {"Model": "load_model", "Corpus": "load_corpus", "Dataset": "load_result", "DataFrame": "load_words"}
_WORDS = {int: "a whole number", float: "a finite number", bool: "True or False", str: "a text", type(None): "None"}
_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 80
_PLURALS = {int: "whole numbers", float: "finite numbers", str: "texts", Callable: "functions", Sequence: "lists"}


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Refuse arguments of other types than a public function's annotations name, before it runs.

    Shared options are also checked against their range: `seed`, `batch_size`, `level`, `limit` and `shots`; the
    docstring documents those that it lacks as `workbench.options` does. NumPy numbers become Python numbers. A missing
    or unknown argument raises Python's own TypeError.

    Raises:
        BadArgument: when called; names the argument, its value, and what is valid.
    """
    signature = inspect.signature(function)
    kinds = functools.cache(
        lambda: typing.get_type_hints(function)
    )  # resolved at the first call, so that import stays fast

    @functools.wraps(function)
    def checking(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError:
            return function(*args, **kwargs)  # Python says which one is missing or unknown
        for name, value in given.arguments.items():
            kind, several = kinds().get(name, Any), signature.parameters[name].kind
            if several is inspect.Parameter.VAR_POSITIONAL:
                for item in value:
                    expect(name, item, kind)
            elif several is not inspect.Parameter.VAR_KEYWORD:
                given.arguments[name] = _in_range(name, expect(name, value, kind))
        return function(*given.args, **given.kwargs)

    checking.__doc__ = with_shared(function.__doc__ or "", signature.parameters)
    return checking


def expect(name: str, value: Any, kind: Any) -> Any:
    """Return the value if it matches an annotation; NumPy numbers become Python numbers.

    Raises:
        BadArgument: it does not match.
    """
    if Path in typing.get_args(kind) and isinstance(value, str) and (not value or "\0" in value):
        raise BadArgument(f"{name}={shown(value)}; give the path of a file or folder")
    if _fits(value, kind):
        return value.item() if isinstance(value, np.generic) else value
    alone = [option for option in typing.get_args(kind) if option is not types.NoneType] if _is_union(kind) else [kind]
    loader = _LOADERS.get(getattr(alone[0], "__name__", "")) if len(alone) == 1 else None
    if loader and isinstance(value, str):
        raise BadArgument(f"{name}={shown(value)} is a text; load it first: wb.{loader}({shown(value)})")
    raise BadArgument(f"{name}={shown(value)}; give {_described(kind)}")


def whole_number(name: str, value: Any, *, at_least: int = 0, at_most: int = MOST, why: str = "") -> int:
    """The value as int; NumPy integers are accepted, True and 2.0 are not. `why` explains the upper bound.

    Raises:
        BadArgument: not a whole number, or out of bounds.
    """
    if not _fits(value, int) or not at_least <= value <= at_most:
        upper = f" to {at_most}" if at_most != MOST or (_fits(value, int) and value > MOST) else ""
        raise BadArgument(f"{name}={shown(value)}; give a whole number from {at_least}{upper}{why and ': '}{why}")
    return int(value)


def finite(
    name: str,
    value: Any,
    *,
    at_least: float = -math.inf,
    above: float = -math.inf,
    at_most: float = math.inf,
    below: float = math.inf,
) -> float:
    """The value as float, finite and within its bounds.

    Raises:
        BadArgument: not a number, NaN, infinite, or out of bounds.
    """
    if not _fits(value, float) or not (at_least <= value <= at_most and above < value < below):
        lower = f"from {at_least:g}" if at_least > above else f"above {above:g}" if above > -math.inf else ""
        upper = f"at most {at_most:g}" if at_most < below else f"below {below:g}" if below < math.inf else ""
        bounds = " and ".join(bound for bound in (lower, upper) if bound)
        raise BadArgument(f"{name}={shown(value)}; give a finite number {bounds}".rstrip())
    return float(value)


def one_of(name: str, value: Any, choices: Collection[str]) -> str:
    """Return the value if it is one of the choices.

    Raises:
        BadArgument: it is not; lists the choices.
    """
    if not isinstance(value, str) or value not in choices:
        raise BadArgument(f"{name}={shown(value)} does not exist (has: {', '.join(choices)})")
    return value


def numbers(name: str, text: str, *, like: str, kind: type = float) -> list[Any]:
    """Numbers with commas, as the command line has them.

    Raises:
        BadArgument: something else; gives an example.
    """
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        raise BadArgument(f"{name}={text!r}; give numbers with commas, such as {like}") from None


def shown(value: Any) -> str:
    """A value on one short line: its repr, or its type for objects."""
    if value is None or isinstance(value, str | bytes | Real | list | tuple | dict | set | frozenset):
        return " ".join(_REPR.repr(value).split())
    return f"<{type(value).__name__}>"


def _in_range(name: str, value: Any) -> Any:
    """Check a shared option against its range."""
    if name == "seed" and value is not None:
        return whole_number(name, value, at_most=_SEED)
    if name == "level":
        return finite(name, value, above=0, below=1)
    if name == "batch_size" and value != "auto" and not (isinstance(value, int) and 1 <= value <= MOST):
        raise BadArgument(f"batch_size={shown(value)}; give a whole number from 1, or 'auto'")
    if name == "limit" and value is not None:
        return whole_number(name, value, at_least=1)
    return whole_number(name, value) if name == "shots" else value


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value matches an annotation; inside a list or dict only plain values are checked."""
    if kind is Any:
        return True
    if kind in (int, float):
        if isinstance(value, bool) or not isinstance(value, Integral if kind is int else Real):
            return False
        return kind is int or (abs(int(value)) <= _WIDEST if isinstance(value, Integral) else math.isfinite(value))
    if kind in (bool, str, None):
        return isinstance(value, (bool, np.bool_) if kind is bool else str if kind is str else types.NoneType)
    if _is_union(kind):
        return any(_fits(value, option) for option in typing.get_args(kind))
    origin, inside = typing.get_origin(kind) or kind, typing.get_args(kind)
    if origin is Literal:
        return any(type(value) is type(option) and value == option for option in inside)
    if origin is Callable:
        return callable(value)
    if origin is Path:
        return isinstance(value, Path)
    if origin is Mapping:  # a Dataset is a Mapping too, but is not accepted as one
        pairs = value.items() if isinstance(value, Mapping) and not hasattr(value, "data_vars") else None
        return pairs is not None and all(_fits(key, inside[0]) and _fits(entry, inside[1]) for key, entry in pairs)
    if origin is tuple:
        return isinstance(value, tuple | list) and (inside[-1:] == (...,) or len(value) == len(inside))
    if origin in (Sequence, Iterable):
        return _is_list(value, origin) and _all_fit(value, inside[0])
    return isinstance(value, origin) if isinstance(origin, type) else True


def _is_list(value: Any, origin: Any) -> bool:
    """Any list-like value; for an Iterable also a generator; never a text, table or dict."""
    if isinstance(value, str | bytes | Mapping) or (hasattr(value, "columns") and hasattr(value, "iloc")):
        return False
    if origin is Iterable:
        return isinstance(value, Iterable)
    return isinstance(value, Sequence | Set | np.ndarray) or (hasattr(value, "to_numpy") and len(value.shape) == 1)


def _all_fit(values: Any, kind: Any) -> bool:
    """Whether all items of a list match; generators are not consumed, nested lists are checked by their reader."""
    if typing.get_origin(kind) in (Sequence, Iterable, tuple) or not isinstance(values, Collection):
        return True
    return all(_fits(item, kind) for item in values)


def _is_union(kind: Any) -> bool:
    return typing.get_origin(kind) in (typing.Union, types.UnionType)


def _described(kind: Any) -> str:
    """What an annotation accepts, in words."""
    if _is_union(kind):
        return " or ".join(dict.fromkeys(_described(option) for option in typing.get_args(kind)))
    origin, inside = typing.get_origin(kind) or kind, typing.get_args(kind)
    if origin is Literal:
        return " or ".join(map(repr, inside))
    if origin in (Sequence, Iterable, tuple):
        many = _PLURALS.get(inside[0]) if len(inside) == 1 else None
        return f"a list of {many}" if many else "a list"
    if origin is Mapping:
        many = _PLURALS.get(inside[1]) or _PLURALS.get(typing.get_origin(inside[1]))
        return f"a dict of {many}" if many else "a dict"
    named = _WORDS.get(kind) or {Callable: "a function"}.get(origin)
    name = getattr(origin, "__name__", str(kind))
    return named or (f"a {name} (wb.{_LOADERS[name]})" if name in _LOADERS else f"a {name}")
