"""Firing counts from the definition: one text, one layer, one neuron, one token at a time."""

import torch
from torch import nn


@torch.no_grad()
def firing(module: nn.Module, tokenizer, texts: dict[str, list[str]], activations: list[nn.Module]) -> dict:
    """Per language: {"tokens": int, "fired": [layer][neuron]}, with act(x) > 0 as the activation modules give it."""
    counts = {}
    for language, rows in texts.items():
        tokens, fired = 0, None
        for text in rows:
            seen = []
            handles = [
                a.register_forward_hook(lambda m, i, output, seen=seen: seen.append(output[0])) for a in activations
            ]
            ids = torch.tensor([tokenizer(text)["input_ids"]])
            module(input_ids=ids)
            for handle in handles:
                handle.remove()
            fired = fired or [[0] * layer.shape[-1] for layer in seen]
            for layer, values in enumerate(seen):
                for token in values.reshape(ids.shape[1], -1).tolist():
                    for neuron, value in enumerate(token):
                        fired[layer][neuron] += value > 0
            tokens += ids.shape[1]
        counts[language] = {"tokens": tokens, "fired": fired}
    return counts
