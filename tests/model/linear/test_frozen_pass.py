"""The frozen pass: itself on what was recorded, affine elsewhere, on every architecture; other models are refused."""

import pytest
import torch

import workbench as wb
from tests.models import byte_tokenizer, tiny
from workbench.errors import UnsupportedSite
from workbench.model.linear.frozen_pass import frozen_pass
from workbench.model.linear.norms import freeze

KINDS = ["gpt2", "llama", "qwen3", "gemma2", "gemma3", "bloom", "cohere", "cohere2", "neox", "phi3", "mistral"]


def frozen_states(frozen, scale):
    """All that MLPs read and the final state, for embeddings and MLP outputs moved by `scale`, [place, position, d]."""
    draw = torch.Generator().manual_seed(0)
    embedded, *written = (
        state + scale * torch.randn(state.shape, generator=draw) * state.std()
        for state in (frozen.embedded, *frozen.written)
    )
    with torch.no_grad():
        read, final = frozen.run(embedded, lambda layer, _: written[layer])
    return torch.cat([*read, final])


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_pass_itself_and_affine_elsewhere(kind, wrapped):
    model = wrapped(kind)
    frozen = frozen_pass(model, model.batch("Guten Tag"))
    torch.testing.assert_close(frozen_states(frozen, 0), torch.cat([*frozen.read, frozen.final]))
    torch.testing.assert_close(model.states(frozen.batch), frozen.final)  # no hook is left
    start, once, third = (frozen_states(frozen, scale) for scale in (0, 1, 3))
    assert (once - start).abs().max() > 0.5
    torch.testing.assert_close(third - start, 3 * (once - start), atol=1e-4, rtol=1e-4)


def test_a_norm_is_that_of_torch_with_its_denominator_constant():
    torch.manual_seed(0)
    norm = torch.nn.LayerNorm(8)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    read, other = 3 * torch.randn(2, 1, 5, 8)
    frozen = freeze(norm, read, norm(read).detach())
    size = (read.var(-1, correction=0, keepdim=True) + norm.eps).sqrt()
    expected = (other - other.mean(-1, keepdim=True)) / size * norm.weight + norm.bias
    torch.testing.assert_close(frozen(other), expected)


def test_what_is_no_norm_is_refused():
    read = torch.randn(1, 5, 8)
    with pytest.raises(UnsupportedSite, match="norm"):
        freeze(torch.nn.Tanh(), read, read.tanh())


def test_values_read_inside_a_norm_have_its_denominator_constant(wrapped):
    model = wrapped("llama")
    batch = model.batch("Guten Tag")
    inside, after = (frozen_pass(model, batch, reads=site) for site in ("mlp_normalized", "mlp_in"))
    gain = model.bridge.blocks[1].ln2.weight
    moved = [
        frozen.run(frozen.embedded + 1, lambda layer, _, frozen=frozen: frozen.written[layer])[0][1]
        for frozen in (inside, after)
    ]
    torch.testing.assert_close(moved[0] * gain, moved[1])
    assert not torch.allclose(moved[1], after.read[1])


@pytest.mark.parametrize("kind", ["opt", "xglm"])
def test_patterns_that_cannot_be_constant_are_the_reason(kind, wrapped):
    with pytest.raises(UnsupportedSite, match=r"cannot do .linear.: its attention patterns"):
        wrapped(kind).require("linear")


def test_a_nonlinear_part_that_no_norm_is_costs_the_ability():
    module = tiny("llama")
    plain = module.model.layers[1].self_attn.v_proj.forward
    module.model.layers[1].self_attn.v_proj.forward = lambda states: plain(states).sin()
    model = wb.load_model(module, tokenizer=byte_tokenizer())
    assert not model.abilities["linear"]
    assert "reads is not linear" in model.lost["linear"] or "final state is not linear" in model.lost["linear"]
