"""Attribution patching by plain loops: one unpadded pair at a time, gradients by torch through an unwrapped module."""

from __future__ import annotations

import torch

from tests.oracles.patching import head_outputs, hooked, layers, projections, states


def slopes(module, ids, read, start=None):
    """(residual slopes by layer and behind the last, z slopes by layer), [position, width] each.

    Args:
        module: the transformers module.
        ids: the prompt.
        read: logits of the last position [vocabulary] to a scalar tensor.
        start: embeddings to run in place of the prompt's own, [position, d_model].
    """
    entered, outputs = [], []

    def before(part, args, kwargs):
        hidden = args[0] if args else kwargs["hidden_states"]
        if not entered:
            hidden = (hidden if start is None else start[None]).detach().requires_grad_(True)
        hidden.retain_grad()
        entered.append(hidden)
        return ((hidden, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": hidden})

    def keep(part, args):
        args[0].retain_grad()
        outputs.append(args[0])

    def after(part, args, output):
        hidden = output[0] if isinstance(output, tuple) else output
        hidden.retain_grad()
        entered.append(hidden)

    handles = [part.register_forward_pre_hook(before, with_kwargs=True) for part in layers(module)]
    handles += [part.register_forward_pre_hook(keep) for part in projections(module)]
    handles.append(layers(module)[-1].register_forward_hook(after))
    with hooked(handles), torch.enable_grad():
        read(module(torch.tensor([ids]), use_cache=False).logits[0, -1].float()).backward()
    return [one.grad.reshape(len(ids), -1) for one in entered], [one.grad[0] for one in outputs]


def residual(module, pair, read, steps=0):
    """[layer or behind the last][position] of the estimated change of the metric."""
    source, target = pair
    given, own = states(module, source), states(module, target)
    slope = _mean(module, pair, read, steps)[0]
    return [[float((given[i][p] - own[i][p]) @ slope[i][p]) for p in range(len(target))] for i in range(len(given))]


def heads(module, pair, read, steps=0):
    """[layer][head] of the estimated change of the metric."""
    source, target = pair
    given, own = head_outputs(module, source), head_outputs(module, target)
    slope = _mean(module, pair, read, steps)[1]
    count = module.config.num_attention_heads
    return [
        [float(part) for part in ((a - b) * s).unflatten(1, (count, -1)).sum((0, 2))]
        for a, b, s in zip(given, own, slope, strict=True)
    ]


def _mean(module, pair, read, steps):
    if not steps:
        return slopes(module, pair[1], read)
    one, other = (states(module, ids)[0] for ids in pair)
    found = []
    for step in range(steps):
        share = (step + 0.5) / steps
        found.append(slopes(module, pair[1], read, start=other + share * (one - other)))
    return [[sum(run[kind][i] for run in found) / steps for i in range(len(found[0][kind]))] for kind in (0, 1)]
