"""Targets: directions of the final normed state whose values a graph explains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument, TooFewLanguages
from workbench.model.effective_weights import effective_weight
from workbench.model.model import Model
from workbench.text.batches import check_ids
from workbench.text.languages import required
from workbench.text.tokens.following import token_after, token_alone, token_ids
from workbench.text.tokens.pieces import token_texts
from workbench.text.tokens.spans import Divider
from workbench.text.words import load_words

_MOST, _SHARE = 10, 0.95  # tokens, and the probability that they reach


@dataclass(frozen=True, eq=False)
class Targets:
    """Directions u of the final normed state h; the value of a target is the product of u and h at the last position.

    Attributes:
        names: a name for each.
        vectors: u [target, d], float32, before what the model's head does besides its product (a scale, a bias, a
            soft cap).
        weights: what each counts for influence, [target].
        probabilities: of the token that each stands for, [target]; NaN where it stands for none.
        tokens: that token's id, [target]; -1 where it stands for none.
        record: how they were made.
    """

    names: tuple[str, ...]
    vectors: Tensor
    weights: np.ndarray
    probabilities: np.ndarray
    tokens: tuple[int, ...]
    record: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.vectors.dim() != 2 or not len(self.names) == len(self.vectors) == len(self.weights) >= 1:
            raise BadArgument(
                f"targets with {len(self.names)} names, {len(self.weights)} weights and vectors of shape "
                f"{list(self.vectors.shape)}; give one of each for every target, vectors [target, d]"
            )
        if not bool(self.vectors.isfinite().all()):
            raise BadArgument("a target's vector has numbers that are NaN or infinite")

    def __repr__(self) -> str:
        return f"Targets({', '.join(self.names)})"


def single(name: str, vector: Any, **record: Any) -> Targets:
    """One direction [d], with weight 1."""
    vectors = torch.as_tensor(np.asarray(vector) if not isinstance(vector, Tensor) else vector).detach().float()[None]
    return Targets((name,), vectors, np.ones(1), np.full(1, np.nan), (-1,), record)


def read_targets(model: Model, prompt: str, ids: Sequence[int], target: Any, logits: Tensor) -> Targets:
    """What `graph` takes as its target.

    Args:
        model: the model.
        prompt: the prompt.
        ids: its tokens.
        target: None for the likeliest tokens, a text or token id, a pair of them for their difference, a direction [d],
            or Targets.
        logits: of the last position, [vocabulary].

    Raises:
        BadArgument: none of these, a text without a token, a token that the model lacks, or a direction of another
            width.
    """
    if isinstance(target, Targets):
        return _of_width(model, target)
    if target is None:
        probabilities, tokens = logits.float().softmax(-1).sort(descending=True)
        count = int((probabilities.cumsum(0) < _SHARE).sum()) + 1
        return _tokens(model, tokens[: min(count, _MOST)].tolist(), logits, weighted=True)
    if isinstance(target, str | int) and not isinstance(target, bool):
        return _tokens(model, [_token(model, prompt, ids, target)], logits, weighted=False)
    if isinstance(target, tuple | list) and len(target) == 2 and all(isinstance(part, str | int) for part in target):
        answer, foil = (_token(model, prompt, ids, part) for part in target)
        if answer == foil:
            raise BadArgument(f"target={target!r}: both begin with the same token; their difference is 0")
        weight = unembedding(model)
        name = " less ".join(text.strip() for text in token_texts(model.tokenizer, [answer, foil]))
        return single(name, weight[answer].float() - weight[foil].float(), answer=answer, foil=foil)
    if isinstance(target, Tensor | np.ndarray) and target.ndim == 1:
        return _of_width(model, single("direction", target))
    raise BadArgument(
        f"target={type(target).__name__}; give None, a word or token id, a pair (answer, foil), a direction of "
        f"{model.d_model} numbers, or what circuits.direction gives"
    )


@checked
def direction(model: Model, words: pd.DataFrame | str, language: str, *, after: str = "") -> Targets:
    """The direction of the unembedding that tells one language from the others, as a target of `graph`.

    The mean over concepts of U[first token in the language], less the mean over languages of the same, where U is
    the unembedding. A concept whose word begins in another language with the same token is dropped and counted.

    Args:
        model: the model.
        words: frame of `wb.load_words`, a row a concept and a column a language, or a source for it.
        language: code of the language.
        after: text that the words follow, such as an opening quote or a space; tokenizers split words differently
            after a space, after a quote and at the start of a text.

    Returns:
        Targets of one direction; `record` has `concepts` and `dropped`, counts.

    Raises:
        UnknownLanguage: the words are not in this language.
        TooFewLanguages: they are in this language alone.
        BadArgument: all concepts were dropped.

    Source:
        After "Tracing multilingual representations" (arXiv 2511.10840), whose released code takes one concept and three
        languages.

    Example:
        >>> french = circuits.direction(model, wb.load_words(languages=["de", "en", "fr"]), "fr")       # doctest: +SKIP
        >>> circuits.graph(transcoder, model, prompt, target=french)                                    # doctest: +SKIP
    """
    frame = words if isinstance(words, pd.DataFrame) else load_words(words)
    language = required(language, frame.columns.tolist(), "is not among the words' languages")
    if frame.shape[1] < 2:
        raise TooFewLanguages(f"the words are in {language!r} alone; a direction tells it from others: give two")
    begins = token_ids(model.tokenizer, after)
    tokens = np.array([[_first(model, after, begins, word) for word in row] for row in frame.to_numpy()])
    column = frame.columns.tolist().index(language)
    own = tokens[:, column]
    distinct = ((tokens == own[:, None]).sum(1) == 1) & (tokens >= 0).all(1)
    if not distinct.any():
        raise BadArgument(f"all {len(frame)} concepts begin in another language as in {language!r}; give other words")
    weight = unembedding(model)[torch.from_numpy(tokens[distinct]).to(unembedding(model).device)].float()
    vector = weight[:, column].mean(0) - weight.mean((0, 1))
    counts = {"concepts": int(distinct.sum()), "dropped": int((~distinct).sum())}
    return single(f"direction of {language}", vector, languages=list(frame.columns), after=after, **counts)


def unembedding(model: Model) -> Tensor:
    """U [vocabulary, d], with what an adapter that is not merged adds to it."""
    return effective_weight(model.module.get_output_embeddings(), model.d_model).t().detach()


def _tokens(model: Model, tokens: list[int], logits: Tensor, *, weighted: bool) -> Targets:
    """Each token's unembedding less the mean over the vocabulary, weighted by its probability or by 1."""
    weight = unembedding(model)
    probabilities = logits.float().softmax(-1)[tokens].cpu().numpy().astype(float)
    weights = probabilities if weighted else np.ones(len(tokens))
    known = [token for token in tokens if token < len(model.tokenizer)]
    texts = dict(zip(known, token_texts(model.tokenizer, known), strict=True))
    names = tuple(texts.get(token) or f"<{token}>" for token in tokens)  # rows without a token have a number alone
    return Targets(names, weight[tokens].float() - weight.float().mean(0), weights, probabilities, tuple(tokens))


def _token(model: Model, prompt: str, ids: Sequence[int], word: str | int) -> int:
    """A token id, or the first token of a word as it follows the prompt, or else by itself."""
    if isinstance(word, int):
        token = whole_number("target", word, at_most=model.n_vocabulary - 1, why="a token id")
    else:
        whole = Divider(model.tokenizer).read(token_ids(model.tokenizer, prompt + word, special=True))
        token = token_after(ids, whole)
        token = token_alone(model.tokenizer, word) if token is None else token
    if token is None:
        raise BadArgument(f"target={word!r} has no token that is more than a space; give a word")
    check_ids(model.tokenizer, [token], model.n_vocabulary, f"target={word!r}", BadArgument)
    return int(token)


def _first(model: Model, after: str, begins: Sequence[int], word: Any) -> int:
    """The first token of a word after a text, -1 where there is none."""
    if not isinstance(word, str) or not word.strip():
        return -1
    if not after.strip():
        token = token_alone(model.tokenizer, after + word)
    else:
        token = token_after(begins, token_ids(model.tokenizer, after + word))
        token = token_alone(model.tokenizer, word) if token is None else token
    return -1 if token is None or token >= model.n_vocabulary else token


def _of_width(model: Model, targets: Targets) -> Targets:
    if targets.vectors.shape[1] != model.d_model:
        raise BadArgument(
            f"target has {targets.vectors.shape[1]} numbers; the final state of {model.name!r} has {model.d_model}"
        )
    return targets
