"""Lens: tune the last layers of a model towards its subspace of languages, and write the tuned model."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import xarray as xr

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument, BadCorpus
from workbench.merging.checkpoint import Checkpoint
from workbench.merging.diffing.put_back import place_of, plain_name
from workbench.merging.recipes.lens_training import LensTraining, NormedSpace, check_languages, train
from workbench.merging.writing.merge import Dtype, check_merge, record_of, write_merge
from workbench.model.load import load_model
from workbench.text.batches import Encoded
from workbench.text.corpus import Corpus
from workbench.text.languages import meaning

_SHARE = 2 / 32  # of the layers are trained


# Long: the options of the training are in `recipe`; these are where it reads and writes.
@checked
def lens(
    model: str | Path,
    rows: Corpus,
    subspace: xr.Dataset,
    *,
    out: str | Path,
    pivot: str = "en",
    layers: Sequence[int] | None = None,
    recipe: LensTraining | None = None,
    dtype: Dtype | None = None,
    progress: bool = True,
    seed: int = 0,
    truncate: bool = False,
) -> Path:
    """Tune the last layers so that languages say the same in the common part of their states, and differ in their own.

    With h a text's mean state after the final norm, each step lowers the sum of three mean squared differences: retain,
    between h and that of the frozen model, on the pivot; align, between the common parts P_a h of each language and of
    the pivot; separate, between P h of each language and P h of the frozen model on the pivot plus the language's
    shift. Only layers are trained, the embedding, the final norm and the head are not.

    The subspace is measured before the final norm and carried through it with the states' mean length, where the
    authors measure it after the norm.

    Args:
        model: a model's name or folder.
        rows: an aligned corpus with the pivot.
        subspace: of this model, as `wb.steering.subspace` returns it, with a mean of each language. The shifts are
            those from `pivot` here, whichever it was measured with.
        out: folder to write, which is not there yet; `merge.json` has the recipe and the losses.
        pivot: the language that stays in place.
        layers: to train; when None the last 2 of 32, or as large a share of another depth, one at least.
        recipe: hyperparameters; those of the authors when None. With weights of 0 nothing is trained, and the folder's
            weights are the model's, byte for byte.
        dtype: of the weights; default: that of the model. Small steps are lost in bfloat16.
        seed: of the order of rows.

    Returns:
        The folder, which `load_model` takes.

    Raises:
        BadArgument: a layer or language that is not there, or a model whose parameters are not those of its files.
        BadCorpus: rows that are not aligned.
        BadResult: a subspace of another model.
        NotFinite: the loss is NaN or infinite; nothing is written.
        CannotWrite: the folder is there already, or cannot be written.

    Source:
        Zhao et al. 2024, Lens (arXiv 2410.04407).

    Example:
        >>> wb.merging.lens("polyglot", wb.load_corpus(limit=200), space, out="runs/lens")       # doctest: +SKIP
    """
    if not rows.aligned:
        raise BadCorpus(f"{rows.source} is not aligned; a row has to say the same in every language")
    stored, recipe = Checkpoint.open(model), recipe or LensTraining()
    check_merge(out, stored, dtype=dtype, members=[stored])
    loaded = load_model(model, dtype="float32")
    pivot = meaning(pivot, rows.languages)[0] or pivot
    space = NormedSpace.of(loaded, subspace, pivot)
    check_languages(rows.languages, pivot, space)
    chosen = _last(loaded.n_layers) if layers is None else [*layers]
    if not chosen:
        raise BadArgument("layers=[] trains nothing; name a layer, or leave it out for the last ones")
    for layer in chosen:
        whole_number("layers", layer, at_most=loaded.n_layers - 1)
    named = {plain_name(name): weight for name, weight in loaded.module.named_parameters()}
    trained = {name: weight for name, weight in named.items() if place_of(name)[0] in chosen}
    if missing := sorted(set(trained) - set(stored.names)):
        raise BadArgument(
            f"{stored.name!r} stores no {missing[0]}: its projections are fused, and cannot be trained like this"
        )
    history = []
    if any(recipe.weights.values()):
        for weight in named.values():
            weight.requires_grad_(False)
        for weight in trained.values():
            weight.requires_grad_(True)
        encoded: dict[int, list[Encoded]] = {}
        for text in loaded.encode(rows, truncate=truncate):
            encoded.setdefault(text.row, []).append(text)
        weights = list(trained.values())
        history = train(loaded, encoded, pivot, space, weights, recipe, seed=seed, progress=progress)
    flat = {name: weight.detach().cpu().flatten() for name, weight in trained.items()} if history else {}
    parameters = {
        **asdict(recipe),
        "pivot": pivot,
        "layers": chosen,
        "seed": seed,
        "corpus": rows.info,
        "loss": history,
    }
    return write_merge(
        out,
        stored,
        {"trained": lambda name, start, stop: flat[name][start:stop], "model": stored.piece},
        {name: "trained" if name in flat else "model" for name in stored.names},
        record_of("merging.lens", {"model": stored}, parameters),
        dtype=dtype,
        members=[stored],
        progress=progress,
    )


def _last(layers: int) -> list[int]:
    """The last layers, as many of these as 2 are of 32, one at least."""
    return list(range(layers - max(1, round(_SHARE * layers)), layers))
