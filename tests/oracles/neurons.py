"""Language neurons by plain loops, written from the definitions (methods.md, sections 2 and 3) before the fast code.

Counts are nested lists `fired[language][layer][neuron]`; a neuron is named `(layer, neuron)`. Nothing is vectorised,
and nothing is shared with `workbench.neurons` but the rule for ties: scores equal to 12 decimals go by place.
"""

from __future__ import annotations

import math
from itertools import pairwise


def rates(fired, tokens, prefix_fired=None, prefix_tokens=None):
    """Return p: {(layer, neuron): [p of each language]}, over response tokens only where prefix counts are given."""
    p = {}
    for layer in range(len(fired[0])):
        for neuron in range(len(fired[0][layer])):
            row = []
            for language in range(len(fired)):
                count = fired[language][layer][neuron]
                total = tokens[language]
                if prefix_fired is not None:
                    count = max(0, count - prefix_fired[language][layer][neuron])
                    total = total - prefix_tokens[language]
                row.append(count / total)
            p[layer, neuron] = row
    return p


def entropy(row):
    """Return -sum q ln q of q = p / sum p in nats; a dead neuron has the uniform q."""
    total = math.fsum(row)
    q = [value / total for value in row] if total > 0 else [1 / len(row)] * len(row)
    return -math.fsum(value * math.log(value) for value in q if value > 0)


def percentile(p, bar):
    """Return tau: the value of rank round(bar * count), counting from the smallest, starting at 1."""
    values = sorted(value for row in p.values() for value in row)
    return values[max(1, round(bar * len(values))) - 1]


def lowest(scores, count):
    """Return the `count` neurons of the lowest score, ties by layer and neuron."""
    return set(sorted(scores, key=lambda name: (round(scores[name], 12) + 0.0, name))[:count])


def lape(fired, tokens, top_rate, bar):
    """Return (members by language: list of sets, selected: set, entropy: dict)."""
    p = rates(fired, tokens)
    tau = percentile(p, bar)
    entropies = {name: entropy(row) for name, row in p.items()}
    kept = {name: entropies[name] for name, row in p.items() if any(value > tau for value in row)}
    selected = lowest(kept, round(len(p) * top_rate))
    members = [{name for name in selected if p[name][language] > tau} for language in range(len(fired))]
    return members, selected, entropies


def conversion(languages):
    """Return the factor of lambda' = lambda * lnK / ((1 + 1/2 + ... + 1/K) / K)."""
    mean = sum(1 / rank for rank in range(1, languages + 1)) / languages
    return math.log(languages) / mean


def released_score(row, lam):
    """Return Hn - lambda * max p / ((1 + 1/2 + ... + 1/K) / K)."""
    mean = sum(1 / rank for rank in range(1, len(row) + 1)) / len(row)
    return entropy(row) / math.log(len(row)) - lam * max(row) / mean


def paper_score(row, lam):
    """Return -sum q ln q - lambda' * max p."""
    return entropy(row) - lam * max(row)


def ternary(p, lam, top_rate, bar, score=released_score):
    """Return (kind: dict, members by language: list of sets, score: dict) for one lambda."""
    tau = percentile(p, bar)
    scores = {name: score(row, lam) for name, row in p.items()}
    selected = lowest(scores, round(len(p) * top_rate))
    languages = len(next(iter(p.values())))
    members = [{name for name in selected if p[name][language] > tau} for language in range(languages)]
    kind = {}
    for name, row in p.items():
        belongs = sum(value > tau for value in row)
        if belongs == languages:
            kind[name] = "general"
        elif name not in selected:
            kind[name] = "other"
        elif belongs == 0:
            kind[name] = "unassigned"
        else:
            kind[name] = "specific" if belongs == 1 else "related"
    return kind, members, scores


def everywhere(p, lam, top_rate, bar):
    """Return how many selected neurons belong to every language, for a lambda in the released scale."""
    _, members, _ = ternary(p, lam, top_rate, bar)
    return len(set.intersection(*members))


def bisected(p, top_rate, bar, low=0.0, high=0.2, step=1e-3):
    """Return the lambda (released scale) that a bisection finds; None if it has no bracket."""
    if everywhere(p, high, top_rate, bar) == 0:
        return high
    if everywhere(p, low, top_rate, bar) > 0:
        return None
    while high - low > step:
        middle = (low + high) / 2
        if everywhere(p, middle, top_rate, bar) == 0:
            low = middle
        else:
            high = middle
    return low


def exact_lambda(p, top_rate, bar, high=0.2):
    """Return the supremum of the lambdas in [0, high] that select no neuron of every language, or None.

    The order of two scores changes only where their lines cross, so one lambda between neighbouring crossings says all.
    """
    languages = len(next(iter(p.values())))
    mean = sum(1 / rank for rank in range(1, languages + 1)) / languages
    lines = [(entropy(row) / math.log(languages), max(row) / mean) for row in p.values()]
    crossings = {0.0, high}
    for number, (first, slope) in enumerate(lines):
        for second, other in lines[:number]:
            if slope != other and 0 < (second - first) / (other - slope) < high:
                crossings.add((second - first) / (other - slope))
    edges = sorted(crossings)
    for low, top in reversed(list(pairwise(edges))):
        if top - low > 1e-9 and everywhere(p, (low + top) / 2, top_rate, bar) == 0:
            return top
    return None
