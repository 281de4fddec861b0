"""The tuned lens: an affine map per layer, trained so that its reading of the layer is the model's own output."""

import random

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.arguments import checked, finite, whole_number
from workbench.errors import BadArgument, BadResult
from workbench.lens.translations import LEVEL
from workbench.model.batching import texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.forward.optimizer import adam_state
from workbench.model.forward.record import record
from workbench.model.gradients import frozen
from workbench.model.metrics import unembed
from workbench.model.model import Model
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.resuming.stoppable import Stoppable
from workbench.results.statistics import interval
from workbench.text.batches import batches
from workbench.text.clusters import numbered
from workbench.text.corpus import Corpus
from workbench.text.readers import load_corpus

_AUTO = 16  # texts in a batch
_BUDGET = 2**25  # logits in memory at once


@checked
@alone
def tune(
    model: Model,
    corpus: Corpus | str = "parallel",
    *,
    steps: int = 150,
    rows: int = 64,
    rate: float = 1e-3,
    held_out: float = 0.2,
    truncate: bool = False,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Train a tuned lens: h becomes h + A h + b before the final norm and the unembedding, for each layer its own.

    A and b start at zero, where the tuned lens is the logit lens, and are trained (Adam) to lower the KL divergence of
    its reading from the model's output, on tokens of the corpus; the model does not change. The lens is measured on
    texts that it was not trained on.

    Args:
        model: the model.
        corpus: texts to train on, or what `load_corpus` reads.
        steps: of training; 0 gives the logit lens.
        rows: tokens in a step.
        rate: of learning.
        held_out: share of the texts that is used for measuring alone.
        seed: of the split, the tokens of each step and the bootstrap.

    Returns:
        `weight[layer, dimension, given]` (A) and `bias[layer, dimension]` of the states before each layer;
        `kl[layer]` of the tuned lens and `kl_logit[layer]` of the logit lens on held-out texts, in nats, with their
        95 % bootstrap intervals over distinct texts, `kl_low`, `kl_high`, `kl_logit_low`, `kl_logit_high`.
        `save_result` stores it; `by_language(..., tuned=)` reads with it.

    Raises:
        BadArgument: a number outside its range, or too few texts.
        Interrupted: `partial` is the lens as far as it was trained.

    Source:
        Belrose et al. 2023 (arXiv 2303.08112).

    Example:
        >>> lens = tune(model, wb.load_corpus(limit=40))                                        # doctest: +SKIP
        >>> wb.lens.by_language(model, source="de", target="fr", tuned=lens)                    # doctest: +SKIP
    """
    whole_number("steps", steps)
    whole_number("rows", rows, at_least=1)
    finite("held_out", held_out, above=0, below=1)
    finite("rate", rate, above=0)
    texts = corpus if isinstance(corpus, Corpus) else load_corpus(corpus)
    states, owner, own = _states(model, texts, truncate, batch_size)
    count = int(own.max()) + 1
    measured = set(random.Random(seed).sample(range(count), max(1, round(held_out * count))))
    if count - len(measured) < 1 or len(measured) < 2:
        raise BadArgument(
            f"{count} texts are too few (repeats count once) to train on some and measure on two; give more"
        )
    tested = torch.tensor([int(own[text]) in measured for text in owner], device=states.device)
    lens, loop = _train(model, states[:, ~tested], steps, rows, rate, progress, seed)
    result = _result(model, texts, states[:, tested], owner[tested.cpu()], own, lens, seed, steps, rows, rate)
    return loop.result(result)


def translated(tuned: xr.Dataset | None, model: Model, layer: int, states: Tensor) -> Tensor:
    """States [..., d_model] before a layer, mapped by the tuned lens; unchanged without a lens, or at the end.

    Raises:
        BadArgument: the lens belongs to a model of another shape.
        BadResult: `tuned` is no result of `tune`.
    """
    if tuned is None or layer == model.n_layers:
        return states
    if not {"weight", "bias"} <= set(tuned.data_vars) or tuned.bias.ndim != 2:
        raise BadResult(f"a tuned lens is what lens.tune returns; this Dataset has: {', '.join(map(str, tuned))}")
    shape = (model.n_layers, model.d_model)
    if tuple(tuned.bias.shape) != shape:
        raise BadArgument(
            f"this tuned lens is of {tuned.bias.shape[0]} layers and width {tuned.bias.shape[1]}; {model.name!r} has "
            f"{shape[0]} and {shape[1]}; tune one for it"
        )
    weight, bias = (torch.as_tensor(tuned[name].values[layer]).to(states) for name in ("weight", "bias"))
    return states + states @ weight.T + bias


@torch.no_grad()
def _states(model: Model, texts: Corpus, truncate: bool, batch_size: int | str) -> tuple[Tensor, Tensor, np.ndarray]:
    """States of counted tokens [layer + 1, token, d_model], each token's text [token], each text's cluster [text]."""
    size = texts_per_batch(batch_size, auto=_AUTO)
    parts, owners, same, done = [], [], [], 0
    own = dict(zip(texts.languages, texts.clusters.tolist(), strict=True))
    for batch in batches(model.encode(texts, truncate=truncate), batch_size=size, pad_id=model.pad_id):
        recording = record(model, batch)
        real = recording.batch.counted.bool()
        parts.append(torch.stack([states[real] for states in recording.residual]))
        owners.append(real.nonzero()[:, 0].cpu() + done)
        same += [(code, own[code][row]) for code, row in zip(batch.languages, batch.rows, strict=True)]
        done += len(batch)
    return torch.cat(parts, 1), torch.cat(owners), numbered(same)


def _train(
    model: Model, states: Tensor, steps: int, rows: int, rate: float, progress: bool, seed: int
) -> tuple[tuple[Tensor, Tensor], Stoppable]:
    """A [layer, d_model, d_model] and b [layer, d_model], and the loop that trained them."""
    layers, width = model.n_layers, model.d_model
    weight = torch.zeros(layers, width, width, device=states.device, requires_grad=True)
    bias = torch.zeros(layers, width, device=states.device, requires_grad=True)
    optimizer = torch.optim.Adam([weight, bias], lr=rate)
    random_ = torch.Generator().manual_seed(seed)
    state = {**adam_state(optimizer, weight=weight, bias=bias), "generator": random_}
    stopped = "interrupted: the lens, as far as it was trained, is in .partial"
    with Stoppable("tuning a lens", steps, "step", lambda: stopped, progress=progress) as loop, frozen(model):
        for step in loop.steps(range(steps), state, size=lambda _: 1):
            for group in optimizer.param_groups:
                group["lr"] = rate * (1 - step / steps)
            some = states[:, torch.randint(states.shape[1], (rows,), generator=random_).to(states.device)].float()
            read = some[:-1] + torch.einsum("lrd,led->lre", some[:-1], weight) + bias[:, None]
            loss = _divergence(model, read, some[-1]).mean(1).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return (weight.detach(), bias.detach()), loop


def _divergence(model: Model, read: Tensor, final: Tensor) -> Tensor:
    """KL of the reading of states [layer, row, d_model] from the output after final states [row, d_model], in nats."""

    def logits(states: Tensor) -> Tensor:
        return unembed(model, model.bridge.ln_final(states[None].to(model.dtype))[0]).float().log_softmax(-1)

    with torch.no_grad():
        truth = logits(final)
    guess = logits(read.flatten(0, 1)).unflatten(0, read.shape[:2])
    return (truth.exp() * (truth - guess)).sum(-1)


@torch.no_grad()
def _measured(model: Model, states: Tensor, owner: Tensor, lens: tuple[Tensor, Tensor] | None) -> np.ndarray:
    """Mean KL of each text, [text, layer]."""
    parts = []
    for rows in torch.arange(states.shape[1]).split(max(1, _BUDGET // (model.n_vocabulary * model.n_layers))):
        some = states[:, rows.to(states.device)].float()
        read = some[:-1]
        if lens is not None:
            read = read + torch.einsum("lrd,led->lre", read, lens[0]) + lens[1][:, None]
        parts.append(_divergence(model, read, some[-1]).T.double().cpu())
    values = torch.cat(parts).numpy()
    return np.stack([values[owner.numpy() == text].mean(0) for text in owner.unique().tolist()])


def _result(
    model: Model,
    texts: Corpus,
    states: Tensor,
    owner: Tensor,
    own: np.ndarray,
    lens: tuple[Tensor, Tensor],
    seed: int,
    steps: int,
    rows: int,
    rate: float,
) -> xr.Dataset:
    variables: Variables = {
        "weight": (("layer", "dimension", "given"), lens[0], "what is added to the state: A"),
        "bias": (("layer", "dimension"), lens[1], "what is added to the state: b"),
    }
    for name, maps, text in (("kl", lens, "tuned"), ("kl_logit", None, "logit")):
        values = _measured(model, states, owner, maps)
        bounds = interval(values, seed=seed, level=LEVEL, clusters=own[owner.unique().numpy()][:, None])
        variables[name] = (("layer",), values.mean(0), f"divergence of the {text} lens from the output [nats]")
        variables |= interval_ends(("layer",), bounds, "divergence over texts [nats]", level=LEVEL, name=name)
    return make_result(
        variables,
        {},
        method="lens.tune",
        parameters={
            "steps": steps,
            "rows": rows,
            "rate": rate,
            "held_out_texts": int(owner.unique().numel()),
            "level": LEVEL,
        },
        model=model.info,
        corpus=texts.info,
        seed=seed,
    )
