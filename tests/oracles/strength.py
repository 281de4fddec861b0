"""Means, squares and quantiles of activations from the definition: one text, one token at a time."""

import math

import torch
from torch import nn


@torch.no_grad()
def activations(module: nn.Module, tokenizer, texts: list[str], downs: list[nn.Module]) -> list[list[list[float]]]:
    """What each layer's down projection reads: [layer][token of all texts][neuron]."""
    found = [[] for _ in downs]
    for text in texts:
        handles = [
            down.register_forward_pre_hook(
                lambda m, args, rows=rows: rows.extend(args[0].reshape(-1, args[0].shape[-1]).tolist())
            )
            for down, rows in zip(downs, found, strict=True)
        ]
        module(input_ids=torch.tensor([tokenizer(text)["input_ids"]]))
        for handle in handles:
            handle.remove()
    return found


def quantile(values: list[float], q: float) -> float:
    """The value of rank ceil(q * count), at least 1, counting from the smallest."""
    return sorted(values)[max(1, math.ceil(q * len(values))) - 1]
