"""States: the residual stream after each layer, a vector for each text, and its moments by language."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from workbench.errors import TooFewLanguages, warn
from workbench.model.batching import streamed, texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.forward.record import record
from workbench.model.model import Model
from workbench.text.batches import Batch
from workbench.text.corpus import Corpus
from workbench.text.languages import required

Positions = Literal["last", "all"]
"""Of a text: its last real token, or the mean over its tokens, without those that the tokenizer puts before it."""


@dataclass(frozen=True)
class Moments:
    """Moments of the states of texts, float64.

    Attributes:
        mean: [language, layer, d]; layer i is the residual stream after layer i.
        variance: over the texts of each language, [language, layer, d].
        length: mean length of the state of the last token over all texts, [layer].
        rows: the states themselves, [language, row, layer, d] float32, if they were collected; else empty.
    """

    mean: np.ndarray
    variance: np.ndarray
    length: np.ndarray
    rows: np.ndarray


# Long: what is counted, and how.
@alone
def moments(
    model: Model,
    corpus: Corpus,
    *,
    positions: Positions = "last",
    permuted: bool = False,
    collect: bool = False,
    truncate: bool = False,
    progress: bool = False,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> Moments:
    """Moments by language of the states of a corpus; memory does not grow with it, unless the states are collected.

    Args:
        model: the model.
        corpus: texts of two languages or more; those of an unaligned one may differ in what they say, with a warning.
        positions: whose state is that of a text.
        permuted: shuffle the labels: of an aligned corpus within each row, else over all texts.
        collect: keep the states.
        truncate: cut long texts.
        progress: show a progress bar.
        batch_size: texts side by side.
        seed: of the permutation.

    Raises:
        TooFewLanguages: fewer than two languages.
        NotFinite: a state is NaN or infinite.
    """
    codes = list(corpus.languages)
    if len(codes) < 2:
        raise TooFewLanguages(f"directions of languages need two or more; {corpus.source} has {', '.join(codes)}")
    if not corpus.aligned:
        warn(f"{corpus.source} is not aligned: what its texts are about may differ between the languages, too")
    labels = _labels(corpus, seed if permuted else None)
    shape = (len(codes), model.n_layers, model.d_model)
    total, squares, length, count = np.zeros(shape), np.zeros(shape), np.zeros(model.n_layers), np.zeros(len(codes))
    rows = np.zeros((len(codes), max(corpus.counts.values()), *shape[1:]) if collect else (0,), dtype=np.float32)
    size = texts_per_batch(batch_size)
    with tqdm(total=len(corpus), desc="states", unit="text", disable=not progress) as bar:
        for batch in streamed(model, corpus, batch_size=size, truncate=truncate):
            states, norms = text_states(model, batch, positions)
            for text, state in enumerate(states.double().cpu().numpy()):
                row = batch.rows[text]
                language = labels[codes.index(batch.languages[text]), row]
                total[language] += state
                squares[language] += state**2
                count[language] += 1
                if collect:
                    rows[language, row] = state
            length += norms.double().sum(0).cpu().numpy()
            bar.update(len(batch))
    mean = total / count[:, None, None]
    variance = np.maximum(squares / count[:, None, None] - mean**2, 0)
    return Moments(mean, variance, length / count.sum(), rows)


@torch.no_grad()
def text_states(model: Model, batch: Batch, positions: Positions) -> tuple[Tensor, Tensor]:
    """The state of each text of a batch padded on the right, and the length of that of its last token.

    Returns:
        [text, layer, d] and [text, layer], float32.
    """
    recording = record(model, batch)
    own = recording.batch.counted.bool()
    places = torch.arange(own.shape[1], device=own.device)
    last = (own * places).argmax(1)
    texts = torch.arange(len(batch), device=own.device)
    after = recording.residual[1:]
    ends = torch.stack([states[texts, last].float() for states in after], 1)
    if positions == "last":
        return ends, ends.norm(dim=-1)
    own = own & ((places >= len(model.front)) | (places == last[:, None]))
    weights = own / own.sum(1, keepdim=True)
    means = torch.stack([torch.einsum("tp,tpd->td", weights, _finite(states, own)) for states in after], 1)
    return means, ends.norm(dim=-1)


def _finite(states: Tensor, own: Tensor) -> Tensor:
    """States float32 with zeros where they are not read: padding may be NaN."""
    return torch.where(own[..., None], states.float(), 0.0)


def _labels(corpus: Corpus, seed: int | None) -> np.ndarray:
    """The language that each text counts for, [language, row] int; its own without a seed."""
    counts = list(corpus.counts.values())
    labels = np.repeat(np.arange(len(counts))[:, None], max(counts), 1)
    if seed is None:
        return labels
    generator = np.random.default_rng(seed)
    if corpus.aligned:
        return generator.permuted(labels, axis=0)
    real = np.arange(max(counts)) < np.array(counts)[:, None]
    labels[real] = generator.permutation(labels[real])
    return labels


def against(means: np.ndarray, pivot: int | None) -> np.ndarray:
    """What each language [language, ...] is compared with: the mean of the others, or the pivot."""
    if pivot is not None:
        return np.broadcast_to(means[pivot], means.shape)
    return (means.sum(0) - means) / (len(means) - 1)


def pivot_index(pivot: str | None, languages: tuple[str, ...]) -> int | None:
    """The place of the pivot among the languages.

    Raises:
        UnknownLanguage: it is none of them.
    """
    return None if pivot is None else languages.index(required(pivot, languages, "is not in this corpus"))
