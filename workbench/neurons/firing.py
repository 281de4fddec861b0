"""Count how often every neuron fires in every language, in one streaming pass."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
import xarray as xr
from torch import Tensor
from tqdm.auto import tqdm

from workbench.errors import BadCorpus, Interrupted
from workbench.model.attention import fused
from workbench.model.model import Model
from workbench.neurons.strength import Strength
from workbench.results.make import make_result
from workbench.text.batches import Batch
from workbench.text.corpus import Corpus

_BATCH = 32


def firing(
    model: Model,
    corpus: Corpus,
    *,
    prefix: Corpus | None = None,
    moments: bool = False,
    sketch: bool = False,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Count the tokens at which each neuron fires, by language.

    A neuron fires at a token when its activation function gives more than zero: act(gate) > 0 on a gated MLP, which
    for SiLU, GELU and ReLU is the sign of the value before the activation. Padding is never counted, nor is in a chat
    what the template writes. The forward pass stops at the last MLP; memory does not grow with the corpus.

    Args:
        model: the model.
        corpus: the texts.
        prefix: for response tokens only, the beginning of each text (its question), in the same rows: its counts come
            beside the full ones, and `lape` and `ternary` subtract them.
        moments: in the same pass, also add up the activations (what the down projection reads, act(gate) * up on a
            gated MLP) and their squares; see `means`.
        sketch: in the same pass, also count the activations by size in 131 bins, 1 KB for each neuron and language;
            see `quantiles`.
        progress: show a progress bar.
        batch_size: texts per forward pass.
        seed: nothing is drawn here; recorded for symmetry with the other analyses.
        truncate: cut texts that are longer than the model's context instead of refusing them.

    Returns:
        `fired[language, layer, neuron]` and `tokens[language]`, counts; with `moments` also `total` and `squares`, in
        the axes of `fired`; with `sketch` `sketch[language, bin, layer, neuron]`; with `prefix` all of them also as
        `prefix_fired`, `prefix_tokens` ... of the prefixes.

    Raises:
        UnsupportedSite: the architecture's neurons cannot be read.
        BadCorpus: the prefixes do not begin the texts row by row.
        Interrupted: `partial` holds the counts of the batches that were finished.

    Source:
        Tang et al. 2024 (LAPE); arXiv 2505.21505, which counts response tokens as full minus prefix.

    Example:
        >>> counts = firing(model, corpus)                                   # doctest: +SKIP
        >>> counts.fired / counts.tokens                                     # doctest: +SKIP
    """
    model.require("neuron")
    size = _BATCH if batch_size == "auto" else int(batch_size)
    parts = {"": corpus} if prefix is None else {"": corpus, "prefix_": _begins(prefix, corpus)}
    variables: dict[str, tuple[tuple[str, ...], Any, str]] = {}
    stopped = ""
    for name, part in parts.items():
        counter = Counter(model, part.languages, moments=moments, sketch=sketch)
        done = 0
        bar = tqdm(total=len(part), desc=f"firing {name}".strip("_ "), unit="text", disable=not progress)
        try:
            for batch in model.stream(part, batch_size=size, truncate=truncate):
                counter.update(batch)
                done += len(batch)
                bar.update(len(batch))
        except KeyboardInterrupt:
            stopped = f"interrupted after {done} of {len(part)} texts of {part.source}; their counts are kept"
        finally:
            bar.close()
        what = "of the prefixes " if name else ""
        variables[f"{name}fired"] = (
            ("language", "layer", "neuron"),
            counter.fired.cpu(),
            f"tokens {what}at which the neuron fires [tokens]",
        )
        variables[f"{name}tokens"] = (("language",), counter.tokens.cpu(), f"tokens {what}read [tokens]")
        for extra, (axes, values, about) in counter.strength.variables(what or "").items():
            variables[f"{name}{extra}"] = (axes, values, about)
        if stopped:
            break
    result = make_result(
        variables,
        {"language": list(corpus.languages)},
        method="neurons.firing",
        parameters={
            "prefix": prefix.info if prefix else None,
            "moments": moments,
            "sketch": sketch,
            "truncate": truncate,
        },
        model=model.info,
        corpus=corpus.info,
        seed=seed,
    )
    if stopped:
        raise Interrupted(stopped, partial=result)
    return result


class Counter:
    """Streaming counts: `update` with batches, then read `fired` [language, layer, neuron] and `tokens` [language].

    `strength` holds the sums of activations that were asked for.
    """

    def __init__(self, model: Model, languages: tuple[str, ...], *, moments: bool = False, sketch: bool = False):
        self.model, self.languages = model, languages
        shape = (len(languages), model.n_layers, model.n_neurons)
        self.fired = torch.zeros(shape, dtype=torch.int64, device=model.device)
        self.tokens = torch.zeros(len(languages), dtype=torch.int64, device=model.device)
        self.strength = Strength(*shape, moments=moments, sketch=sketch, device=model.device)

    @torch.no_grad()
    def update(self, batch: Batch) -> None:
        """Count one batch; an interrupted batch counts nothing."""
        batch = batch.to(self.model.device)
        index = torch.tensor([self.languages.index(one) for one in batch.languages], device=self.model.device)
        real = torch.zeros(len(self.languages), *batch.mask.shape, device=self.model.device)
        real[index, torch.arange(len(batch), device=self.model.device)] = batch.counted.float()
        weights = real.flatten(1)  # [language, sample * position], 1 at that language's tokens that count
        counts = torch.zeros_like(self.fired)
        part = self.strength.blank() if self.strength.wanted else None
        with fused(self.model), _hooked(self.model, weights, counts, part):
            self.model.states(batch)
        if part is not None:
            self.strength.add(part)
        self.fired += counts
        self.tokens += weights.sum(1).long()


class _DoneError(Exception):
    """Leaves the forward pass once the last layer's neurons were seen."""


@contextmanager
def _hooked(model: Model, weights: Tensor, counts: Tensor, strength: Strength | None) -> Iterator[None]:
    """Count while the model runs, and stop it behind the last MLP activation; `strength` adds up the activations."""
    seen: list[int] = []
    added: list[int] = []
    scratch: list[Tensor] = []

    def count(layer: int):
        def hook(module: Any, args: tuple[Any, ...], output: Tensor) -> None:
            gates = output.reshape(-1, output.shape[-1])
            if not scratch:  # written by every layer: a fresh tensor for each costs more than the comparison
                scratch.append(torch.empty(gates.shape, device=gates.device))
            fires = torch.gt(gates, 0, out=scratch[0])  # float32 is exact below 2^24 tokens a batch
            counts[:, layer] = (weights @ fires).round().long()
            seen.append(layer)
            if layer == model.n_layers - 1 and strength is None:
                raise _DoneError

        return hook

    def add(layer: int):
        def hook(module: Any, args: tuple[Any, ...], output: Tensor) -> None:
            assert strength is not None
            strength.update(layer, output.reshape(-1, output.shape[-1]), weights)
            added.append(layer)
            if layer == model.n_layers - 1:
                raise _DoneError

        return hook

    layers = range(model.n_layers)
    handles = [model.hook_point("gate", i).register_forward_hook(count(i)) for i in layers]
    if strength is not None:
        handles += [model.hook_point("neuron", i).register_forward_hook(add(i)) for i in layers]
    try:
        yield
    except _DoneError:
        pass
    finally:
        for handle in handles:
            handle.remove()
    assert seen == list(layers), f"neurons were seen in layers {seen}, once each expected"
    assert strength is None or added == seen, f"activations were seen in layers {added}, once each expected"


def _begins(prefix: Corpus, corpus: Corpus) -> Corpus:
    """The prefixes in the corpus's languages and its chat, once each was seen to begin its text."""
    prefix = replace(prefix.select(corpus.languages), chat=corpus.chat, user=corpus.user)
    for language, texts in corpus.texts.items():
        starts = prefix.texts[language]
        if len(starts) != len(texts):
            raise BadCorpus(f"{len(starts)} prefixes for {len(texts)} texts in {language!r}; each text takes one")
        for row, (start, text) in enumerate(zip(starts, texts, strict=True)):
            if not text.startswith(start):
                raise BadCorpus(f"prefix {row} in {language!r} does not begin its text: {start[:40]!r}")
    return prefix
