"""Overlap: whether translations of one text share more features than texts that say something else."""

from functools import partial
from itertools import combinations

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.arguments import checked, whole_number
from workbench.circuits.features.reading import each_layer, fitting, without_front
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadCorpus, TooFewLanguages
from workbench.model.batching import streamed, texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.resuming.stoppable import Stoppable
from workbench.results.statistics import corrected, interval, mean_of_known
from workbench.text.corpus import Corpus
from workbench.text.order import text_order

_PAIR = ("language", "other", "layer")


@checked
@alone
def overlap(
    transcoder: Transcoder,
    model: Model,
    corpus: Corpus,
    *,
    permutations: int = 999,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Compare the active features of translations with those of texts that are no translations, by layer.

    The active set of a text is the features that fire at any of its tokens; padding, a chat template and what the
    tokenizer puts before every text are left out. Jaccard's index of two sets is what they share, divided by what
    either has. Two texts share features that fire often whatever they say: raw overlap is frequency. So beside the
    index of aligned rows stands that of *shuffled rows*, every text against the other language's other rows, and
    `excess` is the difference: what the same row adds. Rows that repeat one another are never shuffled against each
    other.

    Args:
        transcoder: the features.
        model: the model that it was made for.
        corpus: aligned texts: row i says the same in every language.
        permutations: how often the rows are permuted, each language on its own, for the p-values; the smallest
            p-value is 1 / (permutations + 1).

    Returns:
        Over all pairs of languages, by layer: `jaccard[layer]`, `shuffled[layer]`, `excess[layer]`, each with `_low`
        and `_high`, bootstrap intervals over rows, and `p_value[layer]`, the share of permutations with as large an
        index. For each pair `pair_jaccard[language, other, layer]`, `pair_shuffled`, `pair_excess`, `pair_p_value`, NaN
        on the diagonal. `active[language, layer]`, the mean number of active features of a text. p-values are corrected
        over the cells of their variable (Benjamini-Hochberg).

    Raises:
        BadTranscoder: it is of a model of another shape.
        BadCorpus: the corpus is not aligned, or has fewer than three rows that differ.
        TooFewLanguages: fewer than two languages.
        UnsupportedSite: the model lacks the sites that it reads or writes.
        Interrupted: Ctrl-C; there is no partial result, since each number needs all texts.

    Source:
        After arXiv 2511.10840; the shuffled rows are ours.

    Example:
        >>> shared = wb.circuits.overlap(transcoder, model, wb.load_corpus())                    # doctest: +SKIP
        >>> shared.excess, shared.p_value                                                        # doctest: +SKIP
    """
    whole_number("permutations", permutations, at_least=1)
    if not corpus.aligned:
        raise BadCorpus(f"{corpus.source} is not aligned: overlap compares row i of one language with that of another")
    if len(corpus.languages) < 2:
        raise TooFewLanguages(f"overlap compares two languages or more; {corpus.source} has {corpus.languages}")
    order = text_order(corpus, joint=True)[0]
    clusters = corpus.row_clusters[0][order]
    if len(np.unique(clusters)) < 3:
        raise BadCorpus(f"{corpus.source} has fewer than three different rows; shuffled rows need more")
    moved = fitting(transcoder, model)
    active = _active(moved, model, corpus, texts_per_batch(batch_size), truncate, progress)[:, order]
    generator = np.random.default_rng(seed)
    rows = np.stack(
        [
            np.stack([generator.permutation(len(order)) for _ in corpus.languages])  # [language, row]
            for _ in range(permutations)
        ]
    )
    each = [_layer(torch.from_numpy(active[:, :, place]), clusters, rows) for place in range(active.shape[2])]
    sizes = np.unpackbits(active, axis=-1).sum(-1, dtype=np.int64).mean(1)  # [language, layer]
    return make_result(
        {
            **_variables(each, len(corpus.languages), clusters, level, seed),
            "active": (("language", "layer"), sizes, "mean number of active features of a text [features]"),
        },
        {"language": list(corpus.languages), "other": list(corpus.languages), "layer": list(transcoder.layers)},
        method="circuits.overlap",
        owners={"excess": ["p_value"], "pair_excess": ["pair_p_value"]},
        parameters={
            "transcoder": transcoder.info,
            "permutations": permutations,
            "level": level,
            "truncate": truncate,
        },
        model=model.info,
        corpus=corpus.info,
        seed=seed,
    )


def _active(
    transcoder: Transcoder, model: Model, corpus: Corpus, size: int, truncate: bool, progress: bool
) -> np.ndarray:
    """Which features are active in each text, [language, row, layer, byte of 8 features]."""
    wide = -(-transcoder.n_features // 8)
    languages, rows = corpus.languages, next(iter(corpus.counts.values()))
    bits = np.zeros((len(languages), rows, len(transcoder.layers), wide), dtype=np.uint8)
    done = np.zeros((), dtype=np.int64)  # texts

    def finished() -> str:
        return f"interrupted after {done} of {len(corpus)} texts; overlap needs all"

    with Stoppable("overlap", len(corpus), "text", finished, progress=progress) as loop:
        batches = partial(streamed, model, corpus, batch_size=size, truncate=truncate)
        for batch in loop.steps(batches, {"bits": bits, "done": done}):
            batch = without_front(model, batch.to(model.device))
            real = batch.counted.bool()[:, :, None]
            at = [languages.index(language) for language in batch.languages], list(batch.rows)

            def visit(place: int, activations: Tensor, real: Tensor = real, at: tuple = at) -> None:
                fires = ((activations > 0) & real).any(1)
                bits[(*at, place)] = np.packbits(fires.cpu().numpy(), axis=-1)

            each_layer(transcoder, model, batch, visit)
            done += len(batch)
    loop.result(None)
    return bits


def _layer(active: Tensor, clusters: np.ndarray, permuted: np.ndarray) -> dict[str, np.ndarray]:
    """Indices of one layer's active sets [language, row, byte], for each pair of languages.

    Args:
        active: the sets, packed.
        clusters: of the rows, [row].
        permuted: rows of each language in each permutation, [permutation, language, row].

    Returns:
        `aligned[pair, row]`; `shuffled[pair, row]`, the mean of a row of either language against the other rows of the
        other; `permuted[permutation, pair]`. NaN where neither text has an active feature.
    """
    sets = torch.from_numpy(np.unpackbits(active.numpy(), axis=-1)).float()
    sizes = sets.sum(-1).double()
    other = clusters[:, None] != clusters[None]
    parts: dict[str, list[np.ndarray]] = {"aligned": [], "shuffled": [], "permuted": []}
    for k, j in combinations(range(len(sets)), 2):
        both = (sets[k] @ sets[j].T).double()  # whole numbers, exact below 2^24
        either = sizes[k][:, None] + sizes[j][None] - both
        index = (both / either).numpy()  # 0 / 0 is NaN
        apart = np.where(other, index, np.nan)
        parts["aligned"].append(np.diag(index))
        parts["shuffled"].append((mean_of_known(apart, 1) + mean_of_known(apart, 0)) / 2)
        parts["permuted"].append(mean_of_known(index[permuted[:, k], permuted[:, j]], 1))
    return {
        "aligned": np.stack(parts["aligned"]),
        "shuffled": np.stack(parts["shuffled"]),
        "permuted": np.stack(parts["permuted"], 1),
    }


def _variables(
    each: list[dict[str, np.ndarray]], languages: int, clusters: np.ndarray, level: float, seed: int
) -> Variables:
    """Variables of the Result, of what `_layer` gives for each layer."""
    aligned, shuffled, permuted = (
        np.stack([layer[name] for layer in each], -1) for name in ("aligned", "shuffled", "permuted")
    )  # [pair, row, layer] twice, [permutation, pair, layer]
    rows = {"jaccard": aligned, "shuffled": shuffled, "excess": aligned - shuffled}
    about = {
        "jaccard": "Jaccard index of the active features of aligned rows",
        "shuffled": "Jaccard index of the active features of rows that say something else",
        "excess": "Jaccard index of aligned rows beyond that of shuffled rows",
    }
    variables: Variables = {}
    for name, values in rows.items():
        means = mean_of_known(values, 0)  # [row, layer]
        ends = interval(means, level=level, seed=seed, clusters=clusters[:, None])
        variables[name] = (("layer",), mean_of_known(means, 0), f"{about[name]}, over pairs of languages")
        variables |= interval_ends(("layer",), ends, f"{name} over rows", level=level, name=name)
    p = corrected(_p(mean_of_known(mean_of_known(aligned, 0), 0), mean_of_known(permuted, 1)))
    variables["p_value"] = (("layer",), p, "p-value that excess is 0, corrected")
    for name, values in rows.items():
        variables[f"pair_{name}"] = (_PAIR, _square(mean_of_known(values, 1), languages), about[name])
    p = corrected(_p(mean_of_known(aligned, 1), permuted))
    variables["pair_p_value"] = (_PAIR, _square(p, languages), "p-value that pair_excess is 0, corrected")
    return variables


def _p(observed: np.ndarray, permuted: np.ndarray) -> np.ndarray:
    """The share of permutations [permutation, ...cell] that reach the observed number [...cell], itself counted."""
    reached = (permuted >= observed - 1e-12).sum(0) + 1  # sums in another order differ by rounding
    return np.where(np.isnan(observed), np.nan, reached / (len(permuted) + 1))


def _square(values: np.ndarray, languages: int) -> np.ndarray:
    """Values of pairs [pair, layer] as [language, other, layer], the same both ways and NaN on the diagonal."""
    square = np.full((languages, languages, values.shape[-1]), np.nan)
    for (k, j), value in zip(combinations(range(languages), 2), values, strict=True):
        square[k, j] = square[j, k] = value
    return square
