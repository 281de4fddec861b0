"""The same jobs as other libraries do them: TransformerLens, plain Hugging Face hooks, and nnsight where installed.

Each loop runs the whole model once per cell. Where a library can leave logits out, its loop does (`logits_to_keep=1`).
A loop takes (case, cells) and gives [cell, sample]; jobs without cells give one tensor. Shared work (the source run's
activations) is prepared once, untimed, in the peers' favour.
"""

from __future__ import annotations

import importlib.util
from contextlib import contextmanager, redirect_stderr
from functools import cache, partial
from io import StringIO

import pandas as pd
import torch
from torch.nn.functional import cross_entropy

HAS_NNSIGHT = importlib.util.find_spec("nnsight") is not None


def difference(case, logits):  # answer minus foil at the last position, [sample]
    last, row = logits[:, -1].float(), torch.arange(len(logits), device=logits.device)
    return last[row, case.answers] - last[row, case.foils]


def nll(case, logits):  # mean loss, [sample]
    wanted = case.ids[:, 1:].flatten()
    logits = logits if logits.dtype == torch.float64 else logits.float()
    losses = cross_entropy(logits[:, :-1].flatten(0, 1), wanted, reduction="none")
    return losses.view(len(case.ids), -1).mean(1)


def wide(case, head):  # the columns of one head in the output projection's input
    return slice(head * case.model.d_head, (head + 1) * case.model.d_head)


def forget():  # what was prepared for the cases so far
    for prepared in (_lens_cache, _plain_cache, _envoy):
        prepared.cache_clear()


@contextmanager
def hooked(*handles):
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


# TransformerLens ----------------------------------------------------------------------------------------------------


@cache
def _lens_cache(case, name):
    with torch.no_grad():
        return case.model.bridge.run_with_cache(case.source, names_filter=lambda one: one.endswith(name))[1]


def _lens_patching(case, cells, function, names, hook):
    frame = pd.DataFrame(cells, columns=list(names))
    with torch.no_grad(), redirect_stderr(StringIO()):
        found = function(
            case.model.bridge,
            case.target,
            _lens_cache(case, hook),
            lambda logits: difference(case, logits),
            index_axis_names=None,
            index_df=frame,
            reduce="none",
        )
    return found.values


def lens_residual(case, cells):
    from transformer_lens.patching import get_act_patch_resid_pre

    return _lens_patching(case, cells, get_act_patch_resid_pre, ("layer", "pos"), "hook_resid_pre")


def lens_head(case, cells):
    from transformer_lens.patching import get_act_patch_attn_head_out_all_pos

    return _lens_patching(case, cells, get_act_patch_attn_head_out_all_pos, ("layer", "head"), "hook_z")


def _lens_ablation(case, cells, metric):
    found = []
    for layer, head in cells:

        def zero(z, hook, head=head):
            z = z.clone()
            z[:, :, head] = 0
            return z

        with torch.no_grad():
            hooks = [(f"blocks.{layer}.attn.hook_z", zero)]
            found.append(metric(case, case.model.bridge.run_with_hooks(case.ids, fwd_hooks=hooks)))
    return torch.stack(found)


lens_ablation_answer = partial(_lens_ablation, metric=difference)
lens_ablation_nll = partial(_lens_ablation, metric=nll)


def lens_gradient(case, cells):
    """The papers' way: parameters require gradients too; here with a mask per sample, so that one pass does all."""
    model = case.model
    mask = torch.ones(len(case.ids), model.n_layers, model.n_heads, device=model.device, requires_grad=True)
    for parameter in model.module.parameters():
        parameter.requires_grad_(True)

    def masked(layer):
        return lambda z, hook: z * mask[:, layer].to(z.dtype)[:, None, :, None]

    hooks = [(f"blocks.{layer}.attn.hook_z", masked(layer)) for layer in range(model.n_layers)]
    with torch.enable_grad():
        nll(case, model.bridge.run_with_hooks(case.ids, fwd_hooks=hooks)).sum().backward()
    model.module.zero_grad(set_to_none=True)
    return mask.grad


def lens_attribution(case, cells):
    """Attribution patching of heads: both runs with hooks on z, and a backward pass from the logit difference."""
    model = case.model
    names = [f"blocks.{layer}.attn.hook_z" for layer in range(model.n_layers)]
    given, own = [], []
    with torch.no_grad():
        model.bridge.run_with_hooks(case.source, fwd_hooks=[(name, lambda z, hook: given.append(z)) for name in names])

    def keep(z, hook):
        z.retain_grad()
        own.append(z)
        return z  # what the hook is given is a view; returned, it is what the rest is computed from

    for parameter in model.module.parameters():
        parameter.requires_grad_(True)
    with torch.enable_grad():
        logits = model.bridge.run_with_hooks(case.target, fwd_hooks=[(name, keep) for name in names])
        difference(case, logits).sum().backward()
    model.module.zero_grad(set_to_none=True)
    shape = (*case.target.shape, model.n_heads, model.d_head)
    moved = [((a - b) * b.grad).reshape(shape).sum((1, 3)) for a, b in zip(given, own, strict=True)]
    return torch.stack(moved, 1).detach()


def lens_firing(case, cells):
    model, counts = case.model, []
    hooks = [
        (f"blocks.{layer}.mlp.hook_pre", lambda pre, hook: counts.append((pre > 0).sum((0, 1))))
        for layer in range(model.n_layers)
    ]
    with torch.no_grad():
        model.bridge.run_with_hooks(case.ids, fwd_hooks=hooks)
    return torch.stack(counts)


# Hugging Face modules with hooks ------------------------------------------------------------------------------------


def parts(module):
    """Layers, output projections, gates of a Llama, Qwen2 or GPT-2 module, or of nnsight's view of one."""
    if hasattr(module, "transformer"):
        layers = module.transformer.h
        return layers, [one.attn.c_proj for one in layers], [one.mlp.c_fc for one in layers]
    layers = module.model.layers
    return layers, [one.self_attn.o_proj for one in layers], [one.mlp.gate_proj for one in layers]


def _states(args, kwargs):
    return args[0] if args else kwargs["hidden_states"]


@cache
def _plain_cache(case):
    """States in front of the layers and heads' outputs of the source run."""
    states, heads = {}, {}
    layers, projections, _ = parts(case.plain)
    handles = [
        one.register_forward_pre_hook(
            lambda part, args, kwargs, i=i: states.update({i: _states(args, kwargs)}), with_kwargs=True
        )
        for i, one in enumerate(layers)
    ] + [
        one.register_forward_pre_hook(lambda part, args, i=i: heads.update({i: args[0]}))
        for i, one in enumerate(projections)
    ]
    with torch.no_grad(), hooked(*handles):
        case.plain(input_ids=case.source, use_cache=False, logits_to_keep=1)
    return states, heads


@torch.no_grad()
def plain_residual(case, cells):
    given, found = _plain_cache(case)[0], []
    for layer, position in cells:

        def put(part, args, kwargs, layer=layer, position=position):
            states = _states(args, kwargs).clone()
            states[:, position] = given[layer][:, position]
            return ((states, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": states})

        with hooked(parts(case.plain)[0][layer].register_forward_pre_hook(put, with_kwargs=True)):
            found.append(difference(case, case.plain(input_ids=case.target, use_cache=False, logits_to_keep=1).logits))
    return torch.stack(found)


@torch.no_grad()
def _plain_heads(case, cells, ids, values, read, keep):
    found = []
    for layer, head in cells:

        def put(part, args, layer=layer, head=head):
            z = args[0].clone()
            z[..., wide(case, head)] = values(layer, head)
            return (z,)

        with hooked(parts(case.plain)[1][layer].register_forward_pre_hook(put)):
            found.append(read(case, case.plain(input_ids=ids, use_cache=False, logits_to_keep=keep).logits))
    return torch.stack(found)


def plain_head(case, cells):
    given = _plain_cache(case)[1]
    return _plain_heads(case, cells, case.target, lambda i, head: given[i][..., wide(case, head)], difference, 1)


def plain_ablation_answer(case, cells):
    return _plain_heads(case, cells, case.ids, lambda layer, head: 0, difference, 1)


def plain_ablation_nll(case, cells):
    return _plain_heads(case, cells, case.ids, lambda layer, head: 0, nll, 0)


def plain_gradient(case, cells):
    """Hooks with a mask per sample, parameters frozen: the best that a plain backward pass does."""
    model = case.model
    mask = torch.ones(len(case.ids), model.n_layers, model.n_heads, device=model.device, requires_grad=True)
    for parameter in case.plain.parameters():
        parameter.requires_grad_(False)

    def masked(layer):
        def hook(part, args):
            z = args[0].unflatten(-1, (model.n_heads, model.d_head))
            return ((z * mask[:, layer].to(z.dtype)[:, None, :, None]).flatten(-2),)

        return hook

    handles = [one.register_forward_pre_hook(masked(i)) for i, one in enumerate(parts(case.plain)[1])]
    with torch.enable_grad(), hooked(*handles):
        nll(case, case.plain(input_ids=case.ids, use_cache=False).logits).sum().backward()
    for parameter in case.plain.parameters():
        parameter.requires_grad_(True)
    return mask.grad


@torch.no_grad()
def plain_bare(case, cells):  # no logits and no counts: the least that counting has to do
    case.plain.base_model(input_ids=case.ids, use_cache=False)


@torch.no_grad()
def plain_forward(case, cells):  # all logits and their loss: what "one forward" means where a job is counted in them
    case.plain(input_ids=case.ids, labels=case.ids, use_cache=False)


# nnsight ------------------------------------------------------------------------------------------------------------


@cache
def _envoy(case):
    from nnsight import NNsight

    return NNsight(case.copy())


@torch.no_grad()
def sight_residual(case, cells):
    envoy, given, found = _envoy(case), _plain_cache(case)[0], []
    layers = parts(envoy)[0]
    for layer, position in cells:
        clean = given[layer][:, position]
        with envoy.trace(input_ids=case.target, use_cache=False, logits_to_keep=1):
            layers[layer].input[:, position] = clean
            logits = envoy.output.logits.save()
        found.append(difference(case, logits))
    return torch.stack(found)


@torch.no_grad()
def sight_head(case, cells):
    envoy, given, found = _envoy(case), _plain_cache(case)[1], []
    projections = parts(envoy)[1]
    for layer, head in cells:
        columns = wide(case, head)
        clean = given[layer][..., columns]
        with envoy.trace(input_ids=case.target, use_cache=False, logits_to_keep=1):
            projections[layer].input[..., columns] = clean
            logits = envoy.output.logits.save()
        found.append(difference(case, logits))
    return torch.stack(found)


@torch.no_grad()
def _sight_ablation(case, cells, metric, keep):
    envoy, found = _envoy(case), []
    projections = parts(envoy)[1]
    for layer, head in cells:
        columns = wide(case, head)
        with envoy.trace(input_ids=case.ids, use_cache=False, logits_to_keep=keep):
            projections[layer].input[..., columns] = 0
            logits = envoy.output.logits.save()
        found.append(metric(case, logits))
    return torch.stack(found)


sight_ablation_answer = partial(_sight_ablation, metric=difference, keep=1)
sight_ablation_nll = partial(_sight_ablation, metric=nll, keep=0)


@torch.no_grad()
def sight_firing(case, cells):
    envoy = _envoy(case)
    gates = parts(envoy)[2]
    with envoy.trace(input_ids=case.ids, use_cache=False, logits_to_keep=1):
        counts = torch.stack([(gate.output > 0).sum((0, 1)) for gate in gates]).save()
    return counts  # noqa: RET504 - nnsight fills it when the block ends
