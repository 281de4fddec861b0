import pytest

from tests import models
from workbench.merging.groups import GROUPS, group_of

PLAIN = ["gpt2", "llama", "qwen3", "gemma2", "bloom", "cohere", "neox", "phi3", "opt", "xglm", "mixtral"]
FUSED = {"qkv", "gate_up", "router"}


@pytest.mark.parametrize("kind", PLAIN)
def test_every_tensor_of_a_plain_architecture_has_a_group(kind):
    module = models.tiny(kind)
    groups = {name: group_of(name) for name in module.state_dict()}
    assert {group for _, group in groups.values()} <= {*GROUPS, *FUSED}
    layers = {layer for layer, _ in groups.values() if layer is not None}
    assert layers == {0, 1, 2}
    # A norm has one dimension, everything else in these layers is a matrix or its bias.
    for name, parameter in module.named_parameters():
        if groups[name][1] == "norm":
            assert parameter.dim() == 1
        elif groups[name][1] != "ends" and not name.endswith("bias"):
            assert parameter.dim() > 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model.layers.11.self_attn.k_proj.weight", (11, "k")),
        ("base_model.model.model.layers.2.self_attn.o_proj.lora_A.weight", (2, "o")),
        ("model.layers.0.block_sparse_moe.experts.3.w1.weight", (0, "gate")),
        ("model.layers.0.block_sparse_moe.experts.3.w2.weight", (0, "down")),
        ("model.layers.0.block_sparse_moe.experts.3.w3.weight", (0, "up")),
        ("model.layers.0.block_sparse_moe.gate.weight", (0, "router")),
        ("model.layers.0.self_attn.q_norm.weight", (0, "norm")),
        ("model.vision_tower.encoder.layers.4.self_attn.q_proj.weight", (None, "other")),
        ("model.language_model.layers.4.self_attn.q_proj.weight", (4, "q")),
        ("lm_head.weight", (None, "ends")),
    ],
)
def test_names(name, expected):
    assert group_of(name) == expected
