"""Fused norms: those with hooks inside stay as they are, so that the hooks run."""

import pytest
import torch

from tests.circuits.cases import model_of
from workbench.model.forward.fused_attention import fused
from workbench.model.forward.record import record
from workbench.model.hooks import after, hooked


@pytest.mark.parametrize("site", ["residual_mid", "mlp_normalized", "mlp_out"])
@torch.no_grad()
def test_hooks_inside_a_norm_run(site):
    model = model_of("gemma2")
    batch = model.batch("Hallo")

    def move(states):
        return states + torch.linspace(-3, 3, states.shape[-1])

    with hooked([after(model.hook_point(site, 1), move)]):
        expected = model.states(batch)
        with fused(model):
            torch.testing.assert_close(model.states(batch), expected, atol=1e-5, rtol=1e-5)
        residual = record(model, batch).residual[-1]
    with hooked([after(model.hook_point(site, 1), move)], once="the pass"), fused(model):
        model.states(batch)
    assert not torch.allclose(residual, record(model, batch).residual[-1], atol=1e-3)
    assert not any("forward" in norm.__dict__ for norm in model.norms)
