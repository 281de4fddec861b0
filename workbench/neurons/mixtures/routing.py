"""Routing: which experts of a mixture each language's tokens take, and how far the languages lie apart."""

from functools import partial
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.arguments import checked, whole_number
from workbench.errors import BadCounts
from workbench.model.batching import streamed, texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.forward.fused_attention import fused
from workbench.model.hooks import after, hooked
from workbench.model.model import Model
from workbench.model.routers.find import Router, routers
from workbench.neurons.counts.rates import read_counts
from workbench.neurons.mixtures.divergence import distributions
from workbench.neurons.mixtures.routed_apart import divergences, intervals
from workbench.results.make import Variables, make_result, provenance
from workbench.results.resuming.stoppable import Stoppable
from workbench.text.batches import Batch
from workbench.text.corpus import Corpus

_AXES = ("language", "layer", "expert")
_QUESTIONS = {
    "share": "Which experts does each layer take for each language?",
    "weight": "How much does each expert weigh for each language?",
    "divergence": "In which layers are languages routed apart?",
    "pair_divergence": "Which languages are routed apart?",
}


@checked
@alone
def routing(
    model: Model,
    corpus: Corpus,
    *,
    permutations: int = 1000,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Count which experts each language's tokens are routed to, and test whether languages differ.

    Every token of a layer takes k of its experts. An expert's share is the number of tokens that take it, divided by k
    times the tokens: the shares of a layer sum to 1. All tokens of a text count, BOS where the tokenizer adds it, as in
    `firing`; padding never does, nor do a chat template's tokens. Shared experts, which every token passes, are not
    counted.

    The divergence of languages is the Jensen-Shannon divergence of their shares, in bits: 0 where they route alike, 1
    between two languages that share no expert. Finite samples never give 0. So the texts' labels are exchanged, in an
    aligned corpus within rows, and together for all copies of a text: `null` is the mean divergence that this leaves,
    and the p-value the share of exchanges that diverge as much as the languages do.

    Args:
        model: a model with routers, which `workbench.model.routers.find` finds by experiment.
        corpus: texts by language.
        permutations: exchanges of labels for each test; 0 tests nothing.
        level: of the intervals of the shares, bootstrapped over distinct texts.

    Returns:
        `share[language, layer, expert]` with `share_low`, `share_high`; `weight[language, layer, expert]`, the mean
        over all tokens of the weight that the expert's output gets (0 where it is not taken); `fired[language, layer,
        expert]`, the tokens that take it; `tokens[language]`; `experts_per_token[layer]`, k. `divergence[layer]` of all
        languages, `divergence_null`, `divergence_p_value`; `pair_divergence[language, other, layer]`,
        `pair_divergence_null`, `pair_divergence_p_value`. P-values are corrected (Benjamini-Hochberg) over layers, and
        over pairs and layers. Layers without a router are NaN and named in the attribute `layers_without_router`;
        `weight` is NaN where the router's weights were not seen to multiply the experts' outputs.

    Raises:
        UnsupportedSite: the model has no router, or its router is not what the experts follow.
        BadArgument: `permutations` or `level` out of range.
        Interrupted: `partial` holds the counts and shares of the batches that were finished.

    Source:
        Jiang et al. 2024 (Mixtral), arXiv 2401.04088: shares of tokens by expert; Bandarkar et al. 2025, arXiv
        2510.04694: divergence between languages on parallel texts, there of weights and normalised by entropy. Memory
        is texts x layers x experts, 4 bytes each.

    Example:
        >>> shares = routing(model, corpus)                                                     # doctest: +SKIP
        >>> wb.figures.heatmap(shares, "share")                                                  # doctest: +SKIP
    """
    whole_number("permutations", permutations)
    size = texts_per_batch(batch_size)
    counter = Counter(model, corpus)
    done = np.zeros((), dtype=np.int64)  # texts

    def finished() -> str:
        return f"interrupted after {done} of {len(corpus)} texts"

    with Stoppable("routing", len(corpus), "text", finished, progress=progress) as loop:
        batches = partial(streamed, model, corpus, batch_size=size, truncate=truncate)
        for batch in loop.steps(batches, counter.state(done=done)):
            counter.update(batch)
            done += len(batch)
    variables, options = counter.variables(), {"truncate": truncate}
    if not loop.stopped:
        variables |= intervals(counter.fired, corpus, level, seed)
        variables |= divergences(counter.fired, corpus, permutations, seed, progress)
        options |= {"permutations": permutations, "level": level}
    return loop.result(_result(model, corpus, counter, variables, seed=seed, **options))


class Counter:
    """Streaming counts: `update` with batches, then read `variables`.

    Attributes:
        fired: language to [text, layer, expert] int32, how many of a text's tokens take an expert.
        weight: [language, layer, expert] float64, sums of weights.
        tokens: [language] int64.
    """

    def __init__(self, model: Model, corpus: Corpus):
        self.model, self.languages = model, corpus.languages
        self.routers: dict[int, Router] = routers(model)
        shape = (model.n_layers, max(router.experts for router in self.routers.values()))
        self.fired = {code: np.zeros((count, *shape), dtype=np.int32) for code, count in corpus.counts.items()}
        self.weight = np.zeros((len(self.languages), *shape))
        self.tokens = np.zeros(len(self.languages), dtype=np.int64)

    @torch.no_grad()
    def update(self, batch: Batch) -> None:
        """Count one batch; an interrupted batch counts nothing."""
        batch = batch.to(self.model.device)
        seen: dict[int, tuple[Tensor, Tensor]] = {}

        def count(router: Router, output: Any) -> None:
            seen[router.layer] = _by_sample(router, output, batch.counted)

        hooks = [after(router.module, partial(count, router)) for router in self.routers.values()]
        with hooked(hooks, once="routers"), fused(self.model):
            self.model.states(batch)
        where = [self.languages.index(language) for language in batch.languages]
        for layer, (fired, weight) in seen.items():
            for sample, (language, row) in enumerate(zip(batch.languages, batch.rows, strict=True)):
                self.fired[language][row, layer, : fired.shape[1]] = fired[sample].numpy()
            np.add.at(self.weight[:, layer, : weight.shape[1]], where, weight.numpy())
        np.add.at(self.tokens, where, batch.counted.sum(1).cpu().numpy())

    def state(self, **more: Any) -> dict[str, Any]:
        """What batches add to, and `more` beside it: the state from which a run resumes."""
        fired = {f"fired {language}": counts for language, counts in self.fired.items()}
        return {**fired, "weight": self.weight, "tokens": self.tokens, **more}

    def variables(self) -> Variables:
        """Counts, shares and weights so far, for `make_result`."""
        fired = np.stack([self.fired[language].sum(0, dtype=np.int64) for language in self.languages])
        layers, experts = fired.shape[1:]
        taken = np.zeros(layers, dtype=np.int64)
        real, weighed = np.zeros((layers, experts), dtype=bool), np.zeros((layers, experts), dtype=bool)
        for layer, router in self.routers.items():
            taken[layer] = router.per_token
            real[layer, : router.experts] = True
            weighed[layer, : router.experts] = router.weighs
        tokens = np.maximum(self.tokens, 1)[:, None, None]  # an interrupted run may have read none of a language
        return {
            "share": (_AXES, np.where(real, distributions(fired), np.nan), "share of the routed tokens"),
            "weight": (_AXES, np.where(weighed, self.weight / tokens, np.nan), "mean weight of the expert's output"),
            "fired": (_AXES, fired, "tokens that take the expert [tokens]"),
            "tokens": (("language",), self.tokens, "tokens read [tokens]"),
            "experts_per_token": (("layer",), taken, "experts that each token takes; 0 without a router [experts]"),
        }


def _by_sample(router: Router, output: Any, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens that take each expert, and the sums of their weights, over positions that count: [sample, expert]."""
    index, weight = router.read(output)
    assert len(index) == mask.numel(), f"the router of layer {router.layer} saw {len(index)} of {mask.numel()} tokens"
    real = mask.reshape(-1, 1).double().expand_as(index)
    tables = torch.zeros(2, len(index), router.experts, dtype=torch.float64, device=index.device)
    tables[0].scatter_add_(1, index, real)
    if weight is not None:
        tables[1].scatter_add_(1, index, torch.where(real > 0, weight.double(), 0.0))
    fired, sums = tables.reshape(2, *mask.shape, router.experts).sum(2).cpu()
    return fired.round().to(torch.int32), sums


def _result(
    model: Model, corpus: Corpus, counter: Counter, variables: Variables, *, seed: int, **parameters: Any
) -> xr.Dataset:
    without = [str(layer) for layer in range(model.n_layers) if layer not in counter.routers]
    names = list(corpus.languages)
    result = make_result(
        variables,
        {"language": names, **({"other": names} if "pair_divergence" in variables else {})},
        method="neurons.routing",
        parameters=parameters,
        model=model.info,
        corpus=corpus.info,
        seed=seed,
        attrs={"layers_without_router": ", ".join(without) or "none"},
    )
    for name in _QUESTIONS.keys() & set(variables):
        result[name].attrs["question"] = _QUESTIONS[name]
    return result


@checked
def expert_counts(result: xr.Dataset) -> xr.Dataset:
    """Experts as neurons: what `lape` and `ternary` take.

    An expert fires at a token that takes it. Layers without a router are left out; the others keep their number.

    Args:
        result: what `routing` returned.

    Returns:
        `fired[language, layer, neuron]`, where a neuron is an expert, and `tokens[language]`.

    Raises:
        BadCounts: this is no Result of `routing`, or its counts cannot be what they claim to be.

    Example:
        >>> lape(expert_counts(routing(model, corpus)), top_rate=0.1)                            # doctest: +SKIP
    """
    wanted = {"fired", "tokens", "experts_per_token"}
    if not wanted <= set(result.data_vars) or set(result.fired.dims) != set(_AXES):
        raise BadCounts(f"experts are counted by `routing`; this Dataset has {', '.join(map(str, result.data_vars))}")
    routed = result.isel(layer=np.flatnonzero(result.experts_per_token.values))
    record = provenance(result)
    variables: Variables = {
        "fired": (("language", "layer", "neuron"), routed.fired.transpose(*_AXES).values, result.fired.long_name),
        "tokens": (("language",), result.tokens.values, result.tokens.long_name),
    }
    coords = {axis: routed[axis].values.tolist() for axis in ("language", "layer")}
    made = make_result(
        variables,
        coords,
        method="neurons.expert_counts",
        parameters=record["parameters"],
        model=record["model"],
        corpus=record["corpus"],
        seed=record["seed"],
    )
    read_counts(made, empty=True)
    return made
