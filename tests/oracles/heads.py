"""Language heads by plain loops, written from the definitions (methods.md, sections 1 and 4) before the fast code.

Everything runs on an unwrapped transformers module, one unpadded text and one head at a time; heads are edited by a
hook in front of the output projection, or by zeroing weights. Nothing is shared with `workbench.model` or
`workbench.heads`. A corpus is a dictionary: language to a list of lists of token ids.
"""

from __future__ import annotations

import copy
import hashlib
import inspect
from contextlib import contextmanager

import numpy as np
import torch
import transformers


def projections(module):
    """The output projection of each layer's attention, first layer first."""
    found = [
        part
        for name, part in module.named_modules()
        if name.endswith(("self_attn.o_proj", "attn.c_proj", "self_attention.dense"))
    ]
    assert len(found) == module.config.num_hidden_layers
    return found


def n_heads(module):
    return module.config.num_attention_heads


@contextmanager
def edited(module, edit):
    """For a while, every layer's head outputs z [1, position, head, d_head] become edit(layer, z)."""

    def hook(layer):
        def run(part, args):
            flat = args[0]
            z = flat.reshape(*flat.shape[:2], n_heads(module), -1)
            return (edit(layer, z).reshape(flat.shape),)

        return run

    handles = [part.register_forward_pre_hook(hook(i)) for i, part in enumerate(projections(module))]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def loss(module, ids):
    """Mean negative log-likelihood of the tokens but the first, in nats."""
    logits = module(torch.tensor([ids]), use_cache=False).logits[0].float()
    scores = torch.log_softmax(logits, -1)
    total = 0.0
    for position in range(len(ids) - 1):
        total = total - scores[position, ids[position + 1]]
    return total / (len(ids) - 1)


def head_outputs(module, ids):
    """z of every layer: list of [position, head, d_head]."""
    seen = {}

    def keep(layer, z):
        seen[layer] = z[0].clone()
        return z

    with torch.no_grad(), edited(module, keep):
        loss(module, ids)
    return [seen[layer] for layer in sorted(seen)]


def masked_loss(module, ids, mask):
    """The loss with every head's output multiplied by mask[layer, head]."""
    with edited(module, lambda layer, z: z * mask[layer][None, None, :, None]):
        return loss(module, ids)


def gradient(module, ids, mask=None):
    """(d loss / d mask [layer, head], loss), by autograd through the mask itself."""
    if mask is None:
        mask = torch.ones(module.config.num_hidden_layers, n_heads(module))
    mask = mask.clone().requires_grad_(True)
    value = masked_loss(module, ids, mask)
    value.backward()
    module.zero_grad()
    return mask.grad.double().numpy(), float(value.detach())


def lahis_paper(module, corpus):
    """(importance, gradient, nll) by language: E_x[|m g| 1(g < 0)] with m = 1."""
    importance, gradients, losses = {}, {}, {}
    for language, texts in corpus.items():
        score = slope = value = 0.0
        for ids in texts:
            g, one = gradient(module, ids)
            score = score + np.where(g < 0, np.abs(1.0 * g), 0.0)
            slope = slope + g
            value = value + one
        importance[language], gradients[language] = score / len(texts), slope / len(texts)
        losses[language] = value / len(texts)
    return importance, gradients, losses


def lahis_released(module, corpus, lr=1e-2, betas=(0.9, 0.999), eps=1e-8, decay=1e-2):
    """(importance, gradient, nll, mask) by language: a mean times a fraction, with AdamW written out.

    |g| m and the sign of g m are read with the mask that the sample saw; the mask then takes one AdamW step.
    """
    shape = (module.config.num_hidden_layers, n_heads(module))
    importance, gradients, losses, masks = {}, {}, {}, {}
    for language, texts in corpus.items():
        mask, mean, square = np.ones(shape), np.zeros(shape), np.zeros(shape)
        magnitude, negative, slope, value = np.zeros(shape), np.zeros(shape), np.zeros(shape), 0.0
        for step, ids in enumerate(texts, start=1):
            g, one = gradient(module, ids, torch.tensor(mask, dtype=torch.float32))
            magnitude += np.abs(g) * mask * 1000
            negative += g * mask < 0
            slope += g
            value += one
            mean = betas[0] * mean + (1 - betas[0]) * g
            square = betas[1] * square + (1 - betas[1]) * g**2
            mask = mask - lr * decay * mask
            mask = mask - lr * (mean / (1 - betas[0] ** step)) / (np.sqrt(square / (1 - betas[1] ** step)) + eps)
        n = len(texts)
        importance[language] = (magnitude / n) * (negative / n)
        gradients[language], losses[language], masks[language] = slope / n, value / n, mask
    return importance, gradients, losses, masks


def without_columns(module, layer, head):
    """A copy of the module whose output projection ignores one head: its columns of W_O are zero."""
    module = copy.deepcopy(module)
    part = projections(module)[layer]
    with torch.no_grad():
        if isinstance(part, torch.nn.Linear):  # [out, in]
            width = part.weight.shape[1] // n_heads(module)
            part.weight[:, head * width : (head + 1) * width] = 0
        else:  # GPT-2's Conv1D: [in, out]
            width = part.weight.shape[0] // n_heads(module)
            part.weight[head * width : (head + 1) * width] = 0
    return module


def replaced_loss(module, ids, layer, head, values):
    """The loss with one head's output replaced by values, [position, d_head] or [d_head]."""

    def edit(i, z):
        if i != layer:
            return z
        z = z.clone()
        z[0, :, head] = values
        return z

    with torch.no_grad(), edited(module, edit):
        return float(loss(module, ids))


def mean_outputs(module, corpus):
    """The mean of each head's output over all positions of all texts: list of [head, d_head] by layer."""
    total, count = None, 0
    for texts in corpus.values():
        for ids in texts:
            z = [one.double() for one in head_outputs(module, ids)]
            parts = [one.sum(0) for one in z]
            total = parts if total is None else [a + b for a, b in zip(total, parts, strict=True)]
            count += len(ids)
    return [(one / count).float() for one in total]


def donor(corpus, language, ids, seed):
    """The token ids of the donor: a text of another language, chosen by a hash of seed, language and tokens."""
    candidates = sorted((other, text) for other, texts in corpus.items() if other != language for text in texts)
    key = f"{seed} {language} {' '.join(map(str, ids))}"
    return candidates[int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % len(candidates)][1]


def position_means(module, corpus):
    """The mean of each head's output at each position over the texts that reach it, by layer."""
    outputs = [head_outputs(module, ids) for texts in corpus.values() for ids in texts]
    longest = max(len(one[0]) for one in outputs)
    return [
        [
            torch.stack([one[layer][p].double() for one in outputs if len(one[layer]) > p]).mean(0).float()
            for p in range(longest)
        ]
        for layer in range(len(outputs[0]))
    ]


def same_donor(corpus, language, ids, seed):
    """Another text of the same language, chosen by the same hash."""
    candidates = sorted(corpus[language])
    candidates.remove(ids)
    key = f"{seed} {language} {' '.join(map(str, ids))}"
    return candidates[int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % len(candidates)]


def mean_patterns(module, corpus):
    """The mean attention row of each query position over the texts that reach it: [layer][head][query] of [key]."""
    module = copy.deepcopy(module)
    module.set_attn_implementation("eager")
    layers, found = module.config.num_hidden_layers, {}
    for texts in corpus.values():
        for ids in texts:
            with torch.no_grad():
                attentions = module(torch.tensor([ids]), use_cache=False, output_attentions=True).attentions
            for layer in range(layers):
                for head in range(n_heads(module)):
                    for q in range(len(ids)):
                        found.setdefault((layer, head, q), []).append(attentions[layer][0, head, q, : q + 1].double())
    return {place: torch.stack(rows).mean(0).float() for place, rows in found.items()}


def values_of(module, ids):
    """What the heads may move, from the cache of an ordinary pass: [kv head, position, d_head] by layer."""
    cache = transformers.DynamicCache()  # without a config, sliding layers keep every position too
    with torch.no_grad():
        name = "cache" if "cache" in inspect.signature(module.forward).parameters else "past_key_values"
        module(torch.tensor([ids]), use_cache=True, **{name: cache})
    return [layer.values[0] for layer in cache.layers]


def frozen_output(patterns, values, layer, head, heads, length):
    """Each position's values by the mean pattern: [position, d_head]."""
    own = values[layer][head // (heads // len(values[layer]))]
    found = torch.zeros(length, own.shape[-1])
    for q in range(length):
        for k in range(q + 1):
            found[q] += patterns[layer, head, q][k] * own[k]
    return found


def ablation(module, corpus, how, seed=0, scale=2.0):
    """({language: delta of each sample [sample, layer, head]}, {language: clean loss of each sample})."""
    layers, heads = module.config.num_hidden_layers, n_heads(module)
    means = mean_outputs(module, corpus) if how == "mean" else None
    own = {k: mean_outputs(module, {k: corpus[k]}) for k in corpus} if how == "mean_language" else None
    places = position_means(module, corpus) if how == "mean_position" else None
    patterns = mean_patterns(module, corpus) if how == "pattern" else None
    deltas, clean = {}, {}
    for language, texts in corpus.items():
        deltas[language], clean[language] = np.zeros((len(texts), layers, heads)), np.zeros(len(texts))
        for row, ids in enumerate(texts):
            with torch.no_grad():
                clean[language][row] = float(loss(module, ids))
            mine = head_outputs(module, ids) if how == "scale" else None
            moved = values_of(module, ids) if how == "pattern" else None
            if how.startswith("resample"):
                choose = donor if how == "resample" else same_donor
                given = head_outputs(module, choose(corpus, language, ids, seed))
                cyclic = [position % given[0].shape[0] for position in range(len(ids))]
            for layer in range(layers):
                for head in range(heads):
                    if how == "zero":
                        values = 0.0
                    elif how == "mean":
                        values = means[layer][head]
                    elif how == "mean_language":
                        values = own[language][layer][head]
                    elif how == "mean_position":
                        values = torch.stack([places[layer][p][head] for p in range(len(ids))])
                    elif how == "pattern":
                        values = frozen_output(patterns, moved, layer, head, heads, len(ids))
                    elif how == "scale":
                        values = mine[layer][:, head] * scale
                    else:
                        values = given[layer][cyclic, head]
                    found = replaced_loss(module, ids, layer, head, values)
                    deltas[language][row, layer, head] = found - clean[language][row]
    return deltas, clean


def roles(values, quantile, shared_by):
    """({(layer, head): role}, {language: set of members}) from {language: [layer, head] nested lists}."""
    members = {}
    for language, table in values.items():
        flat = sorted(value for row in table for value in row)
        place = quantile * (len(flat) - 1)
        low = int(place)
        high = min(low + 1, len(flat) - 1)
        bar = flat[low] + (place - low) * (flat[high] - flat[low])
        members[language] = {(i, j) for i, row in enumerate(table) for j, value in enumerate(row) if value > bar}
    role = {}
    for i, row in enumerate(next(iter(values.values()))):
        for j in range(len(row)):
            count = sum((i, j) in chosen for chosen in members.values())
            if count >= min(shared_by, len(values)):
                role[i, j] = "general"
            else:
                role[i, j] = "none" if count == 0 else "specific" if count == 1 else "shared"
    return role, members
