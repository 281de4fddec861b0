"""The straight-through gradients, against the numbers of the definition."""

import pytest
import torch

from workbench.circuits.transcoders.jump_relu import jump_relu


def gradients(window):
    values = torch.tensor([[0.02], [0.04], [0.9]], requires_grad=True)
    threshold = torch.tensor([0.03], requires_grad=True)
    output = jump_relu(values, threshold, width=1.0, window=window)
    output.sum().backward()
    assert values.grad is not None and threshold.grad is not None
    return output.flatten().tolist(), values.grad.flatten().tolist(), threshold.grad.tolist()


def test_threshold_alone_has_the_window():
    output, of_values, of_threshold = gradients("threshold")
    assert output == pytest.approx([0, 0.04, 0.9])
    assert of_values == [0, 1, 1]
    assert of_threshold == pytest.approx([-0.06])


def test_both_have_the_window():
    _, of_values, of_threshold = gradients("both")
    assert of_values == pytest.approx([0.03, 1.03, 1])
    assert of_threshold == pytest.approx([-0.06])
