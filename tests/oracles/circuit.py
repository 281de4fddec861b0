"""A model with only some heads as they are, by hooks on an unwrapped module, one prompt and one set at a time."""

from __future__ import annotations

import torch

from tests.oracles.patching import head_outputs, hooked, last_logits, projections


def mean_outputs(module, prompts):
    """Mean of every layer's head outputs over all tokens of all prompts: list of [head * d_head]."""
    found = [head_outputs(module, ids) for ids in prompts]
    return [torch.cat([one[layer] for one in found]).mean(0) for layer in range(len(found[0]))]


def downs(module):
    """The down projection of each layer's MLP."""
    return [part for name, part in module.named_modules() if name.endswith(("mlp.down_proj", "mlp.c_proj"))]


def neurons(module, ids):
    """What each layer's down projection reads: list of [position, neuron]."""
    seen = []
    with hooked([part.register_forward_pre_hook(lambda part, args: seen.append(args[0][0])) for part in downs(module)]):
        last_logits(module, ids)
    return seen


def mean_neurons(module, prompts):
    """Mean of every layer's neurons over all tokens of all prompts: list of [neuron]."""
    found = [neurons(module, ids) for ids in prompts]
    return [torch.cat([one[layer] for one in found]).mean(0) for layer in range(len(found[0]))]


def first_order(module, ids, means, answer, foil):
    """[layer, neuron]: the first-order change of the logit difference with each neuron at its mean."""
    seen = []

    def keep(part, args):
        seen.append(args[0].detach().requires_grad_(True))
        return (seen[-1] + (args[0] - args[0].detach()),)

    with torch.enable_grad(), hooked([part.register_forward_pre_hook(keep) for part in downs(module)]):
        logits = module(torch.tensor([ids]), use_cache=False).logits[0, -1]
        slopes = torch.autograd.grad(logits[answer] - logits[foil], seen)
    own = neurons(module, ids)
    return torch.stack([((m - o) * s[0]).sum(0) for m, o, s in zip(means, own, slopes, strict=True)])


def kept(module, ids, heads, means, read, only_neurons=None):
    """The metric with all heads but these (layer, head) at their means; and so neurons, as (kept, means) of them."""
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

    def replace_neurons(layer):
        def hook(part, args):
            values = only_neurons[1][layer].expand_as(args[0]).clone()
            for number, unit in only_neurons[0]:
                if number == layer:
                    values[..., unit] = args[0][..., unit]
            return (values,)

        return hook

    parts = [(part, replace(layer)) for layer, part in enumerate(projections(module))]
    if only_neurons is not None:
        parts += [(part, replace_neurons(layer)) for layer, part in enumerate(downs(module))]
    with hooked([part.register_forward_pre_hook(hook) for part, hook in parts]):
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
