"""The cache argument: transformers 5.24 renamed `past_key_values` to `cache`, which TransformerLens 4.3 ignores.

Attention that TransformerLens computes itself reads the old name only. Under the new one it stores no key and reads
none, without an error: every step of cached generation then sees one token. Here, and nowhere else, both names are
accepted; which one a model takes is read from its signatures, not from a version.
"""

import inspect
from functools import partial
from typing import Any

from workbench.model.hooks import install, on_call

CACHE_NAMES = ("cache", "past_key_values", "past_key_value", "layer_past")
_OLD = "past_key_values"


def cache_name(forward: Any) -> str:
    """The name under which a forward method takes a key-value cache; the old one where its signature names none."""
    parameters = inspect.signature(forward).parameters
    return next((name for name in CACHE_NAMES if name in parameters), _OLD)


def accept_both_names(bridge: Any) -> None:
    """Let every attention of a wrapped model read its cache under either name."""
    for part in bridge.modules():
        kind = type(part)
        if hasattr(kind, "_update_kv_cache"):
            part.__dict__["_update_kv_cache"] = partial(_update, kind._update_kv_cache, part)
        elif _OLD in getattr(getattr(kind.forward, "__code__", None), "co_consts", ()):  # reads the old name by itself
            install(on_call(part, partial(_rename, part)))


def _update(original: Any, part: Any, keys: Any, values: Any, **options: Any) -> Any:
    if options.get(_OLD) is None and options.get("cache") is not None:
        options[_OLD] = options["cache"]
    return original(part, keys, values, **options)


def _rename(part: Any, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if "cache" in options and "forward" not in part.__dict__:  # else `fused` has replaced its forward
        options = {**options, _OLD: options["cache"]}
        del options["cache"]
    return args, options
