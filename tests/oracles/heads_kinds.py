"""Where heads look, by plain loops over the patterns of an unwrapped transformers module, one unpadded text each."""

import math

import torch


def patterns(module, ids):
    """Attention of every layer: list of [head][query][key] nested lists."""
    with torch.no_grad():
        output = module(torch.tensor([ids]), use_cache=False, output_attentions=True)
    return [one[0].double().tolist() for one in output.attentions]


def measures(pattern, ids):
    """Name to the mean over positions of one text, from one head's pattern [query][key]; None where nothing counts."""
    sums = {name: [] for name in ("previous", "first", "current", "same", "induction", "entropy", "distance")}
    for q in range(1, len(ids)):
        row = pattern[q]
        sums["previous"].append(row[q - 1])
        sums["first"].append(row[0])
        sums["current"].append(row[q])
        earlier = [i for i in range(q) if ids[i] == ids[q]]
        after = [i + 1 for i in earlier if i + 1 < q]
        if earlier:
            sums["same"].append(sum(row[i] for i in earlier))
        if after:
            sums["induction"].append(sum(row[i] for i in after))
        sums["entropy"].append(-sum(p * math.log(p) for p in row[: q + 1] if p > 0))
        sums["distance"].append(sum(p * (q - k) for k, p in enumerate(row[: q + 1])))
    return {name: sum(found) / len(found) if found else None for name, found in sums.items()}


def uniform(length):
    """The pattern of a head that attends to all tokens so far alike."""
    return [[1 / (q + 1) if k <= q else 0.0 for k in range(length)] for q in range(length)]
