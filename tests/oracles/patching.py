"""Activation patching by plain loops, and by TransformerLens's own patching, written before the fast code.

The loops run on an unwrapped transformers module: one unpadded prompt, one cell and one full forward at a time; states
are edited by hooks on the decoder layers. Nothing is shared with `workbench.model` or `workbench.patching`.
A pair is (source ids, target ids); `read` takes the logits of the last position, [vocabulary], to a float.
"""

from __future__ import annotations

from contextlib import contextmanager, redirect_stderr
from io import StringIO

import torch


def layers(module):
    """The decoder layers of a transformers module."""
    for path in ("model.layers", "transformer.h", "gpt_neox.layers", "model.decoder.layers"):
        found = module
        for name in path.split("."):
            found = getattr(found, name, None)
        if found is not None:
            return list(found)
    raise AssertionError(f"no decoder layers in {type(module).__name__}")


def projections(module):
    """The output projection of each layer's attention."""
    names = ("self_attn.o_proj", "attn.c_proj", "self_attention.dense", "attention.dense", "self_attn.out_proj")
    found = [part for name, part in module.named_modules() if name.endswith(names)]
    assert len(found) == len(layers(module))
    return found


@contextmanager
def hooked(handles):
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def last_logits(module, ids):
    return module(torch.tensor([ids]), use_cache=False).logits[0, -1].float()


def states(module, ids):
    """The residual stream in front of each layer and behind the last: list of [position, d_model]."""
    seen = []

    def before(part, args, kwargs):
        seen.append((args[0] if args else kwargs["hidden_states"])[0].clone())

    def after(part, args, output):
        seen.append((output[0] if isinstance(output, tuple) else output).reshape(seen[0].shape).clone())

    handles = [part.register_forward_pre_hook(before, with_kwargs=True) for part in layers(module)]
    with hooked([*handles, layers(module)[-1].register_forward_hook(after)]):
        last_logits(module, ids)
    return seen


def head_outputs(module, ids):
    """z of every layer: list of [position, head * d_head]."""
    seen = []
    handles = [
        part.register_forward_pre_hook(lambda part, args: seen.append(args[0][0])) for part in projections(module)
    ]
    with hooked(handles):
        last_logits(module, ids)
    return seen


def patched_state(module, ids, layer, position, state, behind=False):
    """Logits of the last position with the state in front of (or behind) a layer replaced at one position."""

    def edit(hidden):
        hidden = hidden.clone()
        hidden[0, position] = state
        return hidden

    def before(part, args, kwargs):
        if args:
            return (edit(args[0]), *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": edit(kwargs["hidden_states"])}

    def after(part, args, output):
        return (edit(output[0]), *output[1:]) if isinstance(output, tuple) else edit(output)

    part = layers(module)[layer]
    handle = part.register_forward_hook(after) if behind else part.register_forward_pre_hook(before, with_kwargs=True)
    with hooked([handle]):
        return last_logits(module, ids)


def patched_head(module, ids, layer, head, values):
    """Logits of the last position with one head's output replaced at all positions; values [position, heads * d]."""
    heads = module.config.num_attention_heads

    def edit(part, args):
        z = args[0].clone()
        width = z.shape[-1] // heads
        z[0, :, head * width : (head + 1) * width] = values[:, head * width : (head + 1) * width]
        return (z,)

    with hooked([projections(module)[layer].register_forward_pre_hook(edit)]):
        return last_logits(module, ids)


def residual(module, pair, read, behind=False):
    """[layer][position] of the metric, source into target at the same layer and position."""
    source, target = pair
    given = states(module, source)
    return [
        [
            read(patched_state(module, target, layer, position, given[layer + behind][position], behind))
            for position in range(len(target))
        ]
        for layer in range(len(layers(module)))
    ]


def heads(module, pair, read):
    """[layer][head] of the metric, one head's output at all positions."""
    source, target = pair
    given = head_outputs(module, source)
    return [
        [
            read(patched_head(module, target, layer, head, given[layer]))
            for head in range(module.config.num_attention_heads)
        ]
        for layer in range(len(layers(module)))
    ]


def cross_layer(module, pair, position, read, behind=False):
    """[source layer][target layer] of the metric at one position (negative: from the end of each prompt)."""
    source, target = pair
    given = states(module, source)
    count = len(layers(module))
    return [
        [read(patched_state(module, target, j, position, given[i + behind][position], behind)) for j in range(count)]
        for i in range(count)
    ]


def difference(answer, foil):
    """Reads the logit of answer minus that of foil."""
    return lambda logits: float(logits[answer] - logits[foil])


def probability(tokens):
    """Reads the summed probability of some tokens."""
    return lambda logits: float(sum(logits.double().softmax(0)[token] for token in set(tokens)))


def normalised(value, source, target):
    """0 = the unpatched target, 1 = the source."""
    return (value - target) / (source - target)


def mean_effect(values, sources, targets):
    """The normalised mean of one cell over pairs: lists with a number per pair."""
    count = len(values)
    mean = [sum(numbers) / count for numbers in (values, sources, targets)]
    return normalised(*mean)


def by_transformer_lens(bridge, pairs, read, site):
    """The mean metric over equally long pairs by `transformer_lens.patching`.

    [layer, position] or [layer, head]; by position [layer, position, head].

    `read` takes (logits of the last position, index of the pair).
    """
    from transformer_lens import patching

    run = {
        "residual": patching.get_act_patch_resid_pre,
        "head": patching.get_act_patch_attn_head_out_all_pos,
        "pattern": patching.get_act_patch_attn_head_pattern_all_pos,
        "attention_out": patching.get_act_patch_attn_out,
        "mlp_out": patching.get_act_patch_mlp_out,
        "q": patching.get_act_patch_attn_head_q_all_pos,
        "k": patching.get_act_patch_attn_head_k_all_pos,
        "v": patching.get_act_patch_attn_head_v_all_pos,
        "head by position": patching.get_act_patch_attn_head_out_by_pos,
        "q by position": patching.get_act_patch_attn_head_q_by_pos,
        "k by position": patching.get_act_patch_attn_head_k_by_pos,
        "v by position": patching.get_act_patch_attn_head_v_by_pos,
        "pattern by position": patching.get_act_patch_attn_head_pattern_by_pos,
    }[site]
    source, target = (torch.tensor([pair[i] for pair in pairs]) for i in (0, 1))
    with torch.no_grad(), redirect_stderr(StringIO()):
        _, cache = bridge.run_with_cache(source)
        return run(
            bridge,
            target,
            cache,
            lambda logits: torch.tensor(sum(read(row[-1].float(), i) for i, row in enumerate(logits)) / len(logits)),
        )


def neuron(module, pair, layer, number, read):
    """The metric with one input of a layer's down projection replaced at all positions."""
    names = ("mlp.down_proj", "mlp.c_proj", "mlp.dense_4h_to_h", "fc2")
    part = [one for name, one in module.named_modules() if name.endswith(names)][layer]
    seen = []
    with hooked([part.register_forward_pre_hook(lambda part, args: seen.append(args[0]))]):
        last_logits(module, pair[0])

    def edit(part, args):
        values = args[0].clone()
        values[..., number] = seen[0][..., number]
        return (values,)

    with hooked([part.register_forward_pre_hook(edit)]):
        return read(last_logits(module, pair[1]))


def aligned(module, pair, layer, place, read, sublayer=None):
    """The metric with the state at one position of the source put at another position of the target.

    Args:
        module: the transformers module.
        pair: (source ids, target ids).
        layer: the layer.
        place: (position in the source, position in the target).
        read: the metric.
        sublayer: ends of the names of a module whose output is exchanged; None for the state in front of the layer.
    """
    if sublayer is None:
        return read(patched_state(module, pair[1], layer, place[1], states(module, pair[0])[layer][place[0]]))
    part = [one for name, one in module.named_modules() if name.endswith(sublayer)][layer]
    seen = []

    def keep(part, args, output):
        seen.append(output[0] if isinstance(output, tuple) else output)

    def put(part, args, output):
        values = (output[0] if isinstance(output, tuple) else output).clone()
        values[0, place[1]] = seen[0][0, place[0]]
        return (values, *output[1:]) if isinstance(output, tuple) else values

    with hooked([part.register_forward_hook(keep)]):
        last_logits(module, pair[0])
    with hooked([part.register_forward_hook(put)]):
        return read(last_logits(module, pair[1]))


def residual_post_by_transformer_lens(bridge, pairs, read):
    """As `by_transformer_lens`, behind each layer, by `generic_activation_patch`."""
    from transformer_lens import patching

    def put(given, index, cache):
        _, position = index
        given = given.clone()
        given[:, position] = cache[:, position]
        return given

    source, target = (torch.tensor([pair[i] for pair in pairs]) for i in (0, 1))
    with torch.no_grad(), redirect_stderr(StringIO()):
        _, cache = bridge.run_with_cache(source)
        return patching.generic_activation_patch(
            bridge,
            target,
            cache,
            lambda logits: torch.tensor(sum(read(row[-1].float(), i) for i, row in enumerate(logits)) / len(logits)),
            put,
            "resid_post",
            ("layer", "pos"),
        )
