"""Groups of tensors: which layer a name belongs to, and what it does there."""

import re
from collections.abc import Mapping, Sequence

from workbench.errors import BadArgument
from workbench.text.display.naming import shortened

Group = str | int | tuple[int, str]
"""A group of tensors in every layer ("q", "norm", "ends"), a layer, or a group in a layer: (3, "q")."""

GROUPS = ("q", "k", "v", "o", "gate", "up", "down", "norm", "ends")
"""Groups of a model with separate projections; fused ones are `qkv` and `gate_up`, all else `router` or `other`."""

HEADS = ("lm_head.weight", "embed_out.weight", "output.weight", "model.lm_head.weight", "language_model.lm_head.weight")
"""Names of the head; where it is tied to the embedding, the two are one tensor."""

_LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks|block)\.(\d+)\.(.+)$")
_NO_TEXT = re.compile(r"vision|visual|audio|multi_modal|projector")
_PARTS = (
    ("norm", r"norm|(?:^|\.)ln_|layernorm"),
    ("qkv", r"query_key_value|qkv_proj|c_attn|Wqkv"),
    ("gate_up", r"gate_up_proj"),
    ("router", r"router|\.gate\.|\bgate\.(?:weight|bias)"),
    ("q", r"\bq_\w*proj|\bquery\b"),
    ("k", r"\bk_proj|\bkv_\w*proj|\bkey\b"),
    ("v", r"\bv_proj|\bvalue\b"),
    ("o", r"\bo_proj|out_proj|attn\.c_proj|(?:attention|self_attention|attn)\.dense"),
    ("gate", r"gate_proj|\bw1\b"),
    ("down", r"down_proj|\bw2\b|\bfc2\b|\bc_proj|dense_4h_to_h"),
    ("up", r"up_proj|\bw3\b|\bfc1\b|\bc_fc|dense_h_to_4h"),
)
_KINDS = tuple((group, re.compile(pattern)) for group, pattern in _PARTS)


def group_of(name: str) -> tuple[int | None, str]:
    """Layer and group of a tensor by its name; a bias and an adapter's factors are in the group of their weight.

    Embeddings, the last norm and the head are `ends`, with layer None; parts for images or sound are `other`.

    Example:
        >>> group_of("model.layers.3.self_attn.q_proj.weight")
        (3, 'q')
        >>> group_of("model.norm.weight")
        (None, 'ends')
    """
    if _NO_TEXT.search(name):
        return None, "other"
    match = _LAYER.search(name)
    if match is None:
        return None, "ends"
    return int(match[1]), next((group for group, kind in _KINDS if kind.search(match[2])), "other")


def read_groups(text: str) -> list[Group]:
    """Groups as they are typed, with commas: "ends,3,3:q" is ["ends", 3, (3, "q")].

    What is no group is one by name, which no model has.
    """
    groups: list[Group] = []
    for part in text.split(","):
        layer, colon, group = part.strip().rpartition(":")
        if colon and layer.isdecimal():
            groups.append((int(layer), group))
        else:
            groups.append(int(group) if group.isdecimal() and not colon else part.strip())
    return groups


def chosen(
    places: Mapping[str, tuple[int | None, str]],
    groups: Sequence[Group],
    model: object,
) -> set[str]:
    """Names of the tensors of some groups.

    Args:
        places: name of a tensor to its layer and group.
        groups: layers, groups, or both.
        model: whose name an error gives.

    Raises:
        BadArgument: a group that the model does not have.
    """
    taken: set[str] = set()
    for group in groups:
        wanted = tuple(group) if isinstance(group, tuple | list) else group
        names = {name for name, (layer, kind) in places.items() if wanted in (kind, layer, (layer, kind))}
        if not names:
            known = list(dict.fromkeys(kind for _, kind in places.values()))
            layers = 1 + max((layer for layer, _ in places.values() if layer is not None), default=-1)
            raise BadArgument(
                f"groups: {str(model)!r} has no {group!r}; it has {layers} layers from 0, and in them or beside "
                f"them {shortened(known)}"
            )
        taken |= names
    return taken
