"""How well a transcoder fits single layers of a model: running sums over texts, of which only sums are stored."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.circuits.transcoders.states import measured, recorded_pass
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadTranscoder
from workbench.model.batching import by_length
from workbench.model.metrics import require_finite
from workbench.model.model import Model
from workbench.text.batches import Batch
from workbench.text.corpus import Corpus
from workbench.text.readers import load_corpus

_SENTENCES = 64  # shipped ones, on which a transcoder must explain something of every layer


@dataclass
class Means:
    """Sums of what each layer writes, by language: their mean is needed before variances can be added up."""

    transcoder: Transcoder
    languages: tuple[str, ...]
    total: Tensor = field(init=False)
    tokens: Tensor = field(init=False)

    def __post_init__(self) -> None:
        shape = (len(self.languages), len(self.transcoder.layers), self.transcoder.width)
        self.total = torch.zeros(shape, dtype=torch.float64)
        self.tokens = torch.zeros(len(self.languages), dtype=torch.int64)

    def add(self, model: Model, batch: Batch) -> None:
        """Add a batch."""
        batch = batch.to(model.device)
        own = measured(model, batch)
        _, _, written = recorded_pass(model, self.transcoder, batch)
        for sample, language in enumerate(batch.languages):
            k = self.languages.index(language)
            self.total[k] += written[:, sample, own[sample]].double().sum(1).cpu()
            self.tokens[k] += own[sample].sum().cpu()

    @property
    def by_language(self) -> Tensor:
        """Mean over the tokens of each language, [language, layer, d]; 0 where no token was read."""
        return self.total / self.tokens.clamp(min=1)[:, None, None]

    @property
    def overall(self) -> Tensor:
        """Mean over all tokens, [layer, d]."""
        return self.total.sum(0) / self.tokens.sum().clamp(min=1)


class Fit:
    """Sums of each text, [language, sample, layer]: squared errors and deviations, and active features.

    Attributes:
        residual: |y - yhat|^2, summed over the tokens of a text.
        variance: |y - mean of y in the language|^2, the same.
        active: active features, the same.
        tokens: tokens that were read, [language, sample].
        fired: whether a feature was active anywhere, [layer, feature] bool.
    """

    def __init__(self, transcoder: Transcoder, corpus: Corpus, means: Means):
        self.transcoder, self.means = transcoder, means
        shape = (len(corpus.languages), max(corpus.counts.values()))
        self.residual, self.variance, self.active = np.zeros((3, *shape, len(transcoder.layers)))
        self.tokens = np.zeros(shape, dtype=np.int64)
        self.fired = torch.zeros(len(transcoder.layers), transcoder.n_features, dtype=torch.bool)

    @torch.no_grad()
    def add(self, model: Model, batch: Batch) -> Tensor:
        """Add a batch on the model's device; gives the final normed states of its pass.

        Raises:
            NotFinite: a state is NaN or infinite; names the text.
        """
        own = measured(model, batch)
        final, read, written = recorded_pass(model, self.transcoder, batch)
        sample = own.nonzero()[:, 0]
        places = [self.means.languages.index(language) for language in batch.languages]
        means = self.means.by_language[places].to(written)
        fired = torch.zeros_like(self.fired)
        activations: list[Tensor] = []
        sums = torch.zeros(3, len(self.transcoder.layers), len(batch), dtype=torch.float64, device=own.device)
        for place in range(len(self.transcoder.layers)):
            states, truth = read[place][own], written[place][own]
            activations.append(self.transcoder.encode(place, states))
            guess = self.transcoder.output(place, activations, states)
            active = activations[place] != 0
            fired[place] = active.any(0).cpu()
            by_token = (
                (truth - guess).square().sum(-1),
                (truth - means[sample, place]).square().sum(-1),
                active.sum(-1),
            )
            for total, values in zip(sums[:, place], by_token, strict=True):
                total.index_add_(0, sample, values.double())
            if self.transcoder.kind == "per_layer":
                activations[place] = states.new_empty(0)  # read no more
        layers = [f"what layer {layer} reads or writes" for layer in self.transcoder.layers]
        require_finite(sums[:2].sum(0), batch, layers)
        rows = list(batch.rows)
        for table, values in zip((self.residual, self.variance, self.active), sums.cpu().numpy(), strict=True):
            table[places, rows] = values.T
        self.tokens[places, rows] = own.sum(1).cpu().numpy()
        self.fired |= fired
        return final

    def state(self) -> dict[str, Any]:
        """What batches change."""
        return {name: getattr(self, name) for name in ("residual", "variance", "active", "tokens", "fired")}

    @property
    def explained(self) -> np.ndarray:
        """1 - residual / variance, [language, layer]; NaN where nothing was read or nothing varies."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return 1 - self.residual.sum(1) / self.variance.sum(1)


def check_explains(transcoder: Transcoder, model: Model) -> None:
    """Refuse a transcoder that is no better than a constant in some layer; most read another site than it says.

    Measured on 64 shipped sentences in the shipped languages, each sentence in one of them.

    Raises:
        BadTranscoder: names the layers, and how much it explains there.
    """
    parallel = load_corpus("parallel")
    codes = parallel.languages
    texts = tuple(parallel.texts[codes[row % len(codes)]][row] for row in range(_SENTENCES))
    corpus = Corpus({"": texts}, aligned=False, source="parallel")
    transcoder = transcoder.to(model.device)
    batches = list(by_length(model, model.encode(corpus, truncate=True), batch_size=16))
    means = Means(transcoder, corpus.languages)
    for batch in batches:
        means.add(model, batch)
    fit = Fit(transcoder, corpus, means)
    for batch in batches:
        fit.add(model, batch.to(model.device))
    poor = [
        f"{layer} ({value:.2g})"
        for layer, value in zip(transcoder.layers, fit.explained[0], strict=True)
        if not value > 0
    ]
    if poor:
        raise BadTranscoder(
            f"it explains nothing of {model.name!r} in layers {', '.join(poor)} of {len(transcoder.layers)} (share of "
            f"the variance on {_SENTENCES} sentences); was it trained on this model and for long enough, and does it "
            f"read {transcoder.reads!r} and write {transcoder.writes!r}?"
        )
