"""The built-in head scores by name."""

import functools
from collections.abc import Callable

import numpy as np
import xarray as xr

from workbench.heads.groups import AXES, SAMPLES
from workbench.heads.head_score import HeadScore
from workbench.heads.removal.baseline_rankings import magnitude, michel
from workbench.heads.score_draws import per_layer
from workbench.heads.scores.ablation import ablate
from workbench.heads.scores.lahis import importance
from workbench.heads.scores.shapley import shapley
from workbench.model.batching import texts_per_batch
from workbench.model.model import Model
from workbench.results.make import ROLE, SCORE
from workbench.results.scores import NORMED
from workbench.text.corpus import Corpus


def built_in(
    *, progress: bool, batch_size: int | str, seed: int, truncate: bool, permutations: int = 20, together: bool = False
) -> dict[str, HeadScore]:
    """Every built-in head score, with these options; in all of them high means that the language needs the head.

    `lahis`, `michel` and `gradient` of one model and corpus share their backward passes.

    `together` norms `michel` once over all languages, which weigh the same, as a ranking for removal needs it.
    """
    options = {"progress": progress, "batch_size": batch_size, "seed": seed, "truncate": truncate}
    passes: list[tuple[Model, Corpus, xr.Dataset]] = []

    def sloped(model: Model, corpus: Corpus) -> xr.Dataset:
        if not passes or passes[0][0] is not model or passes[0][1] is not corpus:
            passes[:] = [(model, corpus, importance(model, corpus, per_sample=True, **options))]
        return passes[0][2]

    def of_slopes(part: Callable[[np.ndarray], np.ndarray], normed: bool = False) -> HeadScore:
        def score(model: Model, corpus: Corpus) -> xr.Dataset:
            samples = part(sloped(model, corpus).sample_gradient.to_numpy().astype(float))
            mean = np.nanmean(samples, 1)
            result = _table(model, corpus, per_layer(mean) if normed else mean)
            result.score.attrs |= {NORMED: "layer"} if normed else {}
            return result.assign(sample_score=(SAMPLES, samples))

        return score

    def pooled(model: Model, corpus: Corpus) -> xr.Dataset:
        encoded = model.encode(corpus, truncate=truncate)
        return _table(model, corpus, michel(model, encoded, batch_size=texts_per_batch(batch_size)))

    return {
        **{how: functools.partial(ablate, how=how, **options) for how in ("zero", "mean", "resample")},
        "lahis": sloped,
        "lahis_released": functools.partial(importance, variant="released", **options),
        "michel": pooled if together else of_slopes(np.abs, normed=True),
        "gradient": of_slopes(np.negative),
        "shapley": functools.partial(shapley, permutations=permutations, **options),
        "magnitude": lambda model, corpus: _table(model, corpus, magnitude(model)),
        "random": lambda model, corpus: _table(
            model, corpus, np.random.default_rng(seed).random(_shape(model, corpus))
        ),
    }


def _table(model: Model, corpus: Corpus, values: np.ndarray) -> xr.Dataset:
    """A score [language, layer, head], or [layer, head] that is the same for every language."""
    table = np.broadcast_to(values, _shape(model, corpus))
    return xr.Dataset({"score": (AXES, table, {ROLE: SCORE})}, {"language": list(corpus.languages)})


def _shape(model: Model, corpus: Corpus) -> tuple[int, int, int]:
    return len(corpus.languages), model.n_layers, model.n_heads
