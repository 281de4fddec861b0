"""Token efficiency: how many tokens a tokenizer spends on the same text in each language."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from workbench.arguments import checked, expect, one_of
from workbench.errors import BadArgument, UnknownLanguage
from workbench.results.bootstrap import ends_of_draws, weights
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.text.corpus import Corpus
from workbench.text.languages import meaning
from workbench.text.tokens.segment import Segmenters, words

VARIANTS = ("paper", "released")
_RESAMPLES = 1000
_CELLS = ("tokenizer", "language")


@checked
def tokenization(
    tokenizers: Mapping[str, Any],
    corpus: Corpus,
    *,
    baseline: str | None = None,
    pivot: str | None = None,
    segment: Segmenters | None = None,
    variant: str = "paper",
    level: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Count tokens, words and bytes of each text under several tokenizers.

    `variant="paper"` is a ratio of sums over texts, without special tokens. `"released"` counts what the released
    notebook counts: special tokens too, words between whitespace in every language, and the mean of the texts' own
    ratios. Prepend a system prompt to the texts to count it as there.

    Args:
        tokenizers: name to tokenizer: one of transformers, a model of the workbench, or a function from text to ids.
        corpus: texts by language.
        baseline: tokenizer whose tokens are the unit of `normalized_length`; the first when None. The released
            notebook took Llama-3-8B.
        pivot: language whose tokens are the unit of `parity`; English when None, or the first language.
        segment: language code to a function from text to words, as `wb.text.segmenters()` gives for Chinese and
            Japanese; words are NaN in a language without spaces that is not in it.
        variant: "paper" or "released".
        level: of the intervals, from a bootstrap over texts.

    Returns:
        `tokens`, `words`, `bytes[tokenizer, language, sample]` (NaN where a language has fewer texts), and for each
        tokenizer and language `tokens_per_word` (fertility), `bytes_per_token`, `tokens_per_row`,
        `normalized_length` (tokens / the baseline's) and `parity` (tokens / the pivot's on the same rows; NaN unless
        the texts are aligned), each with `_low` and `_high`.

    Raises:
        BadArgument: no tokenizer, one that is none, an unknown variant or baseline.
        UnknownLanguage: the pivot is not in the corpus.

    Example:
        >>> wb.evaluation.tokenization({"polyglot": model}, wb.load_corpus())                    # doctest: +SKIP
    """
    one_of("variant", variant, VARIANTS)
    if not tokenizers:
        raise BadArgument("tokenizers={}; give at least one, such as {'polyglot': model}")
    names = list(tokenizers)
    baseline = one_of("baseline", names[0] if baseline is None else baseline, names)
    pivot = pivot or ("en" if "en" in corpus.languages else corpus.languages[0])
    pivot = meaning(pivot, corpus.languages)[0] or pivot
    if pivot not in corpus.languages:
        raise UnknownLanguage(f"pivot={pivot!r} is not in this corpus (has: {', '.join(corpus.languages)})")
    special = variant == "released"
    counters = {name: _counter(name, tokenizer, special) for name, tokenizer in tokenizers.items()}
    tokens, n_words, n_bytes = _counts(counters, corpus, None if special else segment, spaced=special)
    aligned = corpus.aligned and len(corpus.languages) > 1
    ratios = {
        "tokens_per_word": (tokens, n_words, "tokens per word (fertility)"),
        "bytes_per_token": (n_bytes, tokens, "UTF-8 bytes per token"),
        "tokens_per_row": (tokens, np.where(np.isnan(tokens), np.nan, 1.0), "tokens per text"),
        "normalized_length": (tokens, tokens[[names.index(baseline)]], f"tokens / tokens of {baseline}"),
        "parity": (
            tokens,
            tokens[:, [corpus.languages.index(pivot)]] if aligned else np.full_like(tokens, np.nan),
            f"tokens / tokens of the same rows in {pivot}",
        ),
    }
    axes = (*_CELLS, "sample")
    variables: Variables = {
        "tokens": (axes, tokens, "tokens of the text"),
        "words": (axes, n_words, "words of the text"),
        "bytes": (axes, n_bytes, "UTF-8 bytes of the text"),
    }
    for name, (top, bottom, description) in ratios.items():
        value, *bounds = _ratio(top, np.broadcast_to(bottom, tokens.shape), corpus, special, level, seed)
        variables[name] = (_CELLS, value, description)
        variables |= interval_ends(_CELLS, bounds, name, level=level, name=name)
    return make_result(
        variables,
        {"tokenizer": names, "language": list(corpus.languages)},
        method="evaluation.tokenization",
        parameters={"variant": variant, "baseline": baseline, "pivot": pivot, "level": level},
        corpus=corpus.info,
        seed=seed,
        attrs={"baseline": baseline, "pivot": pivot, "level": level},
    )


def _counts(
    counters: Mapping[str, Callable[[str], int]], corpus: Corpus, segment: Segmenters | None, *, spaced: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tokens, words and bytes of each text, [tokenizer, language, sample]; `spaced`: split at spaces everywhere."""
    shape = (len(counters), len(corpus.languages), max(corpus.counts.values()))
    tokens, n_words, n_bytes = (np.full(shape, np.nan) for _ in range(3))
    for column, (language, texts) in enumerate(corpus.texts.items()):
        for row, text in enumerate(texts):
            tokens[:, column, row] = [count(text) for count in counters.values()]
            parts = text.split() if spaced else words(text, language, segment)
            n_words[:, column, row] = np.nan if parts is None else len(parts)
            n_bytes[:, column, row] = len(text.encode())
    return tokens, n_words, n_bytes


def _counter(name: str, tokenizer: Any, special: bool) -> Callable[[str], int]:
    """A function from text to its number of tokens."""
    own = getattr(tokenizer, "tokenizer", tokenizer)  # a model's
    if hasattr(own, "encode"):
        return lambda text: len(own.encode(text, add_special_tokens=special))
    if not callable(own):
        raise BadArgument(
            f"tokenizers[{name!r}] is a {type(tokenizer).__name__}; give a tokenizer, a model or a function"
        )
    return lambda text: len(expect(f"the ids of tokenizers[{name!r}]", own(text), Sequence[Any]))


def _ratio(
    top: np.ndarray, bottom: np.ndarray, corpus: Corpus, mean_of_ratios: bool, level: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ratio of sums over texts, or mean of the texts' ratios, with its interval: each [tokenizer, language].

    Args:
        top: [tokenizer, language, sample].
        bottom: the same.
        corpus: its rows that repeat each other are drawn together.
        mean_of_ratios: whether each text's ratio counts alike.
        level: of the interval.
        seed: of the draws.
    """
    value, low, high = (np.full(top.shape[:2], np.nan) for _ in range(3))
    for column, language in enumerate(corpus.languages):
        count = corpus.counts[language]
        over, under = top[:, column, :count], bottom[:, column, :count]
        if np.isnan(under).all():
            continue
        if mean_of_ratios:
            over, under = over / under, np.ones_like(under)
        value[:, column] = over.sum(1) / under.sum(1)
        clusters = corpus.row_clusters[column, :count]
        if len(np.unique(clusters)) > 1:
            drawn = weights(clusters, _RESAMPLES, seed).T
            low[:, column], high[:, column] = ends_of_draws((over @ drawn) / (under @ drawn), level, axis=1)
    return value, low, high
