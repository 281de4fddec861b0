"""States: how the residual streams of two models differ, layer by layer, and what the difference says in tokens."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from torch.nn.functional import cosine_similarity

from workbench.errors import UnsupportedSite
from workbench.merging.diffing.same import both_alone, require_same_shape, require_same_tokens
from workbench.model.batching import by_language, texts_per_batch
from workbench.model.effective_weights import project
from workbench.model.forward.record import record
from workbench.model.model import Model
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.resuming.stoppable import Stoppable
from workbench.results.statistics import interval
from workbench.text.batches import Batch
from workbench.text.corpus import Corpus

_TOKENS = 5  # read of each direction, at either end
_RANDOM = 200  # random directions, with whose scores those of the differences are compared
_BUDGET = 2**24  # logits in memory at once
_CELLS = ("language", "layer")
_WORDS = {
    "distance": "size of the difference of states, relative to the state before",
    "cosine": "cosine between the states of both models",
}


def states(
    before: Model,
    after: Model,
    corpus: Corpus,
    *,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Compare the residual streams h before and g after at every layer, over all tokens of a text but the first.

    The first token, mostly BOS, is left out: its state is far larger than all others and would be most of every mean.

    Returns:
        Per language and layer (0 is the embedding, n_layers after the last layer), each with its interval over texts:
        `distance` = mean |g - h| / |h| and `cosine` = mean cos(g, h) over tokens. `difference[language, layer, d]`, the
        mean of g - h over texts; `shift`, its length relative to the mean |h|; `common` = |mean (g - h)|^2 /
        mean |g - h|^2, the share of the change that is one and the same vector at every token; `halves`, the cosine
        between the mean differences of even and odd texts. The mean difference through the logit lens of the model
        after (final norm's scale and unembedding): `promoted[language, layer, rank]` and `suppressed`, tokens, with
        `promoted_score` and `suppressed_score` in standard deviations over the vocabulary, and `random_score`, which
        the highest score of 95 % of random directions does not exceed.

    Raises:
        BadArgument: the models differ in tokenizer, layers or width.
        NotFinite: a state is NaN or infinite.
        Interrupted: `partial` holds the texts that were read.
    """
    require_same_tokens(before, after)
    require_same_shape(before, after, "layers", "d_model")
    size = texts_per_batch(batch_size)
    encoded = before.encode(corpus, truncate=truncate)
    totals = _Totals(corpus, before.n_layers + 1, before.d_model)
    with (
        both_alone(before, after),
        Stoppable("states of both models", len(encoded), "text", totals.finished, progress=progress) as loop,
    ):
        batches = by_language(before, encoded, batch_size=size, passes=2)
        for batch in loop.steps(batches, totals.state()):
            totals.add(batch, *(record(model, batch.to(model.device)).residual for model in (before, after)))
    variables = totals.variables(level, seed)
    result = make_result(
        {**variables, **through_lens(after, variables["difference"][1], seed)},
        {"language": list(corpus.languages)},
        method="merging.side_by_side",
        parameters={"part": "states", "before": before.info, "level": level, "batch_size": size, "truncate": truncate},
        model=after.info,
        corpus=corpus.info,
        seed=seed,
    )
    result.layer.attrs["long_name"] = f"state before layer (0 the embedding, {before.n_layers} after the last)"
    return loop.result(result)


@dataclass
class _Totals:
    """Running sums over texts; only numbers of texts are stored, so that memory hardly grows with the corpus."""

    corpus: Corpus
    layers: int
    width: int
    place: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        counts = self.corpus.counts
        self.place = {language: i for i, language in enumerate(counts)}
        cells = (len(counts), max(counts.values()), self.layers)
        self.texts = {name: np.full(cells, np.nan) for name in ("distance", "cosine", "square", "norm")}
        self.sums = np.zeros((2, cells[0], self.layers, self.width))  # of even and odd texts
        self.seen = np.zeros((2, cells[0]), dtype=np.int64)

    def add(self, batch: Batch, old: list[Tensor], new: list[Tensor]) -> None:
        """Add a batch: the residual streams of both models, of each layer [sample, position, d]."""
        mask = batch.counted.clone()
        mask[:, 0] = 0
        bare = mask.sum(1) == 0  # nothing but a first token
        mask[bare] = batch.counted[bare]
        for layer, (first, second) in enumerate(zip(old, new, strict=True)):
            first, second = first.float(), second.float().to(first.device)
            weight = (mask / mask.sum(1, keepdim=True)).to(first)
            gap, norm = second - first, first.norm(dim=-1)
            means = {
                "distance": gap.norm(dim=-1) / norm.clamp(min=1e-30),
                "cosine": torch.where((gap == 0).all(-1), 1.0, cosine_similarity(first, second, dim=-1)),
                "square": gap.square().sum(-1),
                "norm": norm,
            }
            shift = torch.einsum("sp,spd->sd", weight, gap).cpu().double().numpy()
            real, count = mask.cpu().double(), mask.sum(1).cpu().double()
            numbers = {name: ((values.cpu() * real).sum(1) / count).numpy() for name, values in means.items()}
            for sample, (language, row) in enumerate(zip(batch.languages, batch.rows, strict=True)):
                k = self.place[language]
                self.sums[row % 2, k, layer] += shift[sample]
                self.seen[row % 2, k] += layer == 0
                for name, values in numbers.items():
                    self.texts[name][k, row, layer] = values[sample]

    def state(self) -> dict[str, Any]:
        """What batches change."""
        return {**self.texts, "sums": self.sums, "seen": self.seen}

    def finished(self) -> str:
        """How many texts were read, in words."""
        return f"interrupted: {int(self.seen.sum())} of {len(self.corpus)} texts were read; means are over these"

    def variables(self, level: float, seed: int) -> Variables:
        """Means over texts, with intervals where each text has a number."""
        with np.errstate(invalid="ignore", divide="ignore"):
            means = {name: np.nanmean(values, 1) for name, values in self.texts.items()}
            difference = self.sums.sum(0) / self.seen.sum(0)[:, None, None]
            even, odd = self.sums / self.seen[:, :, None, None]
            length = np.linalg.norm(difference, axis=-1)
            sizes = np.linalg.norm(even, axis=-1) * np.linalg.norm(odd, axis=-1)
            halves = (even * odd).sum(-1) / np.where(sizes > 0, sizes, np.nan)
            common = length**2 / np.where(means["square"] > 0, means["square"], np.nan)
        variables: Variables = {}
        for name, words in _WORDS.items():
            variables[name] = (_CELLS, means[name], words)
            clusters = self.corpus.clusters[:, :, None]
            bounds = interval(self.texts[name], axis=1, level=level, seed=seed, clusters=clusters)
            variables |= interval_ends(_CELLS, bounds, f"{name} over texts", level=level, name=name)
        return variables | {
            "shift": (
                _CELLS,
                length / means["norm"],
                "length of the mean difference, relative to the mean state before",
            ),
            "common": (_CELLS, common, "share of the squared difference that is its mean"),
            "halves": (_CELLS, halves, "cosine between the mean differences of even and odd texts"),
            "difference": ((*_CELLS, "d"), difference, "mean difference of states, after minus before"),
        }


@torch.no_grad()
def through_lens(model: Model, directions: np.ndarray, seed: int) -> Variables:
    """Tokens whose logits directions [language, layer, d] raise and lower most, through the final norm's scale.

    Nothing where the final norm does more than scale.
    """
    try:
        scale, centred = model.norm_scale()
    except UnsupportedSite:
        return {}
    head, (languages, layers, width) = model.module.get_output_embeddings(), directions.shape
    shape = (languages, layers, _TOKENS)

    def read(vectors: np.ndarray) -> np.ndarray:
        """Standardized logits of vectors [row, d], [row, vocabulary]; NaN for a vector of zeros."""
        rows = torch.as_tensor(vectors, dtype=torch.float32, device=scale.device)
        rows = rows - rows.mean(1, keepdim=True) if centred else rows
        logits = project(head, rows * scale).cpu().double().numpy()
        with np.errstate(invalid="ignore", divide="ignore"):
            return (logits - logits.mean(1, keepdims=True)) / logits.std(1, keepdims=True)

    texts = {name: np.full(shape, "", dtype=object) for name in ("promoted", "suppressed")}
    scores = {name: np.full(shape, np.nan) for name in texts}
    cells = [at for at in np.ndindex(languages, layers) if np.linalg.norm(directions[at]) > 0]
    rows = max(1, _BUDGET // model.n_vocabulary)
    for start in range(0, len(cells), rows):
        part = cells[start : start + rows]
        for at, logits in zip(part, read(np.stack([directions[at] for at in part])), strict=True):
            order = np.argsort(-logits, kind="stable")
            for name, ids in (("promoted", order[:_TOKENS]), ("suppressed", order[::-1][:_TOKENS])):
                texts[name][at] = [model.tokenizer.decode([token]) for token in ids.tolist()]
                scores[name][at] = logits[ids]
    drawn = np.random.default_rng(seed).standard_normal((_RANDOM, width))
    highest = [read(drawn[start : start + rows]).max(1) for start in range(0, _RANDOM, rows)]
    axes, unit = (*_CELLS, "rank"), "[standard deviations over the vocabulary]"
    chance = np.quantile(np.concatenate(highest), 0.95)
    variables: Variables = {"random_score": ((), chance, f"highest score of 95 % of random directions {unit}")}
    for name, verb in (("promoted", "raises"), ("suppressed", "lowers")):
        variables[name] = (axes, texts[name], f"token whose logit the mean difference {verb}")
        variables[f"{name}_score"] = (axes, scores[name], f"how far its logit lies from the mean {unit}")
    return variables
