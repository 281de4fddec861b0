"""Named sites of a model: the TransformerLens hook point and the tensor axes of each."""

from dataclasses import dataclass

from workbench.errors import UnsupportedSite


@dataclass(frozen=True)
class Site:
    """A named kind of place in a layer: its hook point in a block and the axes of its tensor."""

    hook: str
    axes: tuple[str, ...]


_STATE = ("sample", "position", "dimension")
_HEADS = ("sample", "position", "head", "head_dimension")
_KV_HEADS = ("sample", "position", "kv_head", "head_dimension")
SITES = {
    "residual": Site("hook_resid_pre", _STATE),
    "residual_mid": Site("hook_resid_mid", _STATE),
    "residual_post": Site("hook_resid_post", _STATE),
    "attention_out": Site("hook_attn_out", _STATE),
    "mlp_in": Site("mlp.hook_in", _STATE),
    "mlp_normalized": Site("ln2.hook_normalized", _STATE),
    "mlp_out": Site("hook_mlp_out", _STATE),
    "head": Site("attn.hook_z", _HEADS),
    "q": Site("attn.hook_q", _HEADS),
    "k": Site("attn.hook_k", _KV_HEADS),
    "v": Site("attn.hook_v", _KV_HEADS),
    "pattern": Site("attn.hook_pattern", ("sample", "head", "query", "key")),
    "neuron": Site("mlp.hook_post", ("sample", "position", "neuron")),
    "gate": Site("mlp.hook_pre", ("sample", "position", "neuron")),
}


def kind(name: str) -> Site:
    """The Site of this name.

    Raises:
        UnsupportedSite: no kind of site has this name.
    """
    if name not in SITES:
        raise UnsupportedSite(f"{name!r} is not a kind of site (has: {', '.join(SITES)})")
    return SITES[name]
