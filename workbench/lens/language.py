"""The logit lens by language: the probability of each language's words at every layer while a model translates."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadPairs
from workbench.lens.read import last_position
from workbench.lens.translations import LEVEL, Translations, name_states
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.results.interval_ends import interval_ends
from workbench.results.make import make_result
from workbench.results.statistics import interval, mean_of_known
from workbench.text.batches import Batch
from workbench.text.pairs import first_tokens


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
        limit: most concepts; all when None.
        tuned: what `tune` returned, to read with the tuned lens; the logit lens when None.

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
    how = {"languages": languages, "shots": shots, "seed": seed, "limit": limit}
    made = Translations.make(model, words, source=source, target=target, batch_size=batch_size, **how)
    read, prompts = made.languages, made.prompts
    tokens = [_first_tokens(model, made.frame.loc[concept, read]) for concept in prompts]
    distinct = np.array([[_is_distinct(own, code) for code in read] for own in tokens])  # [concept, language]
    if not distinct.any():
        raise BadPairs(
            f"in all {len(prompts)} concepts the first tokens of {', '.join(read)} collide; give fewer languages, "
            "or languages of other scripts"
        )
    values = np.full((len(prompts), len(read), model.n_layers + 1), np.nan)

    def run(batch: Batch) -> None:
        sums = np.full((len(batch), *values.shape[1:]), np.nan)
        for layer, probabilities in last_position(model, batch, tuned):
            for sample, row in enumerate(batch.rows):
                for column in np.flatnonzero(distinct[row]):
                    wanted = sorted(tokens[row][read[column]])
                    sums[sample, column, layer] = float(probabilities[sample, wanted].sum())
        values[list(batch.rows)] = sums

    loop = made.read(model, run, {"values": values}, what="logit lens", progress=progress)
    parameters = {"source": made.source, "target": made.target, "shots": shots, "tuned": tuned is not None}
    result = _result(model, made, values, distinct, seed, parameters)
    return loop.result(result)


def _first_tokens(model: Model, words: pd.Series) -> dict[str, frozenset[int]]:
    return {str(language): first_tokens(model.tokenizer, str(word)) for language, word in words.items()}


def _is_distinct(tokens: Mapping[str, frozenset[int]], language: str) -> bool:
    """Whether a language's first tokens for a concept are no other language's."""
    others = frozenset().union(*(theirs for other, theirs in tokens.items() if other != language))
    return bool(tokens[language]) and not tokens[language] & others


def _result(
    model: Model,
    made: Translations,
    values: np.ndarray,
    distinct: np.ndarray,
    seed: int,
    parameters: Mapping[str, object],
) -> xr.Dataset:
    bounds = interval(values, seed=seed, level=LEVEL, clusters=made.clusters[:, None, None])
    axes = ("language", "layer")
    word = "probability of the first tokens of the concept's word [probability]"
    mean, collided = mean_of_known(values), "concepts whose first tokens are another language's [concepts]"
    known = (~np.isnan(values[:, :, 0])).sum(0)
    result = make_result(
        {
            "probability": (axes, mean, "mean probability of the first tokens of the language's words [probability]"),
            **interval_ends(axes, bounds, "probability over concepts [probability]", level=LEVEL),
            "concept_probability": (("concept", *axes), values, word),
            "concepts": (("language",), known, "concepts that the mean is over [concepts]"),
            "collided": (("language",), (~distinct).sum(0), collided),
        },
        {"language": made.languages, "concept": list(made.prompts)},
        method="lens.by_language",
        owners={"probability": ["low", "high"]},
        parameters={
            **parameters,
            "languages": made.languages,
            "prompt": next(iter(made.prompts.values())),
            "level": LEVEL,
        },
        model=model.info,
        corpus=made.info(),
        seed=seed,
    )
    return name_states(result, model)
