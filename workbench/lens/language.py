"""The logit lens by language: the probability of each language's words at every layer while a model translates."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from tqdm.auto import tqdm

from workbench.arguments import checked
from workbench.errors import BadPairs, Interrupted
from workbench.lens.read import last_position
from workbench.model.batching import texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.results.make import make_result
from workbench.results.resuming.progress import resumed
from workbench.results.statistics import interval
from workbench.text.batches import batches
from workbench.text.clusters import word_clusters
from workbench.text.corpus import Corpus, chosen
from workbench.text.pairs import first_tokens
from workbench.text.words import load_words, translation_prompts

_AUTO = 16  # prompts in a batch


# Long: the parameters are the method's own options.
@checked
@alone
def by_language(
    model: Model,
    words: pd.DataFrame | str = "words",
    *,
    source: str,
    target: str,
    languages: str | Sequence[str] | None = None,
    shots: int = 5,
    seed: int = 0,
    limit: int | None = None,
    tuned: xr.Dataset | None = None,
    progress: bool = True,
    batch_size: int | str = "auto",
) -> xr.Dataset:
    """Read the last position of translation prompts at every layer: softmax(W_U norm(h)), summed by language.

    A language's probability of a concept is summed over the distinct first tokens of its word, with and without a
    leading space. Where the first tokens of two languages' words collide, the concept is left out for both of them and
    counted: fewer `languages` leave out fewer concepts.

    Args:
        model: the model.
        words: frame of `load_words`, or what it reads.
        source: language to translate from.
        target: language to translate into.
        languages: those to read; all of the words' when None.
        shots: translations shown before the question.
        seed: of prompts and bootstrap.
        limit: most concepts; all when None.
        tuned: what `tune` returned, to read with the tuned lens; the logit lens when None.
        progress: show a progress bar.
        batch_size: prompts per forward pass.

    Returns:
        `probability[language, layer]`, the mean over concepts, with its 95 % bootstrap interval `low` and `high`;
        `concept_probability[concept, language, layer]`, NaN where first tokens collide; `concepts[language]` and
        `collided[language]`, counts. Layer i is the residual stream before layer i: 0 is the embedding, and the last,
        n_layers, is after all layers, where the lens equals the model's output.

    Raises:
        UnknownLanguage: a language is not among the words.
        BadArgument: too few concepts for `shots`, or a `batch_size` below 1.
        BadPairs: in every concept, the first tokens of all languages collide.
        Interrupted: `partial` holds the concepts that were finished.

    Source:
        nostalgebraist 2020 (logit lens); Wendler et al. 2024 (arXiv 2402.10588).

    Example:
        >>> by_language(model, words, source="de", target="fr").probability      # doctest: +SKIP
    """
    size = texts_per_batch(batch_size, auto=_AUTO)
    frame = words if isinstance(words, pd.DataFrame) else load_words(words)
    source, target = (chosen([code], list(frame.columns), where="this word list")[0] for code in (source, target))
    read = list(frame.columns) if languages is None else chosen(languages, list(frame.columns), where="this word list")
    prompts = translation_prompts(frame, source=source, target=target, shots=shots, seed=seed, limit=limit)
    tokens = [_first_tokens(model, frame.loc[concept, read]) for concept in prompts]
    distinct = np.array([[_is_distinct(own, code) for code in read] for own in tokens])  # [concept, language]
    if not distinct.any():
        raise BadPairs(
            f"in all {len(prompts)} concepts the first tokens of {', '.join(read)} collide; give fewer languages, "
            "or languages of other scripts"
        )
    values = np.full((len(prompts), len(read), model.n_layers + 1), np.nan)
    encoded = model.encode(Corpus({source: tuple(prompts.values())}, aligned=False, source="translation prompts"))
    bar = tqdm(total=len(prompts), desc="logit lens", unit="prompt", disable=not progress)
    done, stopped = np.zeros((), dtype=np.int64), ""
    try:
        every = list(batches(encoded, batch_size=size, pad_id=model.pad_id, side="left"))
        for batch in resumed(every, {"values": values, "done": done}, skip=lambda batch: bar.update(len(batch))):
            sums = np.full((len(batch), *values.shape[1:]), np.nan)
            for layer, probabilities in last_position(model, batch, tuned):
                for sample, row in enumerate(batch.rows):
                    for column in np.flatnonzero(distinct[row]):
                        wanted = sorted(tokens[row][read[column]])
                        sums[sample, column, layer] = float(probabilities[sample, wanted].sum())
            values[list(batch.rows)] = sums
            done += len(batch)
            bar.update(len(batch))
    except KeyboardInterrupt:
        stopped = f"interrupted: {done} of {len(prompts)} concepts are finished; they are in .partial"
    finally:
        bar.close()
    result = _result(
        values,
        distinct,
        read,
        prompts,
        seed,
        model,
        frame,
        {"source": source, "target": target, "shots": shots, "tuned": tuned is not None},
    )
    if stopped:
        raise Interrupted(stopped, partial=result)
    return result


def _first_tokens(model: Model, words: pd.Series) -> dict[str, frozenset[int]]:
    return {str(language): first_tokens(model.tokenizer, str(word)) for language, word in words.items()}


def _is_distinct(tokens: Mapping[str, frozenset[int]], language: str) -> bool:
    """Whether a language's first tokens for a concept are no other language's."""
    others = frozenset().union(*(theirs for other, theirs in tokens.items() if other != language))
    return bool(tokens[language]) and not tokens[language] & others


def _result(
    values: np.ndarray,
    distinct: np.ndarray,
    languages: list[str],
    prompts: Mapping[str, str],
    seed: int,
    model: Model,
    frame: pd.DataFrame,
    parameters: Mapping[str, object],
) -> xr.Dataset:
    present = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean = np.where(present, values, 0.0).sum(0) / present.sum(0)
    low, high = interval(values, seed=seed, clusters=word_clusters(frame, prompts)[:, None, None])
    axes = ("language", "layer")
    result = make_result(
        {
            "probability": (axes, mean, "mean probability of the first tokens of the language's words [probability]"),
            "low": (axes, low, "lower end of the 95 % bootstrap interval over concepts [probability]"),
            "high": (axes, high, "upper end of the 95 % bootstrap interval over concepts [probability]"),
            "concept_probability": (
                ("concept", *axes),
                values,
                "probability of the first tokens of the concept's word [probability]",
            ),
            "concepts": (("language",), present[:, :, 0].sum(0), "concepts that the mean is over [concepts]"),
            "collided": (
                ("language",),
                (~distinct).sum(0),
                "concepts whose first tokens are another language's [concepts]",
            ),
        },
        {"language": languages, "concept": list(prompts)},
        method="lens.by_language",
        owners={"probability": ["low", "high"]},
        parameters={**parameters, "languages": languages, "prompt": next(iter(prompts.values()))},
        model=model.info,
        corpus={
            "source": frame.attrs.get("source", "frame"),
            "hash": frame.attrs.get("hash"),
            "languages": languages,
            "counts": {"concepts": len(prompts)},
        },
        seed=seed,
    )
    result.layer.attrs["long_name"] = f"state before layer (0 the embedding, {model.n_layers} the model's output)"
    return result
