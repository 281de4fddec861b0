"""Arguments of public functions: checked against their annotations, and refused by name with what would work."""

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

P = ParamSpec("P")
R = TypeVar("R")
MOST = 2**31 - 1  # of what is counted: more cells than an array of ours can have
_WIDEST = sys.float_info.max
_SEED = 2**63 - 1  # what every generator of random numbers here takes
_MAKERS = {"Model": "load_model", "Corpus": "load_corpus", "Dataset": "load_result", "DataFrame": "load_words"}
_WORDS = {int: "a whole number", float: "a finite number", bool: "True or False", str: "a text", type(None): "None"}
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80
_MANY = {int: "whole numbers", float: "finite numbers", str: "texts", Callable: "functions", Sequence: "lists"}


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Refuse arguments of other types than a public function's annotations name, before it runs.

    Options that many functions share are also checked against their range: `seed`, `batch_size`, `level`, `limit` and
    `shots`. Numbers of numpy become Python's. A missing or unknown argument stays Python's own TypeError.

    Raises:
        BadArgument: from the call: names the argument, what arrived, and what would work.
    """
    signature = inspect.signature(function)
    kinds = functools.cache(lambda: typing.get_type_hints(function))  # at the first call: importing stays quick

    @functools.wraps(function)
    def checking(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError:
            return function(*args, **kwargs)  # Python says which one is missing or unknown
        for name, value in given.arguments.items():
            kind, several = kinds().get(name, Any), signature.parameters[name].kind
            if several is inspect.Parameter.VAR_POSITIONAL:
                for one in value:
                    expect(name, one, kind)
            elif several is not inspect.Parameter.VAR_KEYWORD:
                given.arguments[name] = _in_range(name, expect(name, value, kind))
        return function(*given.args, **given.kwargs)

    return checking


def expect(name: str, value: Any, kind: Any) -> Any:
    """The value, if it is what an annotation says; a number of numpy as Python's.

    Raises:
        BadArgument: it is not.
    """
    if Path in typing.get_args(kind) and isinstance(value, str) and (not value or "\0" in value):
        raise BadArgument(f"{name}={shown(value)}; give the path of a file or folder")
    if _fits(value, kind):
        return value.item() if isinstance(value, np.generic) else value
    alone = [one for one in typing.get_args(kind) if one is not types.NoneType] if _is_union(kind) else [kind]
    maker = _MAKERS.get(getattr(alone[0], "__name__", "")) if len(alone) == 1 else None
    if maker and isinstance(value, str):
        raise BadArgument(f"{name}={shown(value)} is a text; load it first: wb.{maker}({shown(value)})")
    raise BadArgument(f"{name}={shown(value)}; give {_described(kind)}")


def whole_number(name: str, value: Any, *, at_least: int = 0, at_most: int = MOST, why: str = "") -> int:
    """The value as int; numpy's integers are whole numbers, True and 2.0 are not. `why` says what bounds it.

    Raises:
        BadArgument: it is no whole number, or lies outside its bounds.
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
        BadArgument: it is no number, NaN, infinite, or lies outside its bounds.
    """
    if not _fits(value, float) or not (at_least <= value <= at_most and above < value < below):
        lower = f"from {at_least:g}" if at_least > above else f"above {above:g}" if above > -math.inf else ""
        upper = f"at most {at_most:g}" if at_most < below else f"below {below:g}" if below < math.inf else ""
        bounds = " and ".join(bound for bound in (lower, upper) if bound)
        raise BadArgument(f"{name}={shown(value)}; give a finite number {bounds}".rstrip())
    return float(value)


def one_of(name: str, value: Any, choices: Collection[str]) -> str:
    """The value, if it is among the choices.

    Raises:
        BadArgument: it is not; names them.
    """
    if not isinstance(value, str) or value not in choices:
        raise BadArgument(f"{name}={shown(value)} does not exist (has: {', '.join(choices)})")
    return value


def shown(value: Any) -> str:
    """A value on one short line: itself where that says something, or else what it is."""
    if value is None or isinstance(value, str | bytes | Real | list | tuple | dict | set | frozenset):
        return " ".join(_SHORT.repr(value).split())
    return f"<{type(value).__name__}>"


def _in_range(name: str, value: Any) -> Any:
    """An option that many functions share, checked against its range."""
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
    """Whether a value is what an annotation says; of what is inside a list or dict only plain values are looked at."""
    if kind is Any:
        return True
    if kind in (int, float):
        if isinstance(value, bool) or not isinstance(value, Integral if kind is int else Real):
            return False
        return kind is int or (abs(int(value)) <= _WIDEST if isinstance(value, Integral) else math.isfinite(value))
    if kind in (bool, str, None):
        return isinstance(value, (bool, np.bool_) if kind is bool else str if kind is str else types.NoneType)
    if _is_union(kind):
        return any(_fits(value, one) for one in typing.get_args(kind))
    origin, inside = typing.get_origin(kind) or kind, typing.get_args(kind)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in inside)
    if origin is Callable:
        return callable(value)
    if origin is Path:
        return isinstance(value, Path)
    if origin is Mapping:  # a Dataset is one too, but never meant
        pairs = value.items() if isinstance(value, Mapping) and not hasattr(value, "data_vars") else None
        return pairs is not None and all(_fits(key, inside[0]) and _fits(one, inside[1]) for key, one in pairs)
    if origin is tuple:
        return isinstance(value, tuple | list) and (inside[-1:] == (...,) or len(value) == len(inside))
    if origin in (Sequence, Iterable):
        return _is_list(value, origin) and _all_fit(value, inside[0])
    return isinstance(value, origin) if isinstance(origin, type) else True


def _is_list(value: Any, origin: Any) -> bool:
    """A list of any kind; for an Iterable also what is read once, but no text, table or dict."""
    if isinstance(value, str | bytes | Mapping) or (hasattr(value, "columns") and hasattr(value, "iloc")):
        return False
    if origin is Iterable:
        return isinstance(value, Iterable)
    return isinstance(value, Sequence | Set | np.ndarray) or (hasattr(value, "to_numpy") and len(value.shape) == 1)


def _all_fit(values: Any, kind: Any) -> bool:
    """Whether everything in a list fits; what is read once stays unread, lists in lists are left to who reads them."""
    if typing.get_origin(kind) in (Sequence, Iterable, tuple) or not isinstance(values, Collection):
        return True
    return all(_fits(one, kind) for one in values)


def _is_union(kind: Any) -> bool:
    return typing.get_origin(kind) in (typing.Union, types.UnionType)


def _described(kind: Any) -> str:
    """What would fit an annotation, in words."""
    if _is_union(kind):
        return " or ".join(dict.fromkeys(_described(one) for one in typing.get_args(kind)))
    origin, inside = typing.get_origin(kind) or kind, typing.get_args(kind)
    if origin is Literal:
        return " or ".join(map(repr, inside))
    if origin in (Sequence, Iterable, tuple):
        many = _MANY.get(inside[0]) if len(inside) == 1 else None
        return f"a list of {many}" if many else "a list"
    if origin is Mapping:
        many = _MANY.get(inside[1]) or _MANY.get(typing.get_origin(inside[1]))
        return f"a dict of {many}" if many else "a dict"
    named = _WORDS.get(kind) or {Callable: "a function"}.get(origin)
    name = getattr(origin, "__name__", str(kind))
    return named or (f"a {name} (wb.{_MAKERS[name]})" if name in _MAKERS else f"a {name}")
