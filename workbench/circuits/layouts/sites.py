"""Hook names in the files of others, and the sites that they are here.

TransformerLens's names are as in `HookedTransformer` (`blocks.3.hook_resid_mid`, or without the block). Its
`hook_mlp_in` is the residual stream before the norm of the MLP, the same as `hook_resid_mid`; its
`ln2.hook_normalized` lies before the norm's gain. Names of transformers modules are those of Gemma Scope 2.
"""

import re
from collections.abc import Iterable

from workbench.errors import BadTranscoder
from workbench.model.sites import SITES

_WIDE = ("residual", "residual_mid", "residual_post", "attention_out", "mlp_in", "mlp_normalized", "mlp_out")
_HOOKS = {SITES[site].hook: site for site in _WIDE} | {"hook_mlp_in": "residual_mid"}
_MODULES = {
    "input": "residual",
    "output": "residual_post",
    "pre_feedforward_layernorm.output": "mlp_in",
    "post_feedforward_layernorm.output": "mlp_out",
}
_NAME = re.compile(r"(?:(?:blocks|model\.layers)\.(\d+|\{\w*\})\.)?(.+)")


def site_of(name: object, where: str) -> tuple[str, int | None]:
    """The site of a hook name, and its layer if the name has it.

    Raises:
        BadTranscoder: it is no site whose width is that of the residual stream.
    """
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    known = {**_HOOKS, **_MODULES}
    if match is None or match[2] not in known:
        raise BadTranscoder(f"{where} names the hook {name!r}, which is no site here (has: {', '.join(known)})")
    return known[match[2]], int(match[1]) if (match[1] or "").isdecimal() else None


def hook_of(site: str, layer: int | None = None) -> str:
    """TransformerLens's name of a site, in a block."""
    return SITES[site].hook if layer is None else f"blocks.{layer}.{SITES[site].hook}"


def module_of(site: str, layer: int) -> str:
    """The name of a site among transformers modules.

    Raises:
        BadTranscoder: it has none.
    """
    names = {own: module for module, own in _MODULES.items()}
    if site not in names:
        raise BadTranscoder(f"this layout names no {site!r} (has: {', '.join(names)}); save it in another one")
    return f"model.layers.{layer}.{names[site]}"


def single(what: str, values: Iterable[str]) -> str:
    """The value that all layers share.

    Raises:
        BadTranscoder: there are several.
    """
    distinct = sorted(set(values))
    if len(distinct) != 1:
        raise BadTranscoder(f"its layers differ in {what}: {', '.join(distinct)}; load them one by one")
    return distinct[0]
