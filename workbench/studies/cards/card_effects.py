"""What interventions do to a shipped model: knock-out of each language's own heads and neurons, and mean patching."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from workbench import heads, neurons
from workbench.model.model import Model
from workbench.patching import concepts
from workbench.results.make import provenance
from workbench.results.statistics import corrected, interval, p_value
from workbench.text.clusters import recorded_clusters
from workbench.text.corpus import Corpus

TOP_RATE = 0.05  # of all neurons, for LAPE: that of its released code
HEADS = 2  # of each language
Pairs = dict[str, list[tuple[int, int]]]
"""group -> (layer, head) or (layer, neuron)"""


def own_heads(scores: xr.Dataset, *, count: int = HEADS) -> Pairs:
    """Each language's heads: where its share of importance exceeds the other languages' mean share by most.

    Args:
        scores: `importance[language, layer, head]` of `heads.importance`.
        count: heads for each language.
    """
    return heads.top(scores, share=count / scores.importance.isel(language=0).size, own=True)


def own_neurons(counts: xr.Dataset, *, top_rate: float = TOP_RATE) -> Pairs:
    """Each language's neurons by LAPE, from the counts of `neurons.firing`."""
    member = neurons.lape(counts, top_rate=top_rate).member.transpose("language", "layer", "neuron")
    return {
        str(language): [(int(layer), int(neuron)) for layer, neuron in np.argwhere(member.values[row])]
        for row, language in enumerate(member.language.values)
    }


def contrasts(result: xr.Dataset) -> dict[str, dict[str, Any]]:
    """Does switching off a language's own group hurt that language more than others, and more than random groups do?

    A text's contrast is the rise of its loss in the group's language less the mean rise of the same text in the other
    languages; what random groups of the same size do is taken off. The texts must be aligned.

    Args:
        result: of `heads.knockout` or `neurons.knockout`, groups named by language.

    Returns:
        By language, in nats: `own` and `others`, the rise of the loss; `contrast` with its bootstrap interval over
        texts `low`, `high`, and `p_value`, Benjamini-Hochberg corrected over languages; `random`, the largest contrast
        of a random group; `size`; `holds`: low > 0, p_value < 0.05, own less others above every random group's.
    """
    languages = [str(language) for language in result.language.values]
    rows = []
    same = _rows_that_repeat(result, languages)
    for place, language in enumerate(languages):
        here = result.sel(group=language)
        samples = _contrast((here.sample_delta - here.sample_control).values, place)
        drawn = _contrast(here.control_delta.transpose("language", "control").values, place)
        low, high = interval(samples, clusters=same)
        rows.append((language, here, place, samples, float(low), float(high), float(drawn.max())))
    chances = corrected(np.array([float(p_value(row[3], clusters=same)) for row in rows]))
    size = "heads" if "heads" in result else "neurons"
    table = {}
    for (language, here, place, samples, low, high, random), chance in zip(rows, chances, strict=True):
        delta = here.delta.values
        own, others = float(delta[place]), float(np.delete(delta, place).mean())
        holds = low > 0 and chance < 0.05 and own - others > random
        table[language] = {
            "own": round(own, 4),
            "others": round(others, 4),
            "contrast": round(float(samples.mean()), 4),
            "low": round(low, 4),
            "high": round(high, 4),
            "p_value": float(f"{chance:.2g}"),
            "random": round(random, 4),
            "size": int(here[size]),
            "holds": bool(holds),
        }
    return table


def _rows_that_repeat(result: xr.Dataset, languages: list[str]) -> np.ndarray | None:
    """Which rows of the aligned texts repeat one another, [sample]; None where none do."""
    made = provenance(result) if "provenance" in result.attrs else {}
    same = recorded_clusters(made.get("corpus"), languages, result["sample"].to_numpy().tolist(), joint=True)
    return None if same is None else same[0]


def _contrast(values: np.ndarray, place: int) -> np.ndarray:
    """A language's own values less the mean of the others; values: [language, sample] -> [sample]."""
    return values[place] - np.delete(values, place, axis=0).mean(0)


def measure_knockout(
    model: Model, corpus: Corpus, *, controls: int = 5, limit: int | None = 24, progress: bool = True, seed: int = 0
) -> dict[str, Any]:
    """Finds every language's heads and neurons on one half of the texts and switches them off on the other.

    Args:
        model: the model.
        corpus: aligned texts.
        controls: random groups for each group, as many heads or neurons in each layer.
        limit: texts to switch off on; all of the half when None.
        progress: show progress bars.
        seed: of the random groups.

    Returns:
        `heads` and `neurons`, each what `contrasts` returns; `languages_hurt`, for which either holds.
    """
    train, test = corpus.split("train"), corpus.split("test")
    test = test if limit is None else test.limit(limit)
    groups: tuple[tuple[str, Any, Pairs], ...] = (
        ("heads", heads.knockout, own_heads(heads.importance(model, train, progress=progress))),
        ("neurons", neurons.knockout, own_neurons(neurons.firing(model, train, progress=progress))),
    )
    result: dict[str, Any] = {"texts": min(test.counts.values()), "controls": controls, "top_rate": TOP_RATE}
    for name, knockout, own in groups:
        result[name] = contrasts(knockout(model, test, own, controls=controls, progress=progress, seed=seed))
    result["languages_hurt"] = [
        language
        for language in corpus.languages
        if result["heads"][language]["holds"] or result["neurons"][language]["holds"]
    ]
    return result


def routes(languages: list[str]) -> dict[str, dict[str, Any]]:
    """For each target language the routes of `patching.concepts`; rotated, so that each language plays each part.

    The source prompts ask for the language half-way round. Their words are shown in up to four languages, which are
    none of the languages of the target prompt and not the wanted one.
    """
    count, result = len(languages), {}
    for place, target in enumerate(languages):
        ring = [languages[(place + step) % count] for step in range(count)]
        shown, wanted = ring[1], ring[count // 2]
        others = [code for code in ring[2:] if code != wanted]
        means = others[:: max(1, len(others) // 4)][:4]
        result[target] = {"source": f"{means[0]}-{wanted}", "target": f"{shown}-{target}", "mean_over": means}
    return result


def measure_patching(
    model: Model, words: pd.DataFrame, *, limit: int = 24, progress: bool = True, seed: int = 0
) -> dict[str, Any]:
    """Mean patching over source languages: does it move the concept and keep the target language? By target language.

    Args:
        model: the model.
        words: of `load_words`, at least six languages.
        limit: pairs of concepts for each target language.
        progress: show progress bars.
        seed: of pairs, shots and controls.

    Returns:
        `curves`, the mean over all pairs of each answer's probability by patched layer, with intervals and the control;
        `by_target`, with the states replaced from layer 0 on: `moved`, the probability of the source concept in the
        target language (`low`, `high`), `single`, the same from one source language alone, `control`, the upper end
        with random concepts, `kept`, the target language's share of the probability of all four answers, `onset`, the
        layer from which on it comes too late (`onset_low`, `onset_high`), `holds`: low above control and kept over 0.9.
    """
    all_routes = routes([str(language) for language in words.columns])
    patched, control, table = [], [], {}
    for target, route in all_routes.items():
        options: Any = {"at": "concept", "limit": limit, "progress": progress, "seed": seed}
        result = concepts(model, words, **route, **options)
        single = concepts(model, words, **{**route, "mean_over": route["mean_over"][:1]}, **options)
        patched.append(result.pair_probability.values)
        control.append(result.pair_control.values)
        table[target] = {**_moved(result, single), "route": f"{'+'.join(route['mean_over'])}: {route['source']}"}
    values, random = np.concatenate(patched), np.concatenate(control)  # [pair, answer, layer]
    low, high = interval(values)
    random_low, random_high = interval(random)
    names = ("source concept, source language", "source concept, target language")
    names += ("target concept, source language", "target concept, target language")
    curves = {
        name: {
            key: np.round(part[place], 4).tolist()
            for key, part in (
                ("probability", values.mean(0)),
                ("low", low),
                ("high", high),
                ("control", random.mean(0)),
                ("control_low", random_low),
                ("control_high", random_high),
            )
        }
        for place, name in enumerate(names)
    }
    return {
        "curves": curves,
        "by_target": table,
        "pairs": len(values),
        "onset": onset_of(curves["source concept, target language"]["probability"]),
        "languages_moved": [target for target, row in table.items() if row["holds"]],
    }


def _moved(result: xr.Dataset, single: xr.Dataset) -> dict[str, Any]:
    """The numbers of one target language, states replaced from layer 0 on."""
    first = result.isel(layer=0)
    values = first.probability.values  # source concept in source, target language; target concept likewise
    share = float((values[1] + values[3]) / values.sum())
    low, control = float(first.low[1]), float(first.control_high[1])
    return {
        "moved": round(float(values[1]), 4),
        "low": round(low, 4),
        "high": round(float(first.high[1]), 4),
        "single": round(float(single.isel(layer=0).probability[1]), 4),
        "control": round(control, 4),
        "kept": round(share, 4),
        "onset": float(result.onset.sel(aspect="concept")),
        "onset_low": float(result.onset_low.sel(aspect="concept")),
        "onset_high": float(result.onset_high.sel(aspect="concept")),
        "holds": bool(low > control and share > 0.9),
    }


def onset_of(curve: list[float]) -> float:
    """The layer at which a falling curve has lost half of its first value, on straight lines between layers.

    Example:
        >>> onset_of([0.8, 0.6, 0.2, 0.0])
        1.5
    """
    half = curve[0] / 2
    for layer, (before, after) in enumerate(pairwise(curve)):
        if after <= half:
            return round(layer + (before - half) / (before - after), 2) if before > after else float(layer)
    return float(len(curve) - 1)
