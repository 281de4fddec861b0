"""Expert neurons: units whose mean activation detects one language among the others (Kojima et al. 2024)."""

from functools import partial

import numpy as np
import xarray as xr
from einops import rearrange

from workbench.arguments import checked, whole_number
from workbench.errors import NotFinite, TooFewLanguages
from workbench.model.batching import streamed, texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.neurons.counts.activity import mean, per_text
from workbench.results.average_precision import average_precision
from workbench.results.make import Variables, make_result
from workbench.results.resuming.stoppable import Stoppable
from workbench.text.corpus import Corpus

_PAPER = 1000  # neurons at each end
_AXES = ("language", "layer", "neuron")
_CHUNK = 4_000_000  # text x neuron cells that are sorted at once


@checked
@alone
def experts(
    model: Model,
    corpus: Corpus,
    *,
    count: int | None = None,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Rank neurons by how well they detect each language, by average precision.

    A text's score is the unit's mean activation over its real tokens (what the down projection reads). The average
    precision of language k is that of these scores as a detector of k's texts among all texts:
    sum over thresholds of (recall gained) * precision, texts of equal score at one threshold, as in scikit-learn.

    Args:
        model: the model.
        corpus: texts by language; the other languages are the negatives.
        count: neurons to take at each end; None is the paper's 1,000, or a twentieth of the model's where that is less.
        seed: nothing is drawn here; recorded for symmetry with the other analyses.

    Returns:
        `average_precision[language, layer, neuron]`, from 0 to 1; `top` and `bottom`, the `count` neurons of highest
        and lowest, bool; `member`, either of them; `chance[language]`, the share of the texts that are the language's,
        near which an uninformative neuron lies. Ties go to the earlier layer, then neuron.

    Raises:
        TooFewLanguages: fewer than two languages.
        BadArgument: `count` below 1, or more than half of the neurons.
        UnsupportedSite: the architecture's neurons cannot be read.
        NotFinite: an activation is NaN.
        Interrupted: Ctrl-C; there is no partial result, since each number needs all texts.

    Source:
        arXiv 2404.02431; released code github.com/kojima-takeshi188/lang_neuron (AP of responses to texts; top and
        bottom 1,000). Memory is texts x neurons float32.

    Example:
        >>> detectors = experts(model, corpus)                                                     # doctest: +SKIP
        >>> wb.neurons.knockout(model, corpus, detectors)                                        # doctest: +SKIP
    """
    model.require("neuron")
    if len(corpus.languages) < 2:
        raise TooFewLanguages(f"detecting a language needs at least two; {corpus.source} has {corpus.languages}")
    neurons = model.n_layers * model.n_neurons
    taken = min(_PAPER, max(1, neurons // 20)) if count is None else count
    whole_number("count", taken, at_least=1, at_most=neurons // 2, why=f"{neurons} neurons have two ends")
    scores, labels = _scores(model, corpus, texts_per_batch(batch_size), truncate, progress)
    precision = np.empty((len(corpus.languages), neurons))
    width = max(1, _CHUNK // len(scores))
    for start in range(0, neurons, width):
        part = slice(start, start + width)
        precision[:, part] = average_precision(scores[:, part], labels)
    if np.isnan(precision).any():
        raise NotFinite(f"{model.name!r} has neurons whose mean activation is NaN")
    top, bottom = _first(-precision, taken), _first(precision, taken)
    cells = {
        "average_precision": (precision, "average precision as a detector of the language"),
        "top": (top, "among the highest average precisions"),
        "bottom": (bottom, "among the lowest average precisions"),
        "member": (top | bottom, "among the highest or lowest average precisions"),
    }
    shape = (len(precision), model.n_layers, model.n_neurons)
    variables: Variables = {name: (_AXES, values.reshape(shape), about) for name, (values, about) in cells.items()}
    chance = (("language",), labels.mean(1), "share of the texts that are the language's")
    return make_result(
        {**variables, "chance": chance},
        {"language": list(corpus.languages)},
        method="neurons.experts",
        score="average_precision",
        parameters={"count": taken, "truncate": truncate},
        model=model.info,
        corpus=corpus.info,
        seed=seed,
    )


def _first(values: np.ndarray, count: int) -> np.ndarray:
    """Which cells of each row have its `count` lowest values; of equal ones the earlier."""
    mask = np.zeros(values.shape, dtype=bool)
    np.put_along_axis(mask, np.argsort(values, axis=1, kind="stable")[:, :count], True, 1)
    return mask


def _scores(model: Model, corpus: Corpus, size: int, truncate: bool, progress: bool) -> tuple[np.ndarray, np.ndarray]:
    """Mean activations [text, layer * neuron] float32, and which text is of which language, [language, text]."""
    rows, languages = [], []
    state = {"rows": rows, "languages": languages}

    def finished() -> str:
        return f"interrupted after {len(languages)} of {len(corpus)} texts; experts need all"

    with Stoppable("experts", len(corpus), "text", finished, progress=progress) as loop:
        for batch in loop.steps(partial(streamed, model, corpus, batch_size=size, truncate=truncate), state):
            means = rearrange(per_text(model, batch, mean), "sample layer neuron -> sample (layer neuron)")
            rows.append(means.cpu().numpy())
            languages += batch.languages
    loop.result(None)
    labels = np.array([[of_text == language for of_text in languages] for language in corpus.languages])
    return np.concatenate(rows), labels
