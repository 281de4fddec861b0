"""A model with only some heads as they are, by hooks on an unwrapped module, one prompt and one set at a time."""

from __future__ import annotations

import torch

from tests.oracles.patching import head_outputs, hooked, last_logits, projections


def mean_outputs(module, prompts):
    """Mean of every layer's head outputs over all tokens of all prompts: list of [head * d_head]."""
    found = [head_outputs(module, ids) for ids in prompts]
    return [torch.cat([one[layer] for one in found]).mean(0) for layer in range(len(found[0]))]


def kept(module, ids, heads, means, read):
    """The metric with all heads but these (layer, head) at their means."""
    count = module.config.num_attention_heads

    def replace(layer):
        def hook(part, args):
            z = args[0].clone()
            width = z.shape[-1] // count
            for head in range(count):
                if (layer, head) not in heads:
                    z[..., head * width : (head + 1) * width] = means[layer][head * width : (head + 1) * width]
            return (z,)

        return hook

    parts = projections(module)
    with hooked([part.register_forward_pre_hook(replace(layer)) for layer, part in enumerate(parts)]):
        return read(last_logits(module, ids))


def greedy(module, prompts, reads, every, means):
    """Heads in the order in which they are taken away, always the one whose loss leaves the highest mean metric."""
    left, order = list(every), []
    while left:
        scores = []
        for gone in left:
            rest = [head for head in left if head != gone]
            scores.append(sum(kept(module, ids, rest, means, read) for ids, read in zip(prompts, reads, strict=True)))
        order.append(left.pop(max(range(len(left)), key=lambda i: scores[i])))
    return order
