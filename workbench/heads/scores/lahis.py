"""LAHIS: how much each head matters for each language, from one backward pass per batch (arXiv 2511.07498)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.arguments import checked, one_of
from workbench.heads.finished_languages import in_words
from workbench.heads.groups import AXES, SAMPLES
from workbench.heads.scores.streaming import DRAWS, Squares, forms, weights
from workbench.model.batching import by_language, texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.forward.optimizer import adam_state
from workbench.model.gradients import head_gradient
from workbench.model.model import Model
from workbench.results.bootstrap import ends_of_draws
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.resuming.progress import resumed
from workbench.results.resuming.stoppable import Stoppable
from workbench.results.statistics import corrected
from workbench.text.batches import Batch, Encoded, collate
from workbench.text.corpus import Corpus

VARIANTS = ("paper", "released")
_RATE = 1e-2  # of AdamW, released variant
_UNITS = {"paper": "nats", "released": "millinats"}


@checked
@alone
def importance(
    model: Model,
    corpus: Corpus,
    *,
    variant: str = "paper",
    per_sample: bool = False,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Language Attention Head Importance Scores (LAHIS, Liu et al. 2025, arXiv 2511.07498).

    A mask m [layer, head], all ones, multiplies each head's output before W_O; g = dNLL/dm of one text. A negative g
    means that the loss falls when the head gets stronger: the head helps this text.

    `variant="paper"` is the definition: the mean over texts of |m g| 1(g < 0), with m fixed at one. Texts are
    independent, so neither their order nor the batch size matters.

    `variant="released"` is what the authors' code computes (github.com/Linuxin-xxx/LAHIS, `get_attn_head_matrix`): the
    product of two means, mean(|g| m * 1000) * fraction(g m < 0), where m starts at one for every language and takes a
    step of AdamW (learning rate 1e-2; torch's defaults otherwise, so betas 0.9 and 0.999 and a weight decay of 0.01 on
    every entry) against the loss after each text. Both means read the mask that the text saw. The order of the texts
    matters: they are taken as given (the authors shuffle theirs with a fixed seed). Each text is a step of its own;
    only languages run side by side. Differences to that code: mask and sums are float32 or wider, where theirs are
    bfloat16; and `head_mask=` is not used, because today's transformers ignores it for Llama.

    Args:
        model: the model.
        corpus: texts by language, 1,000 per language of at most 2,048 tokens in the paper.
        variant: `"paper"` or `"released"`.
        per_sample: also return each text's gradient.
        batch_size: texts (released: languages) side by side; `"auto"` is 32.

    Returns:
        `importance[language, layer, head]` in nats (released: thousandths of a nat), with `low` and `high`, its
        bootstrap percentile interval over distinct texts (released: along this one order of texts); `p_value`,
        two-sided one-sample t-test that the mean g is 0, Benjamini-Hochberg corrected over all cells;
        `gradient[language, layer, head]`, mean g in nats; `nll[language]`, mean loss of the texts in nats (released:
        with the mask they saw); with `per_sample`, `sample_gradient[language, sample, layer, head]`, NaN where a
        language has fewer texts than another; released: `mask[language, layer, head]`, m after the last text.

    Raises:
        BadArgument: an unknown variant, level or batch size.
        UnsupportedSite: edits of head outputs do not work in this architecture.
        NotFinite: a loss or gradient is NaN or infinite.
        TooLarge: a text exceeds the context and `truncate` is off.
        Interrupted: Ctrl-C; `partial` holds the languages that were finished, NaN elsewhere.

    Example:
        >>> import workbench as wb
        >>> result = wb.heads.importance(wb.load_model(), wb.load_corpus(limit=20))        # doctest: +SKIP
        >>> result.importance.sel(language="de").argmax(...)                               # doctest: +SKIP
    """
    one_of("variant", variant, VARIANTS)
    size = texts_per_batch(batch_size)
    model.require("head")
    encoded = model.encode(corpus, truncate=truncate)
    totals = _Totals(model, corpus, encoded, per_sample, level, seed, variant)
    how, shape = {"variant": variant, "per_sample": per_sample}, (model.n_layers, model.n_heads)
    masks = {language: torch.nn.Parameter(torch.ones(shape, device=model.device)) for language in corpus.languages}
    run = _fixed(model, encoded, size, totals) if variant == "paper" else _stepped(model, encoded, size, totals, masks)
    stopped = partial(in_words, corpus.languages, lambda: totals.finished)
    with Stoppable(f"importance ({variant})", len(encoded), "text", stopped, progress=progress) as loop:
        for batch, mask, gradient, losses in run:
            totals.add(batch, mask, gradient, losses)
            loop.bar.update(len(batch))
    variables = totals.variables()
    if variant == "released":
        last = np.stack([masks[language].detach().cpu().numpy() for language in corpus.languages])
        last[~totals.finished] = np.nan
        variables["mask"] = (AXES, last, "mask after the last text")
    result = make_result(
        variables,
        {"language": corpus.languages},
        method="heads.importance",
        owners={"importance": ["low", "high", "p_value"], "gradient": ["p_value"]},
        score="importance",
        parameters={**how, "level": level, "batch_size": size, "truncate": truncate},
        model=model.info,
        corpus=corpus.info,
        seed=seed,
    )
    return loop.result(result)


_Pass = tuple[Batch, Tensor, Tensor, Tensor]  # batch, the mask it saw and its gradient [sample, layer, head], its loss


def _fixed(model: Model, encoded: list[Encoded], size: int, totals: "_Totals") -> Iterator[_Pass]:
    """One backward pass per batch with every mask at one."""
    for batch in resumed(by_language(model, encoded, batch_size=size), totals.state()):
        gradient, losses = head_gradient(model, batch)
        yield batch, torch.ones_like(gradient), gradient, losses


def _stepped(
    model: Model, encoded: list[Encoded], size: int, totals: "_Totals", masks: dict[str, torch.nn.Parameter]
) -> Iterator[_Pass]:
    """Row after row; a batch holds one text of each language, whose own mask then takes a step of AdamW."""
    optimizer = torch.optim.AdamW(list(masks.values()), lr=_RATE)  # state and steps are counted per parameter
    rows = sorted({text.row for text in encoded})
    for row in resumed(rows, {**totals.state(), **adam_state(optimizer, **masks)}):
        texts = [text for text in encoded if text.row == row]
        for start in range(0, len(texts), size):
            part = texts[start : start + size]
            batch = collate(part, model.pad_id)
            mask = torch.stack([masks[language].detach() for language in batch.languages])  # [sample, layer, head]
            gradient, losses = head_gradient(model, batch, mask)
            yield batch, mask, gradient, losses
            optimizer.zero_grad()
            for language, slope in zip(batch.languages, gradient, strict=True):
                masks[language].grad = slope.clone()
            optimizer.step()


@dataclass
class _Totals:
    """Running sums in float64, per language; memory does not grow with the corpus unless samples are stored."""

    model: Model
    corpus: Corpus
    encoded: list[Encoded]
    per_sample: bool
    level: float
    seed: int
    variant: str

    def __post_init__(self) -> None:
        counts, self.paper = self.corpus.counts, self.variant == "paper"
        cells = (len(counts), self.model.n_layers, self.model.n_heads)
        self.place = {language: i for i, language in enumerate(counts)}
        self.worked, self.magnitude, self.negative = (np.zeros(cells) for _ in range(3))
        self.squares = Squares(self.corpus.clusters, cells[1:])
        self.forms = forms(self.encoded, self.place, self.corpus.clusters)
        # The sums of a bootstrap over texts, updated text by text: memory does not grow with the corpus.
        self.drawn = np.zeros((2, cells[0], DRAWS, *cells[1:]))
        self.weight = np.zeros((cells[0], DRAWS))
        self.loss, self.count = np.zeros(len(counts)), np.zeros(len(counts), dtype=np.int64)
        if self.per_sample:
            shape = (cells[0], max(counts.values()), *cells[1:])
            self.samples = np.full(shape, np.nan, dtype=np.float32)

    def add(self, batch: Batch, mask: Tensor, gradient: Tensor, losses: Tensor) -> None:
        """Add a batch: mask and gradient [sample, layer, head], losses [sample]."""
        slopes, masks = gradient.cpu().double().numpy(), mask.cpu().double().numpy()
        for i, (language, row) in enumerate(zip(batch.languages, batch.rows, strict=True)):
            k, g, m = self.place[language], slopes[i], masks[i]
            self.worked[k] += np.abs(m * g) * (g < 0)
            self.magnitude[k] += np.abs(g) * m * 1000
            self.negative[k] += g * m < 0
            self.squares.add(k, row, g)
            drawn = weights(self.seed, language, self.forms[language, row])
            self.weight[k] += drawn
            self.drawn[0, k] += np.multiply.outer(drawn, np.abs(m * g) * ((g < 0) if self.paper else 1000))
            if not self.paper:
                self.drawn[1, k] += np.multiply.outer(drawn, g * m < 0)
            self.loss[k] += float(losses[i])
            self.count[k] += 1
            if self.per_sample:
                self.samples[k, row] = g

    def state(self) -> dict[str, Any]:
        """What batches add to."""
        arrays = {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        return {**arrays, **{f"squares {name}": value for name, value in self.squares.state().items()}}

    @property
    def finished(self) -> np.ndarray:
        """Which languages had all their texts: [language] bool."""
        return self.count == np.array(list(self.corpus.counts.values()))

    def variables(self) -> Variables:
        """The Result's variables; NaN for languages that are not finished."""
        finished, unit = self.finished, _UNITS[self.variant]
        count = np.where(finished, self.count, np.nan)
        each = count[:, None, None]
        score = self.worked / each if self.paper else (self.magnitude / each) * (self.negative / each)
        p = np.where(finished[:, None, None], self.squares.p_value(), np.nan)
        variables: Variables = {
            "importance": (AXES, score, f"LAHIS, {self.variant} variant [{unit}]"),
            "gradient": (AXES, self.squares.total / each, "mean slope of the loss in the head's mask [nats]"),
            **interval_ends(AXES, self._interval(), f"importance over texts [{unit}]", level=self.level),
            "p_value": (AXES, corrected(p), "p-value that the mean slope is 0, corrected"),
            "nll": (("language",), self.loss / count, "mean negative log-likelihood [nats]"),
        }
        if self.per_sample:
            variables["sample_gradient"] = (
                SAMPLES,
                self.samples,
                "slope of each text's loss in the head's mask [nats]",
            )
        return variables

    def _interval(self) -> np.ndarray:
        """Bootstrap interval of the score; NaN where a language is not finished or its texts are one."""
        means = self.drawn / np.maximum(self.weight, 1e-9)[None, :, :, None, None]
        scores = means[0] if self.paper else means[0] * means[1]
        scores[~self.finished | (self.corpus.clusters.max(1) < 1)] = np.nan
        return ends_of_draws(scores, self.level, axis=1)
