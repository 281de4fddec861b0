"""Contexts: the texts of every language in which features are strongest, of all features in one pass."""

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr
from tqdm.auto import tqdm

from workbench.arguments import checked, shown, whole_number
from workbench.circuits.transcoders.states import check_fits
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadArgument, Interrupted
from workbench.model.activations import tensors
from workbench.model.batching import streamed, texts_per_batch
from workbench.model.forward.alone import turn
from workbench.model.model import Model
from workbench.results.make import Variables, make_result
from workbench.text.batches import Batch
from workbench.text.corpus import Corpus
from workbench.text.tokens.excerpts import Part, excerpt, packed

Strongest = dict[tuple[int, int], list[tuple[float, int, np.ndarray]]]
"""Places of feature and language to texts (peak, -row, activations at their tokens), strongest first."""


# Long: the parameters are the features, what is shown of them, and how much of that.
@checked
def contexts(
    transcoder: Transcoder,
    model: Model,
    corpus: Corpus,
    features: Sequence[tuple[int, int]],
    *,
    top: int = 5,
    window: int = 12,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Find the texts of every language in which given features are strongest.

    One pass over the corpus for all features; only the strongest texts stay in memory. Begin-of-sequence is neither a
    context nor counted, as it is not in training.

    Args:
        transcoder: has the features.
        model: the model whose MLPs it stands in for.
        corpus: the texts.
        features: (layer, number of the feature in that layer), each once.
        top: texts of each language and feature, each shown around its strongest token.
        window: tokens shown on both sides of it.
        seed: nothing is drawn here; recorded for symmetry with the other analyses.

    Returns:
        Axis `feature` is named "layer/number", with `layer[feature]` and `number[feature]`. `activation[feature,
        language, context]` at the strongest token of the text, strongest text first, NaN where the feature is active
        in fewer; `text[feature, language, context, piece]`, the characters of the tokens around, empty after their
        end; `value` in the same axes, the activation at each; `peak[feature, language, context]`, the piece with the
        strongest, -1 for none; `row` in the same axes, of the text in the corpus, -1 for none; `rate[feature,
        language]`, the share of tokens at which it is active.

    Raises:
        BadArgument: no such feature, one given twice, none at all, or an option out of range.
        BadTranscoder: the transcoder is of a model of another shape.
        UnsupportedSite: the model has no such site, or the tokenizer does not say where its tokens come from.
        Interrupted: Ctrl-C; there is no partial result.

    Example:
        >>> seen = wb.circuits.contexts(transcoder, model, corpus, [(3, 17), (4, 250)])          # doctest: +SKIP
        >>> wb.figures.graph_page(graph, "graph.html", contexts=seen)                            # doctest: +SKIP
    """
    check_fits(model, transcoder)
    features = _checked_features(transcoder, features)
    whole_number("top", top, at_least=1)
    whole_number("window", window, at_least=1)
    with turn(model):
        strongest, rate = _search(
            transcoder, model, corpus, features, top, texts_per_batch(batch_size), truncate, progress
        )
    axes = ("feature", "language")
    variables: Variables = {
        "layer": (axes[:1], np.array([layer for layer, _ in features]), "layer of the feature"),
        "number": (axes[:1], np.array([number for _, number in features]), "number of the feature in its layer"),
        **_excerpts(model, corpus, strongest, (*rate.shape, top), window),
        "rate": (axes, rate, "share of tokens at which the feature is active"),
    }
    return make_result(
        variables,
        {"feature": [f"{layer}/{number}" for layer, number in features], "language": list(corpus.languages)},
        method="circuits.contexts",
        parameters={"features": features, "top": top, "window": window, "transcoder": transcoder.info},
        model=model.info,
        corpus=corpus.info,
        seed=seed,
    )


def _checked_features(transcoder: Transcoder, features: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The features as pairs of whole numbers.

    Raises:
        BadArgument: none, one that does not exist, or one given twice.
    """
    pairs = []
    for pair in features:
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            raise BadArgument(f"features={shown(list(features))}; give pairs (layer, number of the feature)")
        number = whole_number("features", pair[1], at_most=transcoder.n_features - 1, why="features of a layer")
        pairs.append((whole_number("features", pair[0]), number))
        if pairs[-1][0] not in transcoder.layers:
            raise BadArgument(f"features has layer {pair[0]}, the transcoder has layers {list(transcoder.layers)}")
    if not pairs or len(set(pairs)) < len(pairs):
        raise BadArgument(f"features={shown(pairs)}; give at least one, and each once")
    return pairs


def _search(
    transcoder: Transcoder,
    model: Model,
    corpus: Corpus,
    features: list[tuple[int, int]],
    top: int,
    size: int,
    cut: bool,
    progress: bool,
) -> tuple[Strongest, np.ndarray]:
    """The strongest texts, and the share of tokens at which each feature is active, [feature, language]."""
    languages = list(corpus.languages)
    strongest: Strongest = {}
    active, tokens = np.zeros((len(features), len(languages))), np.zeros(len(languages))
    start = 1 if model.front and not corpus.chat else 0  # begin-of-sequence is no context
    done = 0
    try:
        with tqdm(total=len(corpus), desc="looking", unit="text", disable=not progress) as bar:
            for batch in streamed(model, corpus, batch_size=size, truncate=cut):
                for row, language, values in _activations(transcoder, model, batch.to(model.device), features):
                    k = languages.index(language)
                    own = values[:, start:]
                    active[:, k] += (own > 0).sum(1)
                    tokens[k] += own.shape[1]
                    peaks = own.max(1, initial=0.0)
                    for place in peaks.nonzero()[0].tolist():
                        texts = [*strongest.get((place, k), []), (float(peaks[place]), -row, values[place].copy())]
                        strongest[place, k] = sorted(texts, key=lambda text: text[:2], reverse=True)[:top]
                    done += 1
                bar.update(len(batch))
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted after {done} of {len(corpus)} texts; the strongest may be among the rest"
        ) from None
    return strongest, active / tokens


@torch.no_grad()
def _activations(transcoder: Transcoder, model: Model, batch: Batch, features: list[tuple[int, int]]):
    """Row, language and activations [feature, token] at the counted tokens of each text of a batch."""
    sites = [(transcoder.reads, layer) for layer in sorted({layer for layer, _ in features})]
    shape = (*batch.ids.shape, transcoder.width)  # some architectures merge rows and positions
    states = {layer: read.reshape(shape) for (_, layer), read in tensors(model, batch, sites).items()}
    for place, (row, language) in enumerate(zip(batch.rows, batch.languages, strict=True)):
        mask = batch.counted[place].bool()
        values = np.empty((len(features), int(mask.sum())), np.float32)
        for layer in states:  # text by text: all features of a batch at once may not fit into memory
            own = [at for at, feature in enumerate(features) if feature[0] == layer]
            read = states[layer][place][mask].to(transcoder.device)
            encoded = transcoder.encode(transcoder.layers.index(layer), read)
            values[own] = encoded[:, [features[at][1] for at in own]].T.cpu().numpy()
        yield row, language, values


def _excerpts(
    model: Model, corpus: Corpus, strongest: Strongest, shape: tuple[int, int, int], window: int
) -> Variables:
    """The strongest texts around their strongest tokens."""
    activation, peak, row = np.full(shape, np.nan), np.full(shape, -1), np.full(shape, -1)
    excerpts: dict[tuple[int, ...], list[Part]] = {}
    for (place, k), texts in strongest.items():
        for context, (top, minus_row, values) in enumerate(texts):
            at = (place, k, context)
            activation[at], row[at] = top, -minus_row
            excerpts[at], peak[at] = excerpt(
                *(model.tokenizer, corpus, corpus.languages[k], -minus_row, values),
                front=len(model.front),
                window=window,
            )
    text, value = packed(excerpts, shape)
    axes = ("feature", "language", "context", "piece")
    return {
        "activation": (axes[:3], activation, "activation at the strongest token"),
        "text": (axes, text, "characters of the tokens"),
        "value": (axes, value, "activation at these tokens"),
        "peak": (axes[:3], peak, "piece with the strongest activation"),
        "row": (axes[:3], row, "row of the text in the corpus"),
    }
