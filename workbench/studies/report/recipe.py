"""How to reproduce a study: the command, and the same public call in Python."""

import inspect
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from workbench.options import TYPED, Options

_LEFT_OUT = {"progress"}  # changes no number


@dataclass(frozen=True)
class Recipe:
    """How to reproduce a study.

    Attributes:
        command: At the shell; empty where an argument was an object, or where the command has no such option.
        call: In Python.
        typed: The command as it was typed; empty in Python.
    """

    command: str
    call: str
    typed: str = ""

    @property
    def shell(self) -> str:
        """What to type again: as it was typed where it was typed."""
        return self.typed or self.command


def recipe(
    study: Callable[..., Any],
    command: str,
    *given: Any,
    out: str | Path,
    options: Options | None = None,
    positional: Sequence[str] = (),
    only_python: Sequence[str] = (),
    **named: Any,
) -> Recipe:
    """Write down how a study was called; what has its default value is left out.

    Args:
        study: Such as `run_heads`.
        command: Its words after `workbench`, such as `heads find`.
        *given: What the study and the command take first.
        out: The run folder.
        options: How it was computed.
        positional: Names of arguments that are positional in the command, after `given`.
        only_python: Names of arguments and options that the command does not have.
        **named: What else the study was given.

    Example:
        >>> recipe(run_heads, "heads find", "polyglot", "parallel", out="runs/heads", limit=16).command
        'workbench heads find polyglot parallel --limit 16 --out runs/heads'
    """
    place = Path(out)
    folder = (Path("runs") / place.name if place.is_absolute() else place).as_posix()
    defaults = {name: parameter.default for name, parameter in inspect.signature(study).parameters.items()}
    changed = {name: value for name, value in named.items() if not _same(value, defaults.get(name))}
    how = {} if options is None else _changed(options)
    arguments = {**changed, **how, "out": folder}
    inner = f", options=wb.studies.Options({_arguments(how)})" if how and "options" in defaults else ""
    first = "".join(f"{_python(value, name)}, " for name, value in zip(defaults, given, strict=False))
    call = first + _arguments({**changed, "out": folder} if "options" in defaults else arguments) + inner
    possible = all(_plain(value) for value in [*given, *changed.values()]) and not set(only_python) & set(arguments)
    parts = [part for value in given for part in (value if isinstance(value, list | tuple) else [value])]
    words = ["workbench", *command.split(), *map(str, parts), *(str(arguments.pop(name)) for name in positional)]
    for name, value in arguments.items():
        words += _option(name, value)
    typed = shlex.join(["workbench", *(word.replace(str(out), folder) for word in TYPED.get())]) if TYPED.get() else ""
    python = f"import workbench as wb\n\nwb.studies.{study.__name__}({call})"
    return Recipe(shlex.join(words) if possible else "", python, typed)


def _changed(options: Options) -> dict[str, Any]:
    """Options that are not at their defaults."""
    return {
        field.name: getattr(options, field.name)
        for field in fields(options)
        if field.name not in _LEFT_OUT and getattr(options, field.name) != field.default
    }


def _same(value: Any, default: Any) -> bool:
    return value is None or (isinstance(value, list | tuple) and not value) or (_plain(value) and value == default)


def _plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_plain, value))
    if isinstance(value, Mapping):  # of the columns of a table: None for one that is left out
        return all(isinstance(content, str | None) for content in value.values()) and all(map(_plain, value))
    return isinstance(value, str | int | float | bool | Path)


def _arguments(named: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_python(value, name)}" for name, value in named.items())


def _python(value: Any, name: str) -> str:
    """A value as Python; an object that has no short form goes by the argument's name."""
    if not _plain(value):
        return name
    return repr(value.as_posix()) if isinstance(value, Path) else repr(value)


def _option(name: str, value: Any) -> list[str]:
    """An argument of a study as an option of its command."""
    flag = "--" + name.replace("_", "-")
    if value is True:
        return [flag]
    if isinstance(value, list | tuple):
        return [flag, ",".join(map(str, value))]
    if isinstance(value, Mapping):
        return [flag, ",".join(f"{name}={content or ''}" for name, content in value.items())]
    return [flag, str(value)]
