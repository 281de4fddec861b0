"""Quality: how much of each layer a transcoder explains in each language, and what the model predicts with it."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
import xarray as xr

from workbench.arguments import checked, one_of
from workbench.circuits.transcoders.fit import Fit, Means
from workbench.circuits.transcoders.predictions import MEASURES, MODES, Mode, predictions
from workbench.circuits.transcoders.states import sites_in_norms
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.model.batching import streamed, texts_per_batch
from workbench.model.forward.alone import turn
from workbench.model.forward.fused_attention import fused
from workbench.model.model import Model
from workbench.results.bootstrap import draw_counts, ends_of_draws
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.resuming.stoppable import Stoppable
from workbench.results.statistics import interval, mean_of_known
from workbench.text.batches import Batch
from workbench.text.corpus import Corpus
from workbench.text.order import sort_texts

_RESAMPLES = 1000
_CELLS = ("language", "layer")
_WORDS = {
    "nll": "mean negative log-likelihood [nats]",
    "kl": "Kullback-Leibler divergence of the changed predictions from the model's own [nats]",
    "agreement": "share of the tokens whose likeliest prediction is the model's own",
}


# Long: what is measured, and the shared options.
@checked
def quality(
    transcoder: Transcoder,
    model: Model,
    corpus: Corpus,
    *,
    modes: Sequence[str] = MODES,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Measure how well a transcoder stands in for what a model's layers write, mostly its MLPs.

    Single layers are read in the unchanged model. Then the whole model runs with every output of these layers
    replaced at once, so that errors add up: by what the transcoder writes from the states of that same run
    (`"replaced"`), and, as the control that any transcoder must beat, by the mean output of the corpus
    (`"mean_ablated"`). The tokens that the tokenizer puts before a text (BOS) keep their own outputs and enter no
    number, neither as states nor as what a prediction is made from. Two passes over the corpus and one for each mode;
    memory does not grow with it.

    It also measures a sparse autoencoder, which reads and writes one site of the residual stream.

    Args:
        transcoder: of this model.
        model: the model.
        corpus: texts that it was not trained on.
        modes: of the runs in which outputs are replaced; none leaves them out.

    Returns:
        `explained[language, layer]`, 1 - sum |y - yhat|^2 / sum |y - mean y|^2 over tokens, with the mean of the
        language: 1 is exact, 0 no better than a constant. `l0[language, layer]`, active features at a token.
        `dead[layer]`, the share of the features that are active nowhere in the corpus. With modes, `nll`, `kl` and
        `agreement` `[mode, language]`, means over texts of means over their tokens: the loss; the divergence of the
        changed predictions from the model's own; how often both have the same likeliest token. `baseline[language]`,
        the loss of the unchanged model at the same tokens. All but `dead` and `baseline` with their bootstrap
        intervals over distinct texts, `explained_low` ...; `tokens[language]` and `predicted[language]` are what was
        read.

    Raises:
        BadTranscoder: the transcoder is of a model of another shape.
        UnsupportedSite: the model lacks a site that it reads or writes.
        NotFinite: a state or a prediction is NaN or infinite.
        TooLarge: a text exceeds the context and `truncate` is off.
        Interrupted: `partial` holds the texts that were read.

    Source:
        Ameisen et al. 2025, "Circuit Tracing", transformer-circuits.pub, section "Evaluating the replacement model";
        arXiv 2511.10840. The intervals are ours.

    Example:
        >>> wb.circuits.quality(transcoder, model, wb.load_corpus(split="test"))               # doctest: +SKIP
    """
    chosen: list[Mode] = [mode for mode in MODES if mode in {one_of("modes", each, MODES) for each in modes}]
    size = texts_per_batch(batch_size)
    transcoder = transcoder.to(model.device)
    measures = _Measures(transcoder, model, corpus, chosen)
    steps = partial(streamed, model, corpus, batch_size=size, truncate=truncate)
    with (
        turn(model),
        fused(model, on=not sites_in_norms(model, transcoder)),
        Stoppable("quality", 2 * len(corpus), "text", measures.finished, progress=progress) as loop,
    ):
        for batch in loop.steps(steps, {"total": measures.means.total, "tokens": measures.means.tokens}):
            measures.means.add(model, batch)
        for batch in loop.steps(steps, measures.state()):
            measures.add(batch.to(model.device))
    result = make_result(
        measures.variables(level, seed),
        {"language": list(corpus.languages), "layer": list(transcoder.layers), **({"mode": chosen} if chosen else {})},
        method="circuits.quality",
        parameters={
            "transcoder": transcoder.info,
            "modes": chosen,
            "level": level,
            "batch_size": size,
            "truncate": truncate,
        },
        model=model.info,
        corpus=corpus.info,
        seed=seed,
    )
    return loop.result(result)


class _Measures:
    """The numbers of every text, filled in batch by batch; NaN until then."""

    def __init__(self, transcoder: Transcoder, model: Model, corpus: Corpus, modes: list[Mode]):
        self.transcoder, self.model, self.corpus, self.modes = transcoder, model, corpus, modes
        self.means = Means(transcoder, corpus.languages)
        self.fit = Fit(transcoder, corpus, self.means)
        shape = self.fit.tokens.shape
        self.baseline = np.full(shape, np.nan)
        self.changed = np.full((len(modes), len(MEASURES), *shape), np.nan)
        self.predicted = np.zeros(shape, dtype=np.int64)

    def add(self, batch: Batch) -> None:
        """Measure a batch."""
        final = self.fit.add(self.model, batch)
        if not self.modes:
            return
        means = self.means.overall.to(self.model.device, torch.float32)
        clean, changed, tokens = predictions(self.model, self.transcoder, batch, final, means, self.modes)
        at = ([self.corpus.languages.index(language) for language in batch.languages], list(batch.rows))
        self.baseline[at], self.predicted[at] = clean, tokens
        self.changed[:, :, at[0], at[1]] = changed

    def state(self) -> dict[str, Any]:
        """What batches fill in."""
        own = {"baseline": self.baseline, "changed": self.changed, "predicted": self.predicted}
        return {**self.fit.state(), **own}

    def finished(self) -> str:
        """How many texts were measured, in words."""
        return f"interrupted: {int((self.fit.tokens > 0).sum())} of {len(self.corpus)} texts are in .partial"

    def variables(self, level: float, seed: int) -> Variables:
        """The Result's variables."""
        fit = self.fit
        how = {"level": level, "seed": seed}
        tokens = np.broadcast_to(fit.tokens[..., None], fit.active.shape)
        poor, poor_ends = self._ratio(fit.residual, fit.variance, **how)
        active, active_ends = self._ratio(fit.active, tokens, **how)
        ends = (1 - poor_ends[1], 1 - poor_ends[0])
        nowhere = np.where(fit.tokens.any(), 1 - fit.fired.double().mean(1).numpy(), np.nan)
        of = "{} over texts"
        variables: Variables = {
            "explained": (_CELLS, 1 - poor, "share of the variance that is explained"),
            **interval_ends(_CELLS, ends, of.format("explained"), level=level, name="explained"),
            "l0": (_CELLS, active, "active features at a token"),
            **interval_ends(_CELLS, active_ends, of.format("l0"), level=level, name="l0"),
            "dead": (("layer",), nowhere, "share of the features that are active nowhere"),
            "tokens": (("language",), fit.tokens.sum(1), "tokens read [tokens]"),
        }
        return {**variables, **(self._predictions(level, seed) if self.modes else {})}

    def _predictions(self, level: float, seed: int) -> Variables:
        """Variables of the runs in which outputs are replaced."""
        axes, baseline = ("mode", "language"), mean_of_known(self.baseline, -1)
        variables: Variables = {
            "baseline": (axes[1:], baseline, "mean negative log-likelihood of the model [nats]"),
            "predicted": (("language",), self.predicted.sum(1), "tokens that are predicted [tokens]"),
        }
        clusters = sort_texts(self.corpus, self.corpus.clusters, joint=False)
        for place, name in enumerate(MEASURES):
            samples = sort_texts(self.corpus, self.changed[:, place], joint=False)
            variables[name] = (axes, mean_of_known(samples, -1), _WORDS[name])
            bounds = interval(samples, axis=2, level=level, seed=seed, clusters=clusters)
            of = f"{name} over texts" + ("" if name == "agreement" else " [nats]")
            variables |= interval_ends(axes, bounds, of, level=level, name=name)
        return variables

    def _ratio(
        self, top: np.ndarray, bottom: np.ndarray, *, level: float, seed: int
    ) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Ratios of sums over texts [language, sample, layer], and their bootstrap intervals, [language, layer]."""
        read = sort_texts(self.corpus, self.fit.tokens, joint=False) > 0
        top, bottom = (sort_texts(self.corpus, np.array(values), joint=False, axis=0) for values in (top, bottom))
        clusters = sort_texts(self.corpus, self.corpus.clusters, joint=False)
        low, high = np.full((2, len(top), top.shape[2]), np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            for k, own in enumerate(read):
                if len(np.unique(clusters[k, own])) < 2:
                    continue
                drawn = draw_counts(clusters[k, own], _RESAMPLES, seed)
                ratios = (drawn @ top[k, own]) / (drawn @ bottom[k, own])
                low[k], high[k] = ends_of_draws(ratios, level)
            return top.sum(1) / bottom.sum(1), (low, high)
