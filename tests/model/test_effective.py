"""Effective weights are what a projection does, not what it stores."""

import torch

from workbench.model import effective


def test_effective_weights_are_what_the_module_does():
    linear = torch.nn.Linear(5, 3)
    assert torch.equal(effective.effective_weight(linear, 5), linear.weight.t())

    class Adapted(torch.nn.Linear):
        def forward(self, x):
            return super().forward(x) + x @ torch.full((5, 3), 0.5)

    adapted = Adapted(5, 3)
    torch.testing.assert_close(effective.effective_weight(adapted, 5), adapted.weight.t() + 0.5)
    assert effective.linear_error(adapted, 5) < 1e-6

    class Bent(torch.nn.Linear):
        def forward(self, x):
            return super().forward(x).relu()

    assert effective.linear_error(Bent(5, 3), 5) > 0.1
