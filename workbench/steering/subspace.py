"""Subspaces: the few directions of the residual stream in which languages differ, and what they have in common."""

import numpy as np
import xarray as xr

from workbench.arguments import checked, whole_number
from workbench.model.model import Model
from workbench.results.make import Variables, make_result
from workbench.steering.vectors.decompose import decompose, inside
from workbench.steering.vectors.states import Positions, against, moments, pivot_index
from workbench.text.corpus import Corpus

_EACH = ("language", "layer", "d")


# Long: the options of the states and of the split.
@checked
def subspace(
    model: Model,
    corpus: Corpus,
    *,
    rank: int | None = None,
    pivot: str | None = None,
    positions: Positions = "last",
    permuted: bool = False,
    truncate: bool = False,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Split the mean states of languages into a common part and the subspace in which the languages differ.

    With M the means of a layer as columns, one for each language: min |M - a 1' - W G'|^2 over a orthogonal to W. Then
    P = W W' projects onto the subspace of languages, and a = m - P m with m the mean of the columns.

    Args:
        model: the model.
        corpus: aligned texts of two languages or more.
        rank: components, at most one less than languages; that many when None.
        pivot: the language that the shifts start from; the mean of the other languages when None.
        positions: the state of a text is that of its `"last"` token, or the mean over `"all"` its tokens but those that
            the tokenizer puts before it.
        permuted: shuffle the languages within each row, a control: the subspace of nothing.
        seed: of the permutation.

    Returns:
        `mean[language, layer, d]`, where layer i is the residual stream after layer i; `agnostic[layer, d]`, a;
        `basis[layer, component, d]`, W, orthonormal, with zeros where a layer has fewer components;
        `shift[language, layer, d]`, the part in the subspace of a language's mean less that of the pivot;
        `explained[layer]`, the share of the variance between means that lies in the subspace; and
        `residual_norm[layer]`, the mean length of a state at a text's last token.

    Raises:
        TooFewLanguages: fewer than two languages.
        BadArgument: a rank that does not exist.
        UnknownLanguage: the pivot is not in the corpus.
        NotFinite: a state is NaN or infinite.

    Source:
        Zhao et al. 2024, Lens (arXiv 2410.04407).

    Example:
        >>> space = wb.steering.subspace(model, wb.load_corpus("parallel"), rank=4)              # doctest: +SKIP
        >>> with wb.steering.project(model, space):                                              # doctest: +SKIP
        ...     wb.generate(model, "Der Hund")
    """
    origin = pivot_index(pivot, corpus.languages)
    most = len(corpus.languages) - 1
    if rank is not None and most:
        whole_number("rank", rank, at_least=1, at_most=most, why="one less than languages")
    how = {"truncate": truncate, "progress": progress, "batch_size": batch_size, "seed": seed}
    measured = moments(model, corpus, positions=positions, permuted=permuted, **how)
    splits = [decompose(measured.mean[:, layer], rank or most) for layer in range(model.n_layers)]
    basis = np.stack([split.basis for split in splits])
    difference = measured.mean - against(measured.mean, origin)
    variables: Variables = {
        "basis": (("layer", "component", "d"), basis, "orthonormal components of the subspace of languages"),
        "explained": (
            ("layer",),
            np.array([split.explained for split in splits]),
            "share of the variance between the languages' means that lies in the subspace",
        ),
        "mean": (_EACH, measured.mean, "mean state after the layer"),
        "agnostic": (("layer", "d"), np.stack([split.agnostic for split in splits]), "part that languages share"),
        "shift": (_EACH, inside(difference, basis), "part in the subspace of the mean less the pivot's"),
        "residual_norm": (("layer",), measured.length, "mean length of the state of a text's last token"),
    }
    return make_result(
        variables,
        {"language": list(corpus.languages)},
        method="steering.subspace",
        parameters={
            "rank": basis.shape[1],
            "pivot": None if origin is None else corpus.languages[origin],
            "positions": positions,
            "permuted": permuted,
            "truncate": truncate,
        },
        model=model.info,
        corpus=corpus.info,
        seed=seed,
    )
