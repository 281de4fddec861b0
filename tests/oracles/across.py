"""Plain loops for the comparison across models."""

import itertools
import math
import random


def mean(values):
    return sum(values) / len(values)


def pearson(first, second):
    a, b = ([value - mean(values) for value in values] for values in (first, second))
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def ranks(values):
    """Average ranks, from 1."""
    return [mean([1 + sum(v < value for v in values) + k for k in range(values.count(value))]) for value in values]


def spearman(first, second):
    return pearson(ranks(list(first)), ranks(list(second)))


def residuals(values, of):
    """What a straight line in `of` does not explain."""
    centre, size = mean(of), sum((x - mean(of)) ** 2 for x in of)
    slope = sum((x - centre) * y for x, y in zip(of, values, strict=True)) / size
    return [y - mean(values) - slope * (x - centre) for x, y in zip(of, values, strict=True)]


def partial(first, second, third):
    """Partial correlation, as the correlation of two regressions' residuals."""
    return pearson(residuals(first, third), residuals(second, third))


def pairs(matrix, order):
    return [matrix[a][b] for a, b in itertools.combinations(order, 2)]


def mantel(likeness, same, other):
    order = range(len(likeness))
    return partial(*(pairs(matrix, order) for matrix in (likeness, same, other)))


def mantel_p(likeness, same, other, permutations, seed):
    """Permutation p-value, with permutations of its own."""
    generator, order = random.Random(seed), list(range(len(likeness)))
    observed, at_least = abs(mantel(likeness, same, other)), 0
    for _ in range(permutations):
        moved = order[:]
        generator.shuffle(moved)
        value = partial(pairs(likeness, moved), pairs(same, order), pairs(other, order))
        at_least += abs(value) >= observed - 1e-12
    return (1 + at_least) / (1 + permutations)


def jackknife(likeness, same, other, quantile):
    """Interval of a partial correlation from leaving each language out, on Fisher's z."""
    count, values = len(likeness), []
    for left_out in range(count):
        rest = [k for k in range(count) if k != left_out]
        values.append(math.atanh(partial(*(pairs(matrix, rest) for matrix in (likeness, same, other)))))
    error = math.sqrt((count - 1) / count * sum((value - mean(values)) ** 2 for value in values))
    centre = math.atanh(mantel(likeness, same, other))
    return math.tanh(centre - quantile * error), math.tanh(centre + quantile * error)


def third_of(layer, layers):
    """0, 1 or 2: by the middle of the layer."""
    middle = (layer + 0.5) / layers
    return 0 if middle < 1 / 3 else 1 if middle < 2 / 3 else 2


def outer_excess(member):
    """By language with neurons: its share of them in the outer thirds minus that of an even spread."""
    values = []
    for language in member:
        layers = len(language)
        counts = [sum(bool(neuron) for neuron in layer) for layer in language]
        outside = [layer for layer in range(layers) if third_of(layer, layers) != 1]
        if sum(counts):
            values.append(sum(counts[layer] for layer in outside) / sum(counts) - len(outside) / layers)
    return values


def at_depth(curve, depth):
    """A curve of a value for each layer, read at a depth from 0 to 1 along straight lines."""
    place = depth * (len(curve) - 1)
    below = min(int(place), len(curve) - 2)
    return curve[below] + (place - below) * (curve[below + 1] - curve[below])


def onset_depth(lead):
    """Depth from which on the mean lead of all pairs is positive; None where it is not at the end."""
    means = [mean([pair[layer] for pair in lead]) for layer in range(len(lead[0]))]
    first = len(means)
    while first and means[first - 1] > 0:
        first -= 1
    return None if first == len(means) else first / (len(means) - 1)


def own_heads(samples):
    """By language: its halves' correlation minus that with other languages, from [language][sample][head]."""
    halves = [[[mean(head) for head in zip(*rows[k::2], strict=True)] for rows in samples] for k in (0, 1)]
    count, values = len(samples), []
    for a in range(count):
        across = [
            mean([spearman(halves[0][a], halves[1][b]), spearman(halves[0][b], halves[1][a])])
            for b in range(count)
            if b != a
        ]
        values.append(spearman(halves[0][a], halves[1][a]) - mean(across))
    return values
