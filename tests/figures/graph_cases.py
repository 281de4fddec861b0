"""Attribution graphs and contexts of features, made by hand: thirteen nodes over three layers and four tokens."""

import numpy as np

from tests.figures.explorer_cases import make

TOKENS = ["<s>", " القط", "犬", "</script>"]
# kind, layer, position, feature, activation, influence, label, probability
NODES = [
    ("embedding", -1, 0, -1, np.nan, 0.05, "<s>", np.nan),
    ("embedding", -1, 1, -1, np.nan, 0.5, " القط", np.nan),
    ("embedding", -1, 2, -1, np.nan, 0.2, "犬", np.nan),
    ("embedding", -1, 3, -1, np.nan, 0.1, "</script>", np.nan),
    ("feature", 0, 1, 7, 2.0, 0.6, "", np.nan),
    ("feature", 0, 1, 9, 0.5, 0.1, "", np.nan),
    ("feature", 1, 3, 7, 4.0, 0.9, "", np.nan),
    ("feature", 2, 3, 1, 1.0, 0.2, "", np.nan),
    ("error", 1, 3, -1, np.nan, 0.3, "", np.nan),
    ("bias", -1, -1, -1, np.nan, 0.01, "", np.nan),
    ("bias", 2, 3, -1, np.nan, 0.02, "", np.nan),
    ("target", 3, 3, -1, np.nan, 1.0, " Katze", 0.7),
    ("target", 3, 3, -1, np.nan, 0.2, "قط", 0.1),
]
EDGES = [  # source, target, weight
    (1, 4, 1.0),
    (2, 6, -0.5),
    (1, 5, 0.25),
    (4, 6, 2.0),
    (5, 6, -1.0),
    (9, 6, 0.1),
    (6, 7, 0.5),
    (6, 11, 3.0),
    (7, 11, -0.5),
    (8, 11, 0.75),
    (3, 11, 0.2),
    (10, 11, 0.05),
    (7, 12, 1.0),
    (0, 12, -0.1),
]


def graph(*, tokens=TOKENS, scale=1.0):
    kind, layer, position, feature, activation, influence, label, probability = map(list, zip(*NODES, strict=True))
    source, target, weight = map(list, zip(*EDGES, strict=True))
    words = {"kind": kind, "label": label}
    numbers = {
        "layer": np.array(layer),
        "position": np.array(position),
        "feature": np.array(feature),
        "activation": np.array(activation),
        "influence": np.array(influence),
        "probability": np.array(probability),
    }
    edges = {"edge_source": np.array(source), "edge_target": np.array(target), "weight": scale * np.array(weight)}
    return make(
        {
            **{name: (("node",), np.array(values, dtype=object), name) for name, values in words.items()},
            **{name: (("node",), values, name) for name, values in numbers.items()},
            **{name: (("edge",), values, name) for name, values in edges.items()},
            "token": (("place",), np.array(tokens, dtype=object), "token"),
        },
        replacement=0.8,
        completeness=0.9,
        residue=1e-6,
        dropped=0,
    )


def contexts():
    """Of features 0/7 (Arabic and Chinese) and 1/7 (Arabic alone)."""
    text = np.full((2, 2, 2, 3), "", dtype=object)
    value, activation = np.full(text.shape, np.nan), np.full((2, 2, 2), np.nan)
    peak, row = np.full((2, 2, 2), -1), np.full((2, 2, 2), -1)
    for at, pieces, values in (
        ((0, 0, 0), ["نام", " القط", "."], [0.0, 2.5, 0.5]),
        ((0, 1, 0), ["黑", "猫", "</script><img src=x onerror=alert(1)>"], [0.0, 1.5, 0.0]),
        ((0, 1, 1), ["猫", "", ""], [1.0, np.nan, np.nan]),
        ((1, 0, 0), ["قط", "", ""], [3.0, np.nan, np.nan]),
    ):
        text[at], value[at], row[at], peak[at] = pieces, values, at[2], int(np.nanargmax(values))
        activation[at] = np.nanmax(values)
    axes = ("feature", "language", "context", "piece")
    return make(
        {
            "layer": (axes[:1], np.array([0, 1]), "layer"),
            "number": (axes[:1], np.array([7, 7]), "number"),
            "activation": (axes[:3], activation, "activation"),
            "text": (axes, text, "text"),
            "value": (axes, value, "activation"),
            "peak": (axes[:3], peak, "peak"),
            "row": (axes[:3], row, "row"),
            "rate": (axes[:2], np.array([[0.3, 0.2], [0.1, 0.0]]), "rate"),
        },
        {"feature": ["0/7", "1/7"], "language": ["ar", "zh"]},
    )
