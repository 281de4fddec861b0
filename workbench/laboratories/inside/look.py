"""Look: what is inside one model, in a form that is compared after training."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from workbench.errors import BadArgument, UnsupportedSite
from workbench.heads.scores.lahis import importance
from workbench.lens.language import by_language
from workbench.model.load import load_model
from workbench.model.model import Model
from workbench.neurons.classes.ternary import ternary
from workbench.neurons.counts.firing import firing
from workbench.patching.concepts.concepts import concepts
from workbench.results.make import Variables, make_result
from workbench.text.clusters import word_clusters
from workbench.text.corpus import Corpus

PARTS = ("neurons", "heads", "lens", "concepts")
TOP_RATE, BAR = 0.05, 0.95  # of the classes of neurons

_Part = tuple[Variables, dict[str, list]]  # variables, and labels of their axes


def look(
    model: Any,
    corpus: Corpus,
    words: pd.DataFrame,
    *,
    source: str,
    target: str,
    parts: tuple[str, ...] = PARTS,
    limit: int = 20,
    shots: int = 5,
    how: dict[str, Any],
) -> xr.Dataset:
    """Look inside one model.

    Args:
        model: a Model, or anything with a transformers `module`, which stays as it is, and a `tokenizer`.
        corpus: texts by language.
        words: a frame [concept, language] with every language of the corpus, for lens and concepts.
        source: language whose concepts are patched, and from which words are translated.
        target: language of the run that is patched; words of `source` are translated from it.
        parts: of `PARTS`.
        limit: concepts of each translation, and pairs of concepts to patch.
        shots: translations shown before each question.
        how: progress, batch_size and seed.

    Returns:
        As far as `parts` go: `kind[layer, neuron]` and `member[language, layer, neuron]`, ternary classes;
        `sample_gradient[language, sample, layer, head]`, slope of each text's loss in a head's mask in nats, with
        `sample_cluster[language, sample]`; `lens[language, concept, state]`, probability of the language's word when it
        is asked for, with `concept_cluster[language, concept]`; `patched[answer, pair, state]`, probability of the
        answers `concept` (the source's, in either language) and `language` (either concept, in the source's language)
        after the last token's state was patched, with `pair_cluster[pair]`. State i is that before layer i; the last is
        after all layers.
    """
    opened = _opened(model)
    asking = {"limit": limit, "shots": shots}
    computed: dict[str, Callable[[], _Part]] = {
        "neurons": lambda: _neurons(opened, corpus, how),
        "heads": lambda: _heads(opened, corpus, how),
        "lens": lambda: _lens(opened, words, corpus.languages, source, target, asking, how),
        "concepts": lambda: _concepts(opened, words, source, target, asking, how),
    }
    variables: Variables = {}
    coords: dict[str, list] = {"language": list(corpus.languages)}
    for part in parts:
        more, labels = computed[part]()
        variables |= more
        coords |= labels
    return make_result(
        variables,
        coords,
        method="laboratories.inside",
        parameters={
            "source": source,
            "target": target,
            "parts": list(parts),
            **asking,
            "top_rate": TOP_RATE,
            "bar": BAR,
            "words": words.attrs.get("hash"),
            "seed": how["seed"],
        },
        model=opened.info,
        corpus=corpus.info,
        seed=how["seed"],
    )


def _opened(model: Any) -> Model:
    """The model, wrapped; a plain module is copied first, because wrapping changes modules in place."""
    if isinstance(model, Model):
        return model
    if getattr(getattr(model, "module", None), "prompted", False):
        raise UnsupportedSite("a model with trained prompts inside cannot be wrapped; leave `inside` out")
    if hasattr(model, "module") and hasattr(model, "tokenizer"):
        return load_model(copy.deepcopy(model.module), tokenizer=model.tokenizer)
    raise BadArgument(f"model is of {type(model).__name__}; give what `wb.load_model` returned")


def _neurons(model: Model, corpus: Corpus, how: dict[str, Any]) -> _Part:
    classes = ternary(firing(model, corpus, **how), top_rate=TOP_RATE, bar=BAR)
    axes = ("layer", "neuron")
    return {
        "kind": (axes, classes.kind.transpose(*axes).values, "class of the neuron"),
        "member": (
            ("language", *axes),
            classes.member.transpose("language", *axes).values,
            "selected, and fires more often than the threshold in this language",
        ),
    }, {}


def _heads(model: Model, corpus: Corpus, how: dict[str, Any]) -> _Part:
    axes = ("language", "sample", "layer", "head")
    slopes = importance(model, corpus, per_sample=True, **how).sample_gradient.transpose(*axes)
    return {
        "sample_gradient": (axes, slopes.values, "slope of each text's loss in the head's mask [nats]"),
        "sample_cluster": (axes[:2], corpus.row_clusters, "texts with one number are repeats of one text"),
    }, {}


def _lens(
    model: Model,
    words: pd.DataFrame,
    languages: tuple[str, ...],
    source: str,
    target: str,
    asking: dict[str, int],
    how: dict[str, Any],
) -> _Part:
    """Each language's own word, translated from `source`; that of `source` itself from `target`."""
    probability, clusters = [], []
    for language in languages:
        shown = target if language == source else source
        pair = [shown, language]
        read = by_language(model, words, source=shown, target=language, languages=pair, **asking, **how)
        own = read.concept_probability.sel(language=language).transpose("concept", "layer")
        probability.append(own.values)
        clusters.append(word_clusters(words, own["concept"].values.tolist()))
    return {
        "lens": (
            ("language", "concept", "state"),
            np.stack(probability),
            "probability of the language's word where it is asked for [probability]",
        ),
        "concept_cluster": (
            ("language", "concept"),
            np.stack(clusters),
            "concepts with one number have the same words",
        ),
    }, {}


def _concepts(
    model: Model, words: pd.DataFrame, source: str, target: str, asking: dict[str, int], how: dict[str, Any]
) -> _Part:
    patched = concepts(model, words, source=source, target=target, at="last", **asking, **how)
    probability = patched.pair_probability.transpose("answer", "pair", "layer")
    of_source = {
        "concept": (probability.answer_concept == "source").values,
        "language": (probability.answer_language == source).values,
    }
    values = [probability.values[rows].sum(0) for rows in of_source.values()]
    clusters = word_clusters(words, patched.source_concept.values.tolist())
    return {
        "patched": (
            ("answer", "pair", "state"),
            np.stack(values),
            "probability after the state was patched [probability]",
        ),
        "pair_cluster": (("pair",), clusters, "pairs with one number have the same source words"),
    }, {"answer": list(of_source)}
