"""Kinds: where each head attends in each language, to be read beside its importance."""

from functools import partial

import numpy as np
import torch
import xarray as xr
from einops import rearrange
from torch import Tensor

from workbench.arguments import checked
from workbench.heads.finished_languages import in_words
from workbench.heads.groups import AXES
from workbench.model.batching import by_language, texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.hooks import after, hooked
from workbench.model.memory import budget
from workbench.model.model import Model
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.resuming.stoppable import Stoppable
from workbench.results.statistics import interval, mean_of_known
from workbench.text.batches import Batch
from workbench.text.corpus import Corpus
from workbench.text.order import sort_texts

KINDS = {
    "previous": "mean attention to the token before the current one [share]",
    "first": "mean attention to the first token [share]",
    "current": "mean attention to the current token itself [share]",
    "same": "mean attention to earlier occurrences of the current token [share]",
    "induction": "mean attention to the tokens after earlier occurrences of the current token [share]",
    "entropy": "mean entropy of the attention [nats]",
    "distance": "mean distance looked back [tokens]",
}
_COPIES = 6  # of a layer's pattern that exist at one time, about: scores, mask, softmax, logarithm, products


@checked
@alone
def kinds(
    model: Model,
    corpus: Corpus,
    *,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Where each head attends: previous, first, current and same token, induction, entropy and distance, per language.

    Each number is the mean over the positions of a text, then over texts. The first position, which can only attend to
    itself, is left out, and so is all that the tokenizer puts before a text (BOS, mostly). With i < q and token i =
    token q, `same` is the attention from q to all such i, and `induction` that to all i + 1 that lie before q; both are
    means over the positions q that have such an i, or i + 1; texts without one do not count there.

    An attention of 0.3 to the previous token means little in texts of four tokens. So beside each measure stands
    `uniform_...`: its value in these texts for a head that attends equally to all tokens so far.

    In a chat the positions are those of the text's own tokens; they may attend to the template's.

    Patterns are reduced layer by layer and not stored; with sliding windows they are those of the model.

    Args:
        model: the model.
        corpus: texts by language.

    Returns:
        `previous`, `first`, `current`, `same`, `induction` (shares of the attention, 0 to 1), `entropy` (nats) and
        `distance` (tokens), each [language, layer, head], each with its bootstrap percentile interval over distinct
        texts, such as `previous_low` and `previous_high` (NaN with fewer than two texts), and with
        `uniform_previous[language]` and so on. NaN where no text of a language has a position that counts.

    Raises:
        BadArgument: `level` or `batch_size` out of range.
        UnsupportedSite: the architecture has no attention pattern that can be read.
        TooLarge: a text exceeds the context and `truncate` is off.
        Interrupted: Ctrl-C; `partial` holds the languages that were finished, NaN elsewhere.

    Source:
        Previous-token and induction heads: Olsson et al. 2022 (arXiv 2209.11895); duplicate-token heads: Wang et al.
        2022 (arXiv 2211.00593).

    Example:
        >>> result = wb.heads.kinds(model, corpus)                                               # doctest: +SKIP
        >>> wb.figures.heatmap(result, "induction")                                              # doctest: +SKIP
    """
    size = texts_per_batch(batch_size)
    model.require("pattern")
    encoded = model.encode(corpus, truncate=truncate)
    longest = max(len(text.ids) for text in encoded)
    fits = max(1, budget(model) // 2 // (_COPIES * 4 * model.n_heads * longest**2))
    place = {language: k for k, language in enumerate(corpus.languages)}
    counts = np.array(list(corpus.counts.values()))
    shape = (len(KINDS), len(counts), int(counts.max()))
    measures = np.full((*shape, model.n_layers, model.n_heads), np.nan)
    uniform, finished = np.full(shape, np.nan), np.zeros(len(counts), np.int64)
    state = {"found": measures, "uniform": uniform, "seen": finished}
    batches = by_language(model, encoded, batch_size=min(size, fits))
    stopped = partial(in_words, corpus.languages, lambda: finished == counts)
    with Stoppable("kinds of heads", len(encoded), "text", stopped, progress=progress) as loop:
        for batch in loop.steps(batches, state):
            batch = batch.to(model.device)
            k, rows, weights = place[batch.languages[0]], list(batch.rows), _weights(batch)
            for layer, values in _reduced(model, batch, weights).items():
                measures[:, k, rows, layer] = values
            uniform[:, k, rows] = _reduce(_uniform(batch), weights, batch)[..., 0]
            finished[k] += len(batch)
    whole = (finished == counts)[None, :, None]
    measured = np.where(whole[..., None, None], measures, np.nan)
    result = make_result(
        _variables(measured, np.where(whole, uniform, np.nan), corpus, level, seed),
        {"language": list(corpus.languages)},
        method="heads.kinds",
        parameters={"level": level, "batch_size": size, "truncate": truncate},
        model=model.info,
        corpus=corpus.info,
        seed=seed,
    )
    return loop.result(result)


@torch.no_grad()
def _reduced(model: Model, batch: Batch, weights: Tensor) -> dict[int, np.ndarray]:
    """The measures of every layer's pattern in one pass: layer to [kind, sample, head]."""
    by_layer: dict[int, np.ndarray] = {}

    def reduce(layer: int, pattern: Tensor) -> None:
        by_layer[layer] = _reduce(pattern, weights, batch)

    hooks = [after(model.hook_point("pattern", i), partial(reduce, i)) for i in range(model.n_layers)]
    with hooked(hooks, once="attention patterns"):
        model.states(batch)
    return by_layer


def _weights(batch: Batch) -> Tensor:
    """Weights of a pattern's sums: [sample, kind without entropy, query, key], 0 or 1, or the distance."""
    real = batch.mask.bool()
    place = batch.mask.cumsum(1) - 1
    query, key = place[:, :, None], place[:, None]
    pair = _counted(batch)[:, :, None] & real[:, None] & (key <= query)
    before = batch.ids.roll(1, 1)  # the first token has none; it is not counted
    weights = {
        "previous": key == query - 1,
        "first": key == 0,
        "current": key == query,
        "same": (key < query) & (batch.ids[:, :, None] == batch.ids[:, None]),
        "induction": (key < query) & (key >= 1) & (batch.ids[:, :, None] == before[:, None]),
        "distance": query - key,
    }
    return torch.stack([look * pair for look in weights.values()], 1).float()


def _counted(batch: Batch) -> Tensor:
    """Positions that are averaged over, [sample, query] bool: all that count but a text's first."""
    return batch.counted.bool() & (batch.mask.cumsum(1) > 1)


def _reduce(pattern: Tensor, weights: Tensor, batch: Batch) -> np.ndarray:
    """Means over the positions that count, of a pattern [sample, head, query, key]: [kind, sample, head]."""
    counted = _counted(batch).float()
    pattern = pattern.float().masked_fill(counted[:, None, :, None] == 0, 0.0)
    total = torch.einsum("shqk,stqk->tsh", pattern, weights)
    counts = counted.sum(1).repeat(weights.shape[1], 1)  # [kind, sample]
    counts[3:5] = (weights[:, 3:5] > 0).any(3).sum(2).T.float()  # same and induction: positions that have any such key
    means = torch.where(counts[..., None] > 0, total / counts[..., None], torch.nan)
    entropy = -torch.xlogy(pattern, pattern).sum((2, 3)) / counted.sum(1)[:, None]
    return torch.cat([means[:5], entropy[None], means[5:]]).double().cpu().numpy()


def _uniform(batch: Batch) -> Tensor:
    """The pattern of a head that attends equally to all tokens so far: [sample, 1, query, key]."""
    real, place = batch.mask.bool(), batch.mask.cumsum(1) - 1
    seen = real[:, None] & (place[:, None] <= place[:, :, None])
    return (seen / (place + 1).clamp(min=1)[:, :, None])[:, None]


def _variables(measures: np.ndarray, uniform: np.ndarray, corpus: Corpus, level: float, seed: int) -> Variables:
    """The Result's variables from [kind, language, sample, layer, head] and [kind, language, sample]."""
    variables: Variables = {}
    own = sort_texts(corpus, corpus.clusters)
    for (name, described), measured, alike in zip(KINDS.items(), measures, uniform, strict=True):
        samples = sort_texts(corpus, rearrange(measured, "language sample layer head -> layer head language sample"))
        bounds = interval(samples, axis=3, level=level, seed=seed, clusters=own)  # [layer, head, language]
        unit = described[described.index("[") :]
        variables[name] = (AXES, mean_of_known(measured, 1), described)
        ends = [rearrange(end, "layer head language -> language layer head") for end in bounds]
        variables |= interval_ends(AXES, ends, f"{name} over texts {unit}", level=level, name=name)
        words = f"{name} of a head that attends alike {unit}"
        variables[f"uniform_{name}"] = (("language",), mean_of_known(alike, 1), words)
    return variables
