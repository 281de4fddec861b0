"""Planted results of models whose answers are known."""

import numpy as np

from workbench.results.make import make_result

LANGUAGES = ("ar", "de", "en", "es", "fi", "fr", "hi", "ru")
LATIN = ("de", "en", "es", "fi", "fr")
TOKENS = {"ar": 130, "de": 100, "en": 90, "es": 140, "fi": 170, "fr": 110, "hi": 120, "ru": 150}


def lape(layers, places, *, languages=LANGUAGES, neurons=8):
    """Members where `places` says: for each language the layers of its neurons, or the same layers for all."""
    member = np.zeros((len(languages), layers, neurons), bool)
    for row in range(len(languages)):
        for number, layer in enumerate(places[row] if isinstance(places[0], tuple) else places):
            member[row, layer, number] = True
    return _result({"member": (("language", "layer", "neuron"), member, "member")}, {"language": languages})


def ternary(layers, places, **how):
    """The same neurons, specific; and one neuron more in each layer that is shared by all."""
    members = lape(layers, places, **how)
    member = members.member.values.copy()
    kind = np.where(member.any(0), "specific", "other").astype(object)
    member[:, :, -1], kind[:, -1] = True, "related"
    axes = ("language", "layer", "neuron")
    variables = {"member": (axes, member, "member"), "kind": (axes[1:], kind, "class")}
    return _result(variables, {"language": list(members.language.values)})


def profiles(by, *, units=24, noise=0.3, seed=0):
    """Numbers [language, layer 3, unit] that go by script, by token count, or by nothing."""
    generator = np.random.default_rng(seed)
    own = generator.normal(size=(len(LANGUAGES), units * 3)) * noise
    latin, base, other = generator.normal(size=(3, units * 3))
    tokens = np.array([TOKENS[language] for language in LANGUAGES], float)
    if by == "script":
        own += base + np.array([language in LATIN for language in LANGUAGES])[:, None] * 2 * latin
        own += (
            1.5
            * np.array([language not in LATIN for language in LANGUAGES])[:, None]
            * generator.normal(size=(len(LANGUAGES), units * 3))
        )
    if by == "length":
        place = (np.log(tokens) - np.log(tokens).min()) / np.ptp(np.log(tokens)) * np.pi / 2
        own += 2 * (np.cos(place)[:, None] * base + np.sin(place)[:, None] * other)
    return own.reshape(len(LANGUAGES), 3, units)


def ablation(by, **how):
    """Effects of removing heads."""
    values = profiles(by, **how)
    axes = ("language", "layer", "head")
    return _result({"delta": (axes, values, "delta [nats]")}, {"language": LANGUAGES})


def samples_of(effects, *, samples=6, noise=0.1, seed=0):
    """Effects by sentence, [language, sample, layer, head], around those of each language."""
    generator = np.random.default_rng(seed)
    return effects[:, None] + noise * generator.normal(size=(len(effects), samples, *effects.shape[1:]))


def ablation_by_sample(values):
    """Effects of removing heads, with those of each sentence."""
    axes = ("language", "layer", "head")
    variables = {
        "delta": (axes, values.mean(1), "delta [nats]"),
        "sample_delta": (("language", "sample", *axes[1:]), values, "delta of each text [nats]"),
    }
    return _result(variables, {"language": LANGUAGES[: len(values)]})


def firing(by, **how):
    """Firing counts whose rates go by script, token count, or nothing."""
    values = profiles(by, **how)
    scaled = 0.05 + 0.9 * (values - values.min()) / np.ptp(values)
    tokens = np.array([TOKENS[language] * 1000 for language in LANGUAGES])
    fired = np.round(scaled * tokens[:, None, None]).astype(int)
    variables = {
        "fired": (("language", "layer", "neuron"), fired, "fired [tokens]"),
        "tokens": (("language",), tokens, "tokens [tokens]"),
    }
    return _result(variables, {"language": LANGUAGES})


def concepts(curve, *, pairs=12, noise=0.01, seed=0):
    """Patching in which the source's concept has the probability `curve` by layer, and the target's the rest."""
    curve = np.array(curve, float)
    values = np.zeros((pairs, 4, len(curve)))
    values[:, 0] = curve + noise * np.random.default_rng(seed).normal(size=(pairs, len(curve)))
    values[:, 3] = 1 - curve
    result = _result(
        {"pair_probability": (("pair", "answer", "layer"), values, "probability [probability]")},
        {"answer": ["source it", "source zh", "target it", "target zh"]},
    )
    return result.assign_coords(
        answer_concept=("answer", ["source", "source", "target", "target"]),
        answer_language=("answer", ["it", "zh", "it", "zh"]),
        source_concept=("pair", [f"concept {number}" for number in range(pairs)]),
    )


def lens(curves, *, source="de", target="fr", concepts=12, noise=0.01, seed=0):
    """A lens in which the words of languages have the probabilities of `curves`, language to values by layer."""
    generator = np.random.default_rng(seed)
    values = np.stack([np.array(curve, float) for curve in curves.values()])
    values = values + noise * generator.normal(size=(concepts, *values.shape))
    return _result(
        {"concept_probability": (("concept", "language", "layer"), values, "probability [probability]")},
        {"language": list(curves), "concept": [f"concept {number}" for number in range(concepts)]},
        {"source": source, "target": target},
    )


def _result(variables, coords, parameters=None):
    coords = {axis: list(labels) for axis, labels in coords.items()}
    return make_result(variables, coords, method="planted", parameters=parameters or {})
