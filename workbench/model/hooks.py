"""Hooks: the only place where functions are registered on the modules of a model; removed when the block ends."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn

from workbench.errors import UnsupportedSite


class StopForward(Exception):
    """Raised in a hook to end a forward pass whose needed values were read."""


class _Blocks(threading.local):
    """Blocks of hooks: how many are entered, and the innermost whose hooks run."""

    entered, innermost = 0, float("inf")


_BLOCKS = _Blocks()

Edit = Callable[[Any], Any]
"""A function of an activation; what it returns, unless None, takes the activation's place."""


@dataclass(frozen=True)
class Hook:
    """A function on a module; made by `before`, `after`, `on_call` and `on_return`.

    Attributes:
        module: the module.
        function: as `torch.nn.Module` takes it.
        register: the module's method that takes it.
        keywords: whether the function is given keyword arguments too.
        always: whether it also runs after a call that an error ended, with None for what the module returned.
    """

    module: nn.Module
    function: Callable[..., Any]
    register: str
    keywords: bool = False
    always: bool = False


def before(module: nn.Module, function: Edit) -> Hook:
    """Give a function the module's first argument; what it returns, unless None, takes its place."""

    def hook(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        changed = function(args[0])
        return None if changed is None else (changed, *args[1:])

    return Hook(module, hook, "register_forward_pre_hook")


def after(module: nn.Module, function: Edit) -> Hook:
    """Give a function what the module returns; what it returns itself, unless None, takes its place."""
    return Hook(module, lambda _, args, output: function(output), "register_forward_hook")


def on_call(module: nn.Module, function: Callable[[tuple[Any, ...], dict[str, Any]], Any]) -> Hook:
    """Give a function all arguments, positional and by name; a pair that it returns takes their place."""
    return Hook(module, lambda _, args, named: function(args, named), "register_forward_pre_hook", True)


def on_return(
    module: nn.Module, function: Callable[[tuple[Any, ...], dict[str, Any], Any], Any], *, always: bool = False
) -> Hook:
    """Give a function all arguments and what the module returns; what it returns, unless None, takes its place."""
    return Hook(
        module, lambda _, args, named, output: function(args, named, output), "register_forward_hook", True, always
    )


@contextmanager
def hooked(hooks: Iterable[Hook], *, once: str = "") -> Iterator[None]:
    """Inside, the hooks are on their modules; a forward pass that one of them stops just ends the block.

    Args:
        hooks: in the order in which hooks of one module run.
        once: a name for the hooked modules, if each hook must run exactly once inside.

    Raises:
        UnsupportedSite: with `once`, a hook did not run exactly once, so the values read or written are unknown.
    """
    runs: list[int] = []
    handles = []
    _BLOCKS.entered += 1
    try:
        for number, hook in enumerate(hooks):
            runs.append(0)
            function = _counted(hook.function, runs, number) if once else hook.function
            handles.append(_registered(hook, _in_block(function, _BLOCKS.entered)))
        yield
    except StopForward:
        pass
    finally:
        _BLOCKS.entered -= 1
        for handle in handles:
            handle.remove()
    if once and set(runs) != {1}:
        raise UnsupportedSite(f"{once}: ran {', '.join(map(str, runs))} times in one pass, expected once each")


def entered_blocks() -> int:
    """How many blocks of hooks this thread is inside, for `outer_hooks`."""
    return _BLOCKS.entered


@contextmanager
def outer_hooks(blocks: int) -> Iterator[None]:
    """Inside, only hooks of the outermost blocks run: an extra pass is not seen by blocks that were entered later."""
    before = _BLOCKS.innermost
    _BLOCKS.innermost = blocks
    try:
        yield
    finally:
        _BLOCKS.innermost = before


def _in_block(function: Callable[..., Any], block: int) -> Callable[..., Any]:
    """The function, which does nothing where hooks of its block do not run."""

    def run(*args: Any, **named: Any) -> Any:
        return function(*args, **named) if block <= _BLOCKS.innermost else None

    return run


def install(hook: Hook) -> None:
    """Register a hook permanently, to correct what the module computes."""
    _registered(hook, hook.function)


def _registered(hook: Hook, function: Callable[..., Any]) -> Any:
    """The handle that removes the function from the module again."""
    options = {"with_kwargs": hook.keywords, "always_call": hook.always}
    return getattr(hook.module, hook.register)(function, **{name: True for name, on in options.items() if on})


@contextmanager
def with_forward(module: Any, forward: Callable[..., Any]) -> Iterator[None]:
    """Temporarily, calls of this module run `forward` instead of its own."""
    before = module.__dict__.get("forward")
    module.__dict__["forward"] = forward
    try:
        yield
    finally:
        if before is None:
            del module.__dict__["forward"]
        else:
            module.__dict__["forward"] = before


def _counted(function: Callable[..., Any], runs: list[int], number: int) -> Callable[..., Any]:
    def run(*arguments: Any) -> Any:
        runs[number] += 1
        return function(*arguments)

    return run
