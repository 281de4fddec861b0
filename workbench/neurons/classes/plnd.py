"""PLND, parallel language-specific neuron detection: what a neuron's removal does to its layer (Zhao et al. 2024)."""

from functools import partial

import numpy as np
import torch
import xarray as xr

from workbench.arguments import checked
from workbench.errors import NotFinite, TooFewLanguages
from workbench.model.batching import streamed, texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.neurons.classes.ranking import check_share, how_many
from workbench.neurons.counts.activity import down_norms, per_text, root_mean_square
from workbench.results.make import Variables, make_result
from workbench.results.resuming.stoppable import Stoppable
from workbench.text.corpus import Corpus

_AXES = ("language", "layer", "neuron")


@checked
@alone
def plnd(
    model: Model,
    corpus: Corpus,
    *,
    top_rate: float = 0.05,
    often: float = 0.9,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Measure how much each layer's MLP output changes when a neuron is removed, for all neurons at once.

    The down projection is linear, so removing neuron n changes the output at a token by its activation times its row of
    the projection. A text's impact is the root mean square over its real tokens of the length of that change: exactly
    what removing neurons one by one gives, without removing any. A neuron is consistent in a language when it is among
    the round(N * top_rate) of largest impact in its layer in at least `often` of the language's texts.

    Args:
        model: the model.
        corpus: texts by language.
        top_rate: share of a layer's neurons that count as activated by a text.
        often: share of the texts in which a consistent neuron is activated.
        seed: nothing is drawn here; recorded for symmetry with the other analyses.

    Returns:
        `impact[language, layer, neuron]`, mean over texts; `activated[language, layer, neuron]`, the share of texts;
        `consistent`, `member` (consistent in this language and in no other), bool; `shared[layer, neuron]`, consistent
        in every language. Memory does not grow with the corpus.

    Raises:
        TooFewLanguages: fewer than two languages.
        BadArgument: `top_rate` or `often` out of range.
        UnsupportedSite: the architecture's neurons cannot be read.
        NotFinite: an activation is NaN or infinite.
        Interrupted: `partial` holds the means over the texts that were finished.

    Source:
        arXiv 2402.18815. It takes the neurons whose impact exceeds a threshold in all texts of a language; shares of
        a layer and of the texts make that comparable between models, and `often=1` is the paper's "all".

    Example:
        >>> classes = plnd(model, corpus)                                                          # doctest: +SKIP
        >>> classes.member.sum(("layer", "neuron"))                                              # doctest: +SKIP
    """
    model.require("neuron")
    top_rate, often = check_share("top_rate", top_rate, closed=True), check_share("often", often, closed=True)
    if len(corpus.languages) < 2:
        raise TooFewLanguages(f"comparing languages needs at least two; {corpus.source} has {corpus.languages}")
    count = how_many(model.n_neurons, top_rate)
    size = texts_per_batch(batch_size)
    norms = down_norms(model).to(model.device)
    shape = (len(corpus.languages), model.n_layers, model.n_neurons)
    impact, active = np.zeros(shape), np.zeros(shape, dtype=np.int64)
    seen = np.zeros(shape[0], dtype=np.int64)
    state = {"impact": impact, "active": active, "seen": seen}

    def finished() -> str:
        return f"interrupted after {int(seen.sum())} of {len(corpus)} texts; their means are in .partial"

    with Stoppable("plnd", len(corpus), "text", finished, progress=progress) as loop:
        for batch in loop.steps(partial(streamed, model, corpus, batch_size=size, truncate=truncate), state):
            impacts = per_text(model, batch, root_mean_square) * norms
            if not bool(torch.isfinite(impacts).all()):
                raise NotFinite(f"{model.name!r} has activations that are NaN or infinite")
            largest = torch.zeros_like(impacts, dtype=torch.bool)
            # stable sorting gives ties to the earlier neuron
            largest.scatter_(2, impacts.argsort(dim=2, descending=True, stable=True)[..., :count], True)
            place = [corpus.languages.index(language) for language in batch.languages]
            np.add.at(impact, place, impacts.double().cpu().numpy())
            np.add.at(active, place, largest.long().cpu().numpy())
            np.add.at(seen, place, 1)
    result = make_result(
        _variables(impact, active, seen, often),
        {"language": list(corpus.languages)},
        method="neurons.plnd",
        score="impact",
        parameters={"top_rate": top_rate, "often": often, "truncate": truncate},
        model=model.info,
        corpus=corpus.info,
        seed=seed,
    )
    return loop.result(result)


def _variables(impact: np.ndarray, active: np.ndarray, seen: np.ndarray, often: float) -> Variables:
    """The Result's variables, from sums over texts [language, layer, neuron] and how many were seen [language]."""
    texts = np.where(seen > 0, seen, np.nan)[:, None, None]
    share = active / texts
    consistent = share >= often - 1e-9
    return {
        "impact": (_AXES, impact / texts, "length of the change of the layer's MLP output without the neuron"),
        "activated": (_AXES, share, "share of the texts in which the neuron is among its layer's largest impacts"),
        "consistent": (_AXES, consistent, "activated in most texts of the language"),
        "member": (_AXES, consistent & (consistent.sum(0) == 1), "consistent in this language alone"),
        "shared": (_AXES[1:], consistent.all(0), "consistent in every language"),
    }
