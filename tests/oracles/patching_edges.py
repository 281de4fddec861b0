"""One edge at a time, written from the definition before the fast code: hooks on an unwrapped module, a pair at a time.

An edge leads from a sender, ("embedding",), ("head", layer, head) or ("mlp", layer), to a receiver, ("q" | "k" | "v",
layer, head), ("mlp", layer) or ("logits",). What the sender writes into the residual stream in the source run, beyond
what it writes in the target run, is added to that receiver's input in the target run, times `share`. The exact effect
has a share of 1; attribution is the slope at a share of 0.
"""

from __future__ import annotations

import torch

from tests.oracles.patching import head_outputs, hooked, layers, projections, states
from tests.oracles.patching_path import first


def attention(layer):
    """The attention module of a decoder layer."""
    names = ("self_attn", "attn", "self_attention", "attention")
    return next(getattr(layer, name) for name in names if hasattr(layer, name))


def norms(layer):
    """The norms that attention and MLP read through; the same one in Cohere."""
    names = {
        "pre_feedforward_layernorm": ("input_layernorm", "pre_feedforward_layernorm"),
        "ln_2": ("ln_1", "ln_2"),
        "post_attention_layernorm": ("input_layernorm", "post_attention_layernorm"),
    }
    one, other = next((pair for key, pair in names.items() if hasattr(layer, key)), ("input_layernorm",) * 2)
    return getattr(layer, one), getattr(layer, other)


def post(layer, name):
    """The norm behind a sublayer where there is one."""
    norm = getattr(layer, f"post_{name}_layernorm", None)
    return norm if hasattr(layer, "pre_feedforward_layernorm") else lambda values: values


@torch.no_grad()
def change(module, pair, sender):
    """What the sender adds to the residual stream in the source run beyond the target run, [position, d_model]."""
    if sender[0] == "embedding":
        return states(module, pair[0])[0] - states(module, pair[1])[0]
    layer = layers(module)[sender[1]]
    if sender[0] == "mlp":
        seen = []

        def keep(part, args, output):
            seen.append(output - args[1] if len(args) > 1 else output)  # Bloom's MLP adds the residual stream itself

        with hooked([layer.mlp.register_forward_hook(keep)]):
            for ids in pair:
                module(torch.tensor([ids]), use_cache=False)
        one, other = (post(layer, "feedforward")(output[0]) for output in seen)
        return one - other
    given, own = (head_outputs(module, ids)[sender[1]] for ids in pair)
    width = own.shape[-1] // module.config.num_attention_heads
    said = own.clone()
    columns = slice(sender[2] * width, (sender[2] + 1) * width)
    said[:, columns] = given[:, columns]
    one, other = (post(layer, "attention")(projections(module)[sender[1]](z)) for z in (said, own))
    return one - other


def qkv(module, receiver):
    """The linear map that makes q, k or v in a layer, and the columns of its output that are one head's."""
    site, number, head = receiver
    part, config = attention(layers(module)[number]), module.config
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    start = head * width
    if hasattr(part, "c_attn"):  # GPT-2: queries, keys and values side by side
        part, start = part.c_attn, start + "qkv".index(site) * config.hidden_size
    elif hasattr(part, "query_key_value"):  # Bloom, NeoX: the same, head by head
        part, start = part.query_key_value, 3 * start + "qkv".index(site) * width
    else:
        part = getattr(part, f"{site}_proj")
    return part, slice(start, start + width)


def patched(module, ids, added, receiver, read, share=1.0, start=None):
    """The metric with `share` times `added` heard by one receiver alone.

    Args:
        module: the transformers module.
        ids: the target prompt.
        added: [position, d_model].
        receiver: who hears it.
        read: logits of the last position [vocabulary] to a scalar tensor.
        share: a number or a scalar tensor to differentiate by.
        start: embeddings to run in place of the prompt's own, [position, d_model].
    """
    handles, inputs = [], []
    if start is not None:

        def begin(part, args, kwargs):
            return ((start[None], *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": start[None]})

        handles.append(layers(module)[0].register_forward_pre_hook(begin, with_kwargs=True))
    if receiver[0] == "logits":

        def behind(part, args, output):
            moved = first(output) + share * added
            return (moved, *output[1:]) if isinstance(output, tuple) else moved

        handles.append(layers(module)[-1].register_forward_hook(behind))
    else:
        layer = layers(module)[receiver[1]]
        norm = norms(layer)[receiver[0] == "mlp"]
        handles.append(norm.register_forward_pre_hook(lambda part, args: inputs.append(args[0])))
        if receiver[0] == "mlp":
            heard = layer.mlp
            handles.append(
                heard.register_forward_pre_hook(lambda part, args: (norm.forward(inputs[0] + share * added), *args[1:]))
            )
        else:
            heard, columns = qkv(module, receiver)

            def say(part, args, output):
                output = output.clone()
                output[..., columns] = heard.forward(norm.forward(inputs[0] + share * added))[..., columns]
                return output

            handles.append(heard.register_forward_hook(say))
    with hooked(handles):
        return read(module(torch.tensor([ids]), use_cache=False).logits[0, -1].float())


@torch.no_grad()
def exact(module, pair, sender, receiver, read):
    """The metric with this edge from the source run."""
    return float(patched(module, pair[1], change(module, pair, sender), receiver, read))


def attributed(module, pair, sender, receiver, read, steps=0):
    """The estimated change of the metric; with steps, the mean over runs between the two prompts' embeddings."""
    added, starts = change(module, pair, sender), [None]
    if steps:
        one, other = (states(module, ids)[0] for ids in pair)
        starts = [other + (step + 0.5) / steps * (one - other) for step in range(steps)]
    total = 0.0
    for start in starts:
        share = torch.zeros((), requires_grad=True)
        with torch.enable_grad():
            value = patched(module, pair[1], added, receiver, read, share, start)
            total += float(torch.autograd.grad(value, share)[0])
    return total / len(starts)
