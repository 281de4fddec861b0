"""Expert neurons and PLND from their definitions: a threshold at a time, a removed neuron at a time."""

import math

import torch
from torch import nn


def average_precision(scores: list[float], labels: list[bool]) -> float:
    """Sum over the distinct scores, highest first, of (recall gained) * precision."""
    total, before, found = sum(labels), 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        called = [label for score, label in zip(scores, labels, strict=True) if score >= threshold]
        recall = sum(called) / total
        found += (recall - before) * sum(called) / len(called)
        before = recall
    return found


@torch.no_grad()
def impact(module: nn.Module, tokenizer, text: str, down: nn.Module, neuron: int) -> float:
    """Root mean square over tokens of the length of the change of the down projection's output without a neuron."""
    seen = []

    def remove(m, args):
        values = args[0].clone()
        seen.append(m.forward(values).reshape(-1, m.forward(values).shape[-1]))
        values[..., neuron] = 0
        seen.append(m.forward(values).reshape(-1, seen[0].shape[-1]))

    handle = down.register_forward_pre_hook(remove)
    try:
        module(input_ids=torch.tensor([tokenizer(text)["input_ids"]]))
    finally:
        handle.remove()
    lengths = (seen[0] - seen[1]).double().norm(dim=1).tolist()
    return math.sqrt(math.fsum(length**2 for length in lengths) / len(lengths))
