"""Knock-out from the definition: one text, one group, the activations zeroed by a plain hook on the down projection."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy


@torch.no_grad()
def loss(module: nn.Module, tokenizer, text: str, downs: list[nn.Module], off: list[tuple[int, int]]) -> float:
    """Mean negative log-likelihood of a text's tokens but the first, with these (layer, neuron) activations at 0."""

    def silence(neurons):
        def hook(m, args):
            values = args[0].clone()
            for neuron in neurons:
                values[..., neuron] = 0
            return (values,)

        return hook

    handles = [
        down.register_forward_pre_hook(silence([n for where, n in off if where == layer]))
        for layer, down in enumerate(downs)
    ]
    try:
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        logits = module(input_ids=ids).logits[0]
        return float(cross_entropy(logits[:-1].double(), ids[0, 1:]))
    finally:
        for handle in handles:
            handle.remove()


def knockout(module, tokenizer, texts: dict[str, list[str]], downs, off) -> dict[str, list[float]]:
    """Per language each text's loss without the neurons `off` less its loss with them."""
    return {
        language: [
            loss(module, tokenizer, text, downs, off) - loss(module, tokenizer, text, downs, []) for text in rows
        ]
        for language, rows in texts.items()
    }


@torch.no_grad()
def steered(module, tokenizer, text: str, downs, change: dict[tuple[int, int], tuple[float, float]]) -> float:
    """As `loss`, with activations x at (layer, neuron) changed to fill + (x - fill) * scale, given as (scale, fill)."""

    def edit(layer):
        def hook(m, args):
            values = args[0].clone()
            for (where, neuron), (scale, fill) in change.items():
                if where == layer:
                    values[..., neuron] = fill + (values[..., neuron] - fill) * scale
            return (values,)

        return hook

    handles = [down.register_forward_pre_hook(edit(layer)) for layer, down in enumerate(downs)]
    try:
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        return float(cross_entropy(module(input_ids=ids).logits[0, :-1].double(), ids[0, 1:]))
    finally:
        for handle in handles:
            handle.remove()
