"""Path patching by a plain loop, written from the definition before the fast code.

An unwrapped transformers module, one unpadded pair, one sender and three full forwards: the source's, the target's with
the sender exchanged and all other heads held (and MLPs, if asked), and the target's with the receiver exchanged.
A receiver is ("final",), ("residual", layer), or ("q" | "k" | "v", layer, head).
"""

from __future__ import annotations

from tests.oracles.patching import head_outputs, hooked, last_logits, layers, projections


def mlps(module):
    """The MLP of each layer."""
    return [layer.mlp for layer in layers(module)]


def first(output):
    return output[0] if isinstance(output, tuple) else output


def qkv(module, site, layer, head):
    """The linear map of a layer that makes q, k or v, and the columns of its output that are one head's."""
    config = module.config
    attention = getattr(layers(module)[layer], "self_attn", None) or layers(module)[layer].attn
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    start = head * width
    if hasattr(attention, "c_attn"):  # GPT-2: queries, keys and values side by side
        start += "qkv".index(site) * config.hidden_size
        return attention.c_attn, slice(start, start + width)
    return getattr(attention, f"{site}_proj"), slice(start, start + width)


def one(module, pair, sender, receiver, read, through_mlps=True):
    """The metric with the path from one head (layer, head) to the receiver exchanged."""
    source, target = pair
    given, own = head_outputs(module, source), head_outputs(module, target)
    mlp_outputs = []
    with hooked([part.register_forward_hook(lambda p, a, output: mlp_outputs.append(output)) for part in mlps(module)]):
        last_logits(module, target)
    width = own[0].shape[-1] // module.config.num_attention_heads
    z = [values.clone() for values in own]
    columns = slice(sender[1] * width, (sender[1] + 1) * width)
    z[sender[0]][:, columns] = given[sender[0]][:, columns]
    heard = []

    def say(values):
        return lambda part, args: (values[None],)

    handles = [part.register_forward_pre_hook(say(z[i])) for i, part in enumerate(projections(module))]
    if not through_mlps:
        handles += [
            part.register_forward_hook(lambda p, a, output, i=i: mlp_outputs[i]) for i, part in enumerate(mlps(module))
        ]
    site = receiver[0]
    if site == "residual":
        handles.append(
            layers(module)[receiver[1]].register_forward_pre_hook(
                lambda p, args, kwargs: heard.append((args[0] if args else kwargs["hidden_states"]).clone()),
                with_kwargs=True,
            )
        )
    elif site != "final":
        part, where = qkv(module, *receiver)
        handles.append(part.register_forward_hook(lambda p, a, output: heard.append(output[..., where].clone())))
    with hooked(handles):
        logits = last_logits(module, target)
    if site == "final":
        return read(logits)
    if site == "residual":

        def replace(part, args, kwargs):
            if args:
                return (heard[0], *args[1:]), kwargs
            return args, {**kwargs, "hidden_states": heard[0]}

        handle = layers(module)[receiver[1]].register_forward_pre_hook(replace, with_kwargs=True)
    else:
        part, where = qkv(module, *receiver)

        def exchange(part, args, output):
            output = output.clone()
            output[..., where] = heard[0]
            return output

        handle = part.register_forward_hook(exchange)
    with hooked([handle]):
        return read(last_logits(module, target))


def path(module, pair, receiver, read, through_mlps=True):
    """[layer][head] of the metric."""
    return [
        [one(module, pair, (i, j), receiver, read, through_mlps) for j in range(module.config.num_attention_heads)]
        for i in range(len(layers(module)))
    ]
