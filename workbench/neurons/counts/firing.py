"""Count how often every neuron fires in every language, in one streaming pass."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
import xarray as xr
from einops import rearrange
from torch import Tensor

from workbench.arguments import checked
from workbench.model.batching import streamed, texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.forward.fused_attention import fused
from workbench.model.hooks import Hook, StopForward, after, hooked
from workbench.model.model import Model
from workbench.neurons.counts.prefixes import Prefixes, prefix_tokens
from workbench.neurons.counts.rates import axes
from workbench.neurons.counts.strength import Strength
from workbench.results.make import Variables, make_result
from workbench.results.resuming.stoppable import Stoppable
from workbench.text.batches import Batch
from workbench.text.corpus import Corpus

BATCH = 32  # texts
_ABOUT = {
    "fired": "tokens {}at which the neuron fires [tokens]",
    "tokens": "tokens {}read [tokens]",
    "total": "sum of the activations {}",
    "squares": "sum of the squared activations {}",
    "sketch": "tokens {}by the bin of the activation [tokens]",
}


@checked
@alone
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
    for SiLU, GELU and ReLU is the sign of the value before the activation. Neither padding nor the tokens of a chat
    template are counted. The forward pass stops at the last MLP; memory does not grow with the corpus.

    Args:
        model: the model.
        corpus: the texts.
        prefix: for response tokens only, the beginning of each text (its question), in the same rows: how often neurons
            fire at those tokens of the text comes beside the full counts, and `ternary` subtracts it. A token belongs
            to the prefix where its last character does: " blue" after "Answer: " is a response token.
        moments: in the same pass, also add up the activations (what the down projection reads, act(gate) * up on a
            gated MLP) and their squares; see `means`.
        sketch: in the same pass, also count the activations by size in 131 bins, 1 KB for each neuron and language;
            see `quantiles`.
        seed: nothing is drawn here; recorded for symmetry with the other analyses.

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
    size = texts_per_batch(batch_size, auto=BATCH)
    before = None if prefix is None else prefix_tokens(model, corpus, prefix)
    counter = Counter(model, corpus.languages, moments=moments, sketch=sketch, prefixes=before)
    batches = partial(streamed, model, corpus, batch_size=size, truncate=truncate)
    loop = counted(corpus, batches, counter.update, counter.state, progress=progress)
    result = make_result(
        counter.variables(),
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
    return loop.result(result)


def counted(
    corpus: Corpus,
    batches: Callable[[], Iterable[Batch]],
    update: Callable[[Batch], None],
    state: Mapping[str, Any],
    *,
    progress: bool,
) -> Stoppable:
    """Count every batch that an earlier run did not finish; the loop then raises what was counted if it was stopped.

    Args:
        corpus: what the batches are of.
        batches: all of them.
        update: counts one.
        state: what it adds to.
        progress: show the bar.
    """
    done = torch.zeros((), dtype=torch.int64)  # texts

    def finished() -> str:
        return f"interrupted after {done} of {len(corpus)} texts of {corpus.source}; their counts are kept"

    with Stoppable("firing", len(corpus), "text", finished, progress=progress) as loop:
        for batch in loop.steps(batches, {**state, "done": done}):
            update(batch)
            done += len(batch)
    return loop


class Counter:
    """Streaming counts: `update` with batches, then read `fired` [part, layer, neuron] and `tokens` [part].

    The parts are the languages, and with `prefixes` the languages once more, for the tokens of their prefixes.
    `strength` holds the requested sums of activations.
    """

    def __init__(
        self,
        model: Model,
        languages: tuple[str, ...],
        *,
        moments: bool = False,
        sketch: bool = False,
        prefixes: Prefixes | None = None,
        units: tuple[int, int] | None = None,
    ):
        """Take the layers and the units of each as `units`, where they are not the model's neurons."""
        self.model, self.languages, self.prefixes = model, languages, prefixes
        layers, width = units or (model.n_layers, model.n_neurons)
        shape = (len(languages) * (1 if prefixes is None else 2), layers, width)
        self.fired = torch.zeros(shape, dtype=torch.int64, device=model.device)
        self.tokens = torch.zeros(shape[0], dtype=torch.int64, device=model.device)
        self.strength = Strength(*shape, moments=moments, sketch=sketch, device=model.device)

    @torch.no_grad()
    def update(self, batch: Batch) -> None:
        """Count one batch; an interrupted batch counts nothing."""
        batch = batch.to(self.model.device)
        weights = rearrange(self.weights(batch), "part sample position -> part (sample position)")
        counts = torch.zeros_like(self.fired)
        part = self.strength.blank()
        with fused(self.model), _hooked(self.model, weights, counts, part):
            self.model.states(batch)
        self.add(counts, weights, part)

    def add(self, counts: Tensor, weights: Tensor, strength: Strength) -> None:
        """Add what was counted in a batch, [part, layer, unit], of the tokens that weights [part, token] count."""
        self.strength.add(strength)
        self.fired += counts
        self.tokens += weights.sum(1).long()

    def weights(self, batch: Batch) -> Tensor:
        """Which tokens count for which part: [part, sample, position], 0 or 1."""
        device = batch.ids.device
        index = torch.tensor([self.languages.index(language) for language in batch.languages], device=device)
        samples = torch.arange(len(batch), device=device)
        real = torch.zeros(len(self.tokens), *batch.mask.shape, device=device)
        real[index, samples] = batch.counted.float()
        if self.prefixes is not None:
            counts = [self.prefixes[text] for text in zip(batch.languages, batch.rows, strict=True)]
            before = batch.mask.cumsum(1) <= torch.tensor(counts, device=device)[:, None]
            real[len(self.languages) + index, samples] = (batch.counted * before).float()
        return real

    @property
    def state(self) -> dict[str, Tensor]:
        """What batches add to, from which a run resumes."""
        return {"fired": self.fired, "tokens": self.tokens, **self.strength.sums}

    def variables(self, unit: str = "neuron") -> Variables:
        """What was counted, as variables of a Result, of units of this name."""
        variables: Variables = {}
        names = {"": ""} if self.prefixes is None else {"": "", "prefix_": "of the prefixes "}
        for number, (name, what) in enumerate(names.items()):
            rows = slice(number * len(self.languages), (number + 1) * len(self.languages))
            for variable, values in self.state.items():
                about = _ABOUT[variable].format(what).replace("neuron", unit)
                variables[name + variable] = (axes(variable, unit), values[rows].cpu(), about)
        return variables


@contextmanager
def _hooked(model: Model, weights: Tensor, counts: Tensor, strength: Strength) -> Iterator[None]:
    """Count while the model runs, and stop it after the last MLP activation; `strength` adds up the activations."""
    scratch: list[Tensor] = []

    def count(layer: int, gates: Tensor) -> None:
        if not scratch:  # written by every layer: a fresh tensor for each costs more than the comparison
            scratch.append(torch.empty(gates.shape, device=gates.device))
        fires = torch.gt(gates, 0, out=scratch[0])  # float32 is exact below 2^24 tokens a batch
        counts[:, layer] = (weights @ fires).round().long()

    steps: dict[str, Callable[[int, Tensor], None]] = {"gate": count}
    if strength.sums:
        steps["neuron"] = lambda layer, values: strength.update(layer, values, weights)
    seen: dict[str, list[int]] = {site: [] for site in steps}
    last = list(steps)[-1], model.n_layers - 1

    def hook(site: str, layer: int) -> Hook:
        def step(output: Tensor) -> None:
            steps[site](layer, output.reshape(-1, output.shape[-1]))
            seen[site].append(layer)
            if (site, layer) == last:
                raise StopForward

        return after(model.hook_point(site, layer), step)

    layers = list(range(model.n_layers))
    with hooked([hook(site, layer) for site in steps for layer in layers]):
        yield
    for site, places in seen.items():
        assert places == layers, f"the site {site!r} was seen in layers {places}, once each expected"
