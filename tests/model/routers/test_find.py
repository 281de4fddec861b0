"""Routers are found by what modules return, and accepted only where changing experts has the effect they predict."""

import pytest
import torch
from torch import nn
from torch.nn.functional import silu, softmax

from tests.models import byte_tokenizer, tiny
from workbench.errors import UnsupportedSite
from workbench.model.load import load_model
from workbench.model.routers.find import routers

ROUTERS = {  # layers with a router, experts
    "qwen3_moe": ([0, 1, 2], 4),
    "mixtral": ([0, 1, 2], 4),
    "olmoe": ([0, 1, 2], 4),
    "granitemoe": ([0, 1, 2], 4),
    "gpt_oss": ([0, 1, 2], 4),
    "qwen2_moe": ([1], 4),
    "deepseek_v3": ([1, 2], 8),
}


@pytest.mark.parametrize("kind", ROUTERS)
def test_every_layer_with_experts_has_its_router(kind, wrapped):
    model = wrapped(kind)
    before = {name: value.clone() for name, value in model.module.state_dict().items()}
    by_layer = routers(model)
    layers, experts = ROUTERS[kind]
    assert list(by_layer) == layers
    assert {(router.experts, router.per_token, router.weighs) for router in by_layer.values()} == {(experts, 2, True)}
    after = model.module.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_a_dense_model_is_refused(wrapped):
    with pytest.raises(UnsupportedSite, match="no router in any of its 3 layers: it is dense"):
        routers(wrapped("llama"))


class Experts(nn.Module):
    """Three experts as a list of modules."""

    def __init__(self):
        super().__init__()
        self.up = nn.ModuleList([nn.Linear(32, 8) for _ in range(3)])
        self.down = nn.ModuleList([nn.Linear(8, 32) for _ in range(3)])

    def forward(self, state, expert):
        return self.down[expert](silu(self.up[expert](state)))


class Mixture(nn.Module):
    """A mixture whose router and experts are connected in another way than transformers' own."""

    def __init__(self, gate, taken=1, turned=0, squared=False, more=False, fewer=False):
        super().__init__()
        self.gate, self.experts = gate, Experts()
        self.taken, self.turned, self.squared = taken, turned, squared
        self.more, self.fewer = more, fewer

    def forward(self, hidden_states):
        state = hidden_states.reshape(-1, hidden_states.shape[-1])
        given = self.gate(state)
        if isinstance(given, tuple):
            index, weight = given
        else:
            weight, index = softmax(given, dim=-1).topk(self.taken) if self.taken else given.topk(2)
        out = torch.zeros_like(state)
        for token in range(len(state)):
            for expert, factor in list(zip(index[token].tolist(), weight[token], strict=True))[
                : 1 if self.fewer else None
            ]:
                factor = factor**2 if self.squared else factor
                out[token] += factor * self.experts(state[token], (expert + self.turned) % 3)
            if self.more:
                out[token] += self.experts(state[token], 0)
        return out.reshape(hidden_states.shape)


class Listed(nn.Linear):
    """Returns (index, weight)."""

    def forward(self, state):
        weight, index = softmax(super().forward(state), dim=-1).topk(2)
        return index, weight


class Sparse(nn.Linear):
    """Returns weights of all experts, zero but for two."""

    def forward(self, state):
        weight, index = softmax(super().forward(state), dim=-1).topk(2)
        return torch.zeros(len(state), 3).scatter(1, index, weight)


def with_mixture(*made, seed=0):
    """A model whose layers have these mixtures in place of its own, wrapped."""
    module = tiny("qwen3_moe")
    torch.manual_seed(seed)
    for layer, mixture in zip(module.model.layers, made, strict=True):
        for weight in mixture.parameters():
            nn.init.normal_(weight, std=0.5)
        layer.mlp = mixture
    return load_model(module.eval(), tokenizer=byte_tokenizer())


def test_lists_weights_and_bare_logits_are_read():
    logits, sparse = Mixture(nn.Linear(32, 3), taken=1), Mixture(Sparse(32, 3), taken=0)
    by_layer = routers(with_mixture(Mixture(Listed(32, 3)), sparse, logits))
    assert [(router.experts, router.per_token, router.weighs) for router in by_layer.values()] == [
        (3, 2, True),
        (3, 2, True),
        (3, 1, 0),
    ]
    state = torch.randn(5, 32)
    index, weight = by_layer[1].read(sparse.gate(state))
    assert torch.equal(weight, softmax(nn.Linear.forward(sparse.gate, state), dim=-1).gather(1, index))
    index, weight = by_layer[2].read(logits.gate(state))
    assert weight is None
    assert torch.equal(index[:, 0], logits.gate(state).argmax(1))


def test_weights_that_do_not_multiply_are_not_read():
    honest, squared = Mixture(Listed(32, 3)), Mixture(Listed(32, 3), squared=True)
    by_layer = routers(with_mixture(honest, squared, Mixture(Listed(32, 3))))
    assert [router.weighs for router in by_layer.values()] == [True, False, True]
    assert by_layer[1].read(squared.gate(torch.randn(5, 32)))[1] is None


@pytest.mark.parametrize("other", [{"turned": 1}, {"more": True}, {"fewer": True}])
def test_a_router_whose_choice_is_not_followed_is_refused(other):
    made = [Mixture(Listed(32, 3)), Mixture(Listed(32, 3), **other), Mixture(Listed(32, 3))]
    with pytest.raises(UnsupportedSite, match=r"layer 1 .* has 3 experts, but changing them does not change exactly"):
        routers(with_mixture(*made))
