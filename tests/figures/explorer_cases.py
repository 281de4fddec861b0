"""Small results for the explorer, made by hand: three layers of four heads, four languages, two sentences."""

import numpy as np

from workbench.results.make import make_result

LANGUAGES = ["ja", "ar", "hi", "de"]  # out of order on purpose: figures sort by code
LAYERS, HEADS, NEURONS = 3, 4, 20
CELLS = ("language", "layer", "head")
SHAPE = (len(LANGUAGES), LAYERS, HEADS)
TOKENS = {
    "ja": [["<s>", "犬", "が", "眠", "る"], ["<s>", "", "雨", "。"]],
    "ar": [["<s>", "ينام", " الكلب", "."], ["<s>", "إنها", " تمطر"]],
    "hi": [["<s>", "कुत्ता", " सोता", " है", "।"], ["<s>", "बार", "िश", "।"]],
    "de": [["<s>", "Der", " <b>", " schläft", " tief", "."], ["<s>", "Regen", "</script>"]],
}
MODEL = {"name": "tiny", "hash": "1"}


def make(variables, coords=None, *, model=None, **attrs):
    """A Result of the tiny model, with languages where a variable has them."""
    needs = any("language" in dims for dims, *_ in variables.values())
    coords = {**({"language": LANGUAGES} if needs else {}), **(coords or {})}
    about = MODEL if model is None else model
    corpus = {"source": "by hand", "hash": "2"}
    return make_result(variables, coords, method="tests", parameters={}, model=about, corpus=corpus, attrs=attrs)


def importance(rng):
    values = rng.random(SHAPE)
    ends = {"low": values - 0.05, "high": values + 0.05, "p_value": rng.random(SHAPE)}
    return make(
        {"importance": (CELLS, values, "LAHIS [nats]"), **{name: (CELLS, each, name) for name, each in ends.items()}}
    )


def ablation(rng):
    """Without a number for one head in Japanese."""
    delta = rng.normal(size=SHAPE)
    delta[0, 1, 2] = np.nan
    return make(
        {
            "delta": (CELLS, delta, "rise of NLL [nats]"),
            "low": (CELLS, delta - 0.5, "lower end of the 95% interval of delta [nats]"),
            "high": (CELLS, delta + 0.5, "upper end of the 95% interval of delta [nats]"),
            "p_value": (CELLS, rng.random(SHAPE), "p-value that delta is 0, corrected"),
        }
    )


def kinds(rng):
    """Every head is a previous-token head in German and has no kind elsewhere."""
    names = ("previous", "first", "current", "same", "induction")
    flat = {name: (CELLS, np.full(SHAPE, 0.2), name) for name in names}
    even = {f"uniform_{name}": (("language",), np.full(len(LANGUAGES), 0.2), name) for name in names}
    flat["previous"][1][3] = 0.75
    flat["entropy"] = (CELLS, rng.random(SHAPE), "entropy [nats]")
    return make({**flat, **even})


def roles():
    role = np.full((LAYERS, HEADS), "none", dtype=object)
    owner = np.full((LAYERS, HEADS), "", dtype=object)
    role[1, 2], owner[1, 2], role[0, 0] = "specific", "hi", "general"
    member = np.zeros(SHAPE, bool)
    member[2, 1, 2], member[:, 0, 0] = True, True
    heads = ("layer", "head")
    return make(
        {
            "role": (heads, role, "role"),
            "specific_to": (heads, owner, "owner"),
            "member": (CELLS, member, "member"),
            "certainty": (heads, np.full((LAYERS, HEADS), 0.9), "certainty"),
        }
    )


def patterns(rng, *, aligned=1):
    longest = max(len(tokens) for texts in TOKENS.values() for tokens in texts)
    values = np.full((2, *SHAPE, longest, longest), np.nan, np.float32)
    token = np.full((2, len(LANGUAGES), longest), "", dtype=object)
    length = np.zeros((2, len(LANGUAGES)), int)
    for k, language in enumerate(LANGUAGES):
        for s, tokens in enumerate(TOKENS[language]):
            n = len(tokens)
            length[s, k] = n
            token[s, k, :n] = tokens
            raw = np.tril(rng.random((LAYERS, HEADS, n, n)))
            values[s, k, :, :, :n, :n] = raw / raw.sum(-1, keepdims=True)
    return make(
        {
            "pattern": (("sentence", *CELLS, "query", "key"), values, "attention [share]"),
            "token": (("sentence", "language", "position"), token, "token"),
            "length": (("sentence", "language"), length, "length [tokens]"),
        },
        {"sentence": [4, 7]},
        aligned=aligned,
    )


def classes():
    """Layer 0: neurons 3 (German) and 5 (Japanese) are specific, 7 is related to both; one of layer 1 has none."""
    kind = np.full((LAYERS, NEURONS), "other", dtype=object)
    kind[0, [3, 5]], kind[0, 7], kind[1, 0] = "specific", "related", "unassigned"
    member = np.zeros((len(LANGUAGES), LAYERS, NEURONS), bool)
    member[3, 0, [3, 7]], member[0, 0, [5, 7]] = True, True
    return make(
        {"kind": (("layer", "neuron"), kind, "class"), "member": (("language", "layer", "neuron"), member, "member")}
    )


def everything():
    rng = np.random.default_rng(0)
    return [importance(rng), ablation(rng), kinds(rng), roles(), patterns(rng), classes()]


def sentences():
    """A lens of two texts, the second shorter, three layers; its first token is a tag and its text reads leftwards."""
    axes, there = ("prompt", "layer", "position"), np.array([[True] * 3, [True, True, False]])[:, None].repeat(3, 1)
    numbers = {
        name: (axes, np.where(there, np.linspace(low, high, 18).reshape(2, 3, 3), np.nan), f"{name} [{unit}]")
        for name, low, high, unit in (
            ("probability", 0.1, 0.9, "probability"),
            ("entropy", 0.5, 5.0, "nats"),
            ("rank", 1, 300, "rank"),
            ("target_probability", 0.1, 0.2, "probability"),
        )
    }
    said = np.where(there, np.array([["<b>", " Hund", "."], ["قط", " ينام", ""]])[:, None].repeat(3, 1), "")
    code = np.where(there, np.array([["Latin", "de", "unknown"], ["Arabic", "ar", ""]])[:, None].repeat(3, 1), "")
    words = {"top_token": (axes, said.astype(object), "token"), "language": (axes, code.astype(object), "language")}
    target = (axes[::2], np.array([["der", ".", ""], ["ينام", "", ""]], dtype=object), "target")
    text = (axes[:1], np.array(["Der </script> Hund", "القط ينام"], dtype=object), "text")
    result = make({**numbers, **words, "target": target, "text": text})
    token = np.array([["<s>", "Der", " Hund"], ["<s>", "القط", ""]], dtype=object)
    return result.assign_coords(token=(axes[::2], token))


def of_another_model():
    """Importance of a model with five layers of two heads, in two of the languages and a third; largest in French."""
    languages, shape = ["hi", "de", "fr"], (3, 5, 2)
    values = np.linspace(0.1, 0.4, 30).reshape(shape)
    about = {"name": "larger", "hash": "3"}
    return [make({"importance": (CELLS, values, "LAHIS [nats]")}, {"language": languages}, model=about)]
