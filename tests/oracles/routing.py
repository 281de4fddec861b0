"""Routing from the definition: one text, one layer, one token, one expert at a time; and its tests by enumeration."""

from itertools import combinations, permutations, product
from math import exp, log2

import torch
from torch import nn


@torch.no_grad()
def routing(module: nn.Module, tokenizer, texts: dict[str, list[str]], choose, layers: list[int]) -> dict:
    """Per language: {"tokens": int, "fired": {layer: [expert]}, "weight": {layer: [expert]}}, sums over tokens.

    `choose(layer, state)` gives one token's {expert: weight} from what its router reads (see `softmax_top` ...).
    """
    counts = {}
    for language, rows in texts.items():
        total, fired, weight = 0, {}, {}
        for text in rows:
            states, handles = {}, []
            for layer in layers:
                gate = router_of(module, layer)
                handles.append(gate.register_forward_hook(lambda m, i, o, at=layer, to=states: to.update({at: i[0]})))
            ids = torch.tensor([tokenizer(text)["input_ids"]])
            module(input_ids=ids)
            for handle in handles:
                handle.remove()
            total += ids.shape[1]
            for layer in layers:
                experts = router_of(module, layer).weight.shape[0]
                fired.setdefault(layer, [0] * experts)
                weight.setdefault(layer, [0.0] * experts)
                for state in states[layer].reshape(ids.shape[1], -1):
                    for expert, value in choose(router_of(module, layer), state).items():
                        fired[layer][expert] += 1
                        weight[layer][expert] += value
        counts[language] = {"tokens": total, "fired": fired, "weight": weight}
    return counts


def router_of(module: nn.Module, layer: int) -> nn.Module:
    """The router of a layer, by the names that transformers gives it."""
    block = module.model.layers[layer]
    block = getattr(block, "block_sparse_moe", None) or getattr(block, "feed_forward", None) or block.mlp
    return getattr(block, "gate", None) or block.router


def _logits(router: nn.Module, state: torch.Tensor) -> list[float]:
    bias = getattr(router, "bias", None)
    found = [float(row @ state) for row in router.weight]
    return found if bias is None else [logit + float(shift) for logit, shift in zip(found, bias, strict=True)]


def _largest(values: list[float], count: int) -> list[int]:
    return sorted(range(len(values)), key=lambda i: -values[i])[:count]


def softmax_top(count: int, *, normalised: bool):
    """Softmax over all experts, then the largest (Mixtral, Qwen-MoE, OLMoE); they sum to one where normalised."""

    def choose(router, state):
        logits = _logits(router, state)
        total = sum(exp(value) for value in logits)
        best = _largest(logits, count)
        shares = {i: exp(logits[i]) / total for i in best}
        whole = sum(shares.values()) if normalised else 1.0
        return {i: share / whole for i, share in shares.items()}

    return choose


def top_softmax(count: int):
    """The largest logits, then softmax over them: Granite-MoE, GPT-OSS."""
    return softmax_top(count, normalised=True)


def grouped_sigmoid(count: int, *, groups: int, taken: int, scale: float):
    """DeepSeek-V3: sigmoid scores, corrected; the groups whose two best sum highest; in these the best experts."""

    def choose(router, state):
        scores = [1 / (1 + exp(-value)) for value in _logits(router, state)]
        better = [s + float(b) for s, b in zip(scores, router.e_score_correction_bias, strict=True)]
        width = len(scores) // groups
        worth = [sum(sorted(better[g * width : (g + 1) * width])[-2:]) for g in range(groups)]
        allowed = [i for g in _largest(worth, taken) for i in range(g * width, (g + 1) * width)]
        best = sorted(allowed, key=lambda i: -better[i])[:count]
        return {i: scale * scores[i] / sum(scores[j] for j in best) for i in best}

    return choose


def divergence(shares: list[list[float]]) -> float:
    """Jensen-Shannon divergence of distributions of equal weight, in bits."""
    middle = [sum(column) / len(shares) for column in zip(*shares, strict=True)]
    total = 0.0
    for row in shares:
        total += sum(p * log2(p / m) for p, m in zip(row, middle, strict=True) if p > 0)
    return total / len(shares)


def pooled(texts: list[list[int]]) -> list[float]:
    """Share of each expert over texts [text][expert]."""
    sums = [sum(column) for column in zip(*texts, strict=True)]
    return [value / sum(sums) for value in sums]


def every_relabelling(groups: list[list[list[int]]], *, aligned: bool) -> list[float]:
    """The divergence under every way to exchange the labels of texts [group][text][expert]."""
    if aligned:  # within rows
        rows = list(zip(*groups, strict=True))
        found = []
        for orders in product(*(permutations(row) for row in rows)):
            found.append(divergence([pooled(list(group)) for group in zip(*orders, strict=True)]))
        return found
    first, second = groups
    texts = first + second
    found = []
    for chosen in combinations(range(len(texts)), len(first)):
        others = [i for i in range(len(texts)) if i not in chosen]
        found.append(divergence([pooled([texts[i] for i in chosen]), pooled([texts[i] for i in others])]))
    return found
