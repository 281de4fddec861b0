"""Named places in a model: what each is called in TransformerLens, and what its tensor looks like."""

from dataclasses import dataclass

from workbench.errors import UnsupportedSite


@dataclass(frozen=True)
class Kind:
    """One kind of site: its hook point in a block and the axes of its tensor."""

    hook: str
    axes: tuple[str, ...]


_STATE = ("sample", "position", "dimension")
_HEADS = ("sample", "position", "head", "head_dimension")
_KV_HEADS = ("sample", "position", "kv_head", "head_dimension")
KINDS = {
    "residual": Kind("hook_resid_pre", _STATE),
    "residual_mid": Kind("hook_resid_mid", _STATE),
    "residual_post": Kind("hook_resid_post", _STATE),
    "attention_out": Kind("hook_attn_out", _STATE),
    "mlp_out": Kind("hook_mlp_out", _STATE),
    "head": Kind("attn.hook_z", _HEADS),
    "q": Kind("attn.hook_q", _HEADS),
    "k": Kind("attn.hook_k", _KV_HEADS),
    "v": Kind("attn.hook_v", _KV_HEADS),
    "pattern": Kind("attn.hook_pattern", ("sample", "head", "query", "key")),
    "neuron": Kind("mlp.hook_post", ("sample", "position", "neuron")),
    "gate": Kind("mlp.hook_pre", ("sample", "position", "neuron")),
}


def kind(name: str) -> Kind:
    """The Kind of this name.

    Raises:
        UnsupportedSite: no kind of site has this name.
    """
    if name not in KINDS:
        raise UnsupportedSite(f"{name!r} is not a kind of site (has: {', '.join(KINDS)})")
    return KINDS[name]
