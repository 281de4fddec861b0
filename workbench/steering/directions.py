"""Directions: for each language a vector of the residual stream, whose addition should move a model towards it."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr

from workbench.arguments import checked, whole_number
from workbench.errors import BadCorpus
from workbench.model.model import Model
from workbench.results.make import Variables, make_result
from workbench.steering.vectors.kinds import difference, principal, shift, sparse
from workbench.steering.vectors.layers import at_layers
from workbench.steering.vectors.states import Moments, Positions, moments, pivot_index
from workbench.text.corpus import Corpus

Kind = Literal["difference", "pca", "subspace", "sparse"]


# Long: the options of the states and of each kind.
@checked
def directions(
    model: Model,
    corpus: Corpus,
    *,
    kind: Kind = "difference",
    layer: int | Sequence[int] | None = None,
    pivot: str | None = None,
    positions: Positions = "last",
    rank: int | None = None,
    coordinates: int | None = None,
    permuted: bool = False,
    truncate: bool = False,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Compute a direction of each language after each layer, from the states of texts.

    `"difference"`: the mean over a language's texts less the mean over the other languages, or less the pivot's.
    `"pca"`: of the same differences row by row, the first principal component (not centred), as long as their mean is
    along it. `"subspace"`: the part of the difference in the subspace in which languages differ (see `subspace`).
    `"sparse"`: the difference in the few coordinates where it is largest beside its spread over texts, 0 elsewhere.

    Args:
        model: the model.
        corpus: texts of two languages or more, best aligned: row by row the same, so that only language differs.
        kind: which.
        layer: layers to fill; every one when None, elsewhere the direction is 0.
        pivot: the language that a direction starts from, whose own is 0; the mean of the others when None.
        positions: the state of a text is that of its `"last"` token, or the mean over `"all"` its tokens but those that
            the tokenizer puts before it.
        rank: of the subspace; one less than languages when None.
        coordinates: of a sparse direction; a hundredth of the width when None.
        permuted: shuffle the languages within each row, a control.
        seed: of the permutation.

    Returns:
        `direction[language, layer, d]`, in the units of the residual stream; layer i is the stream after layer i.
        `length[language, layer]`, its length, and `residual_norm[layer]`, the mean length of a state at a text's last
        token. `.sel(language="de")` is what `wb.model.edited`, `wb.generate` and `wb.evaluation` take as `directions=`;
        `scaled` chooses layers and strength.

    Raises:
        TooFewLanguages: fewer than two languages.
        BadCorpus: pca of a corpus that is not aligned.
        BadArgument: a layer, rank or number of coordinates that does not exist.
        UnknownLanguage: the pivot is not in the corpus.
        NotFinite: a state is NaN or infinite.

    Source:
        Difference of means: Rimsky et al. 2024 (arXiv 2312.06681), for languages Gurgurov et al. 2026, CLaS-Bench
        (arXiv 2601.08331); pca: Zou et al. 2023 (arXiv 2310.01405); subspace: Zhao et al. 2024 (arXiv 2410.04407);
        sparse: after Zhong et al. 2025 (arXiv 2510.07213), who overwrite the coordinates; the choice is ours.

    Example:
        >>> vectors = wb.steering.directions(model, wb.load_corpus("parallel"))                  # doctest: +SKIP
        >>> german = wb.steering.scaled(vectors.sel(language="de"), strength=0.5, layers=3)      # doctest: +SKIP
        >>> wb.generate(model, "The dog", directions=german)                                     # doctest: +SKIP
    """
    origin, most = pivot_index(pivot, corpus.languages), len(corpus.languages) - 1
    if rank is not None and most:
        whole_number("rank", rank, at_least=1, at_most=most, why="one less than languages")
    width = model.d_model
    count = max(1, width // 100) if coordinates is None else coordinates
    whole_number("coordinates", count, at_least=1, at_most=width)
    at_layers(np.zeros(model.n_layers), layer)
    if kind == "pca" and not corpus.aligned:
        raise BadCorpus(f"{corpus.source} is not aligned: pca compares row by row; use kind='difference'")
    measured = moments(
        model,
        corpus,
        positions=positions,
        permuted=permuted,
        collect=kind == "pca",
        truncate=truncate,
        progress=progress,
        batch_size=batch_size,
        seed=seed,
    )
    vectors = at_layers(_vectors(kind, measured, origin, rank or most, count), layer, axis=1)
    variables: Variables = {
        "length": (("language", "layer"), np.linalg.norm(vectors, axis=2), "length of the direction"),
        "direction": (("language", "layer", "d"), vectors, "what is added to the residual stream after the layer"),
        "residual_norm": (("layer",), measured.length, "mean length of the state of a text's last token"),
    }
    parameters = {"kind": kind, "layers": layer, "pivot": None if origin is None else corpus.languages[origin]}
    parameters |= {"positions": positions, "permuted": permuted, "truncate": truncate}
    parameters |= {"subspace": {"rank": rank or most}, "sparse": {"coordinates": count}}.get(kind, {})
    return make_result(
        variables,
        {"language": list(corpus.languages)},
        method="steering.directions",
        parameters=parameters,
        model=model.info,
        corpus=corpus.info,
        seed=seed,
    )


def _vectors(kind: Kind, measured: Moments, pivot: int | None, rank: int, coordinates: int) -> np.ndarray:
    """Directions of a kind, [language, layer, d]."""
    if kind == "pca":
        return principal(measured, pivot)
    if kind == "subspace":
        return shift(measured, pivot, rank)
    return sparse(measured, pivot, coordinates) if kind == "sparse" else difference(measured, pivot)
