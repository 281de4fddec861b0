"""Count how often every feature of a transcoder fires in every language, in one streaming pass."""

from functools import partial
from typing import Any

import numpy as np
import torch
import xarray as xr
from einops import rearrange
from torch import Tensor

from workbench.arguments import checked, whole_number
from workbench.circuits.features.reading import each_layer, fitting, without_front
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import TooLarge
from workbench.model.batching import streamed, texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.memory import budget, readable
from workbench.model.model import Model
from workbench.neurons.counts.firing import BATCH, Counter, counted
from workbench.neurons.counts.prefixes import Prefixes, prefix_tokens
from workbench.results.bootstrap import draw_counts
from workbench.results.make import Variables, make_result
from workbench.text.batches import Batch
from workbench.text.corpus import Corpus
from workbench.text.order import text_order

_CELLS = ("language", "layer", "feature")


# Long: the parameters are the method's own options.
@checked
@alone
def firing(
    transcoder: Transcoder,
    model: Model,
    corpus: Corpus,
    *,
    prefix: Corpus | None = None,
    moments: bool = False,
    sketch: bool = False,
    draws: int = 0,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Count the tokens at which each feature of a transcoder fires, by language.

    A feature fires at a token when its activation is above 0. Padding, the tokens of a chat template, and those that
    the tokenizer puts before every text are not counted: no transcoder is made for the last. The counts are those of
    `wb.neurons.firing` with features in place of neurons: `wb.neurons.lape`, `ternary`, `merge`, `means` and
    `quantiles` take them as they are. One layer's features exist at a time; memory does not grow with the corpus.

    Args:
        transcoder: the features.
        model: the model that it was made for.
        corpus: the texts.
        prefix: as in `wb.neurons.firing`.
        moments: also add up the activations and their squares; `swap_language` needs them.
        sketch: also count the activations by size, for `wb.neurons.quantiles`.
        draws: bootstrap draws over texts whose counts are added up in the same pass, for the intervals of `profile`:
            each text counts as often as it is drawn. Rows of an aligned corpus are drawn together, and repeated texts
            as one. 4 bytes for each draw, language and feature.

    Returns:
        `fired[language, layer, feature]` and `tokens[language]`, counts; `texts_fired`, in the axes of `fired`, the
        texts in which the feature fires at all, and `texts[language]`; `layer` holds the model's layers. With `moments`
        `total` and `squares`, with `sketch` `sketch[language, bin, layer, feature]`, with `prefix` the counts of the
        prefixes as `prefix_fired` ...; with `draws` `drawn_fired[draw, language, layer, feature]` and
        `drawn_tokens[draw, language]`.

    Raises:
        BadTranscoder: it is of a model of another shape.
        UnsupportedSite: the model lacks the sites that it reads or writes.
        BadCorpus: the prefixes do not begin the texts row by row.
        TooLarge: the draws exceed the model's memory.
        Interrupted: `partial` holds the counts of the batches that were finished.

    Example:
        >>> counts = wb.circuits.firing(transcoder, model, corpus)                               # doctest: +SKIP
        >>> wb.neurons.lape(counts).member.sum(("layer", "feature"))                             # doctest: +SKIP
    """
    size = texts_per_batch(batch_size, auto=BATCH)
    before = None if prefix is None else prefix_tokens(model, corpus, prefix)
    draws = whole_number("draws", draws)
    moved = fitting(transcoder, model)
    counter = _Counter(moved, model, corpus, moments, sketch, before, _drawn(corpus, draws, seed))
    batches = partial(streamed, model, corpus, batch_size=size, truncate=truncate)
    loop = counted(corpus, batches, counter.update, counter.state, progress=progress)
    result = make_result(
        counter.variables(),
        {"language": list(corpus.languages), "layer": list(transcoder.layers)},
        method="circuits.firing",
        parameters={
            "transcoder": transcoder.info,
            "prefix": prefix.info if prefix else None,
            "moments": moments,
            "sketch": sketch,
            "draws": draws,
            "truncate": truncate,
        },
        model=model.info,
        corpus=corpus.info,
        seed=seed,
    )
    return loop.result(result)


def _drawn(corpus: Corpus, draws: int, seed: int) -> np.ndarray | None:
    """How often each draw contains each text, [language, text, draw]; None without draws.

    Texts are drawn in canonical order, so that the intervals do not depend on theirs.
    """
    if not draws:
        return None
    counts = list(corpus.counts.values())
    times = np.zeros((len(counts), max(counts), draws), dtype=np.float32)
    for k, order in enumerate(text_order(corpus, joint=True)):
        clusters = corpus.row_clusters[k][order]
        times[k, order] = draw_counts(clusters, draws, [seed, 0 if corpus.aligned else k], multinomial=True).T
    return times


class _Counter:
    """The counts of `wb.neurons.firing` for features, those of texts, and those of each bootstrap draw."""

    def __init__(
        self,
        transcoder: Transcoder,
        model: Model,
        corpus: Corpus,
        moments: bool,
        sketch: bool,
        prefixes: Prefixes | None,
        times: np.ndarray | None,
    ):
        self.transcoder, self.model, self.languages, self.times = transcoder, model, corpus.languages, times
        units = (len(transcoder.layers), transcoder.n_features)
        self.counts = Counter(model, corpus.languages, moments=moments, sketch=sketch, prefixes=prefixes, units=units)
        shape, device = (len(corpus.languages), *units), model.device
        self.texts = torch.zeros(shape[0], dtype=torch.int64, device=device)
        self.texts_fired = torch.zeros(shape, dtype=torch.int64, device=device)
        self.drawn: dict[str, Tensor] = {}
        if times is not None:
            needed = 4 * times.shape[2] * int(np.prod(shape))
            if needed > budget(model):
                raise TooLarge(f"draws={times.shape[2]} need {readable(needed)} of memory; draw fewer")
            for name, axes in {"fired": shape, "tokens": shape[:1]}.items():  # whole numbers, exact below 2^24
                self.drawn[f"drawn_{name}"] = torch.zeros((times.shape[2], *axes), device=device)

    @torch.no_grad()
    def update(self, batch: Batch) -> None:
        """Count one batch; an interrupted batch counts nothing."""
        batch = without_front(self.model, batch.to(self.model.device))
        by_text = self.counts.weights(batch)  # [part, sample, position]
        weights = rearrange(by_text, "part sample position -> part (sample position)")
        fired, part = torch.zeros_like(self.counts.fired), self.counts.strength.blank()
        own = batch.counted.float()
        per_text = torch.zeros(len(batch), *self.texts_fired.shape[1:], device=self.model.device)

        def visit(place: int, activations: Tensor) -> None:
            fires, flat = (activations > 0).float(), "sample position feature -> (sample position) feature"
            fired[:, place] = (weights @ rearrange(fires, flat)).round().long()
            per_text[:, place] = torch.einsum("sp,spf->sf", own, fires)
            if part.sums:
                part.update(place, rearrange(activations, flat), weights)

        each_layer(self.transcoder, self.model, batch, visit)
        self.counts.add(fired, weights, part)
        self._add_texts(batch, own, per_text)

    def _add_texts(self, batch: Batch, own: Tensor, per_text: Tensor) -> None:
        """Add counts of each text, [sample, layer, feature]; own [sample, position] is 1 at counted tokens."""
        rows = torch.tensor([self.languages.index(language) for language in batch.languages], device=own.device)
        self.texts += torch.bincount(rows, minlength=len(self.languages))
        self.texts_fired.index_add_(0, rows, (per_text > 0).long())
        if self.times is None:
            return
        times = torch.from_numpy(self.times[rows.cpu().numpy(), list(batch.rows)]).to(own)  # [sample, draw]
        for k in rows.unique().tolist():
            mine = rows == k
            drawn = torch.einsum("sd,slf->dlf", times[mine], per_text[mine])
            self.drawn["drawn_fired"][:, k] += drawn.round()
            self.drawn["drawn_tokens"][:, k] += (times[mine].T @ own[mine].sum(1)).round()

    @property
    def state(self) -> dict[str, Any]:
        """What batches add to, from which a run resumes."""
        return {**self.counts.state, "texts": self.texts, "texts_fired": self.texts_fired, **self.drawn}

    def variables(self) -> Variables:
        """What was counted, as variables of a Result."""
        about = "in each bootstrap draw over texts [tokens]"
        axes = {"drawn_fired": ("draw", *_CELLS), "drawn_tokens": ("draw", "language")}
        what = {"drawn_fired": f"tokens at which the feature fires {about}", "drawn_tokens": f"tokens read {about}"}
        return {
            **self.counts.variables("feature"),
            "texts": (("language",), self.texts.cpu(), "texts read [texts]"),
            "texts_fired": (_CELLS, self.texts_fired.cpu(), "texts in which the feature fires [texts]"),
            **{name: (axes[name], values.cpu(), what[name]) for name, values in self.drawn.items()},
        }
