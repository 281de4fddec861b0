"""Training of transcoders: sparse features that reconstruct what MLPs write from what they read."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from workbench.arguments import checked, finite, whole_number
from workbench.circuits.transcoders.jump_relu import Window
from workbench.circuits.transcoders.sampling import Sampler, checked_shares
from workbench.circuits.transcoders.transcoder import Kind, Transcoder
from workbench.circuits.transcoders.weights import Recipe, Weights
from workbench.errors import NotFinite
from workbench.model.forward.alone import alone
from workbench.model.forward.optimizer import adam_state
from workbench.model.model import Model
from workbench.results.resuming.stoppable import Stoppable
from workbench.text.corpus import Corpus
from workbench.text.readers import load_corpus

_FIRST = 4096  # tokens that scales and biases are set on
_SILENT = 250  # batches after which a silent feature counts as dead
_OF_CORPUS = ("source", "hash", "languages", "counts")
_CURVE = ("loss", "unexplained", "active")

States = Callable[[int, torch.Generator], tuple[Tensor, Tensor]]
"""A number of tokens and a generator to x and y of as many drawn tokens, each [layer, token, d]."""


# Long: the parameters are the method's own options.
@checked
@alone
def train(
    model: Model,
    corpus: Corpus | str | Sequence[Corpus] = "parallel",
    *,
    shares: Sequence[float] | None = None,
    kind: Kind = "cross_layer",
    features: int | None = None,
    steps: int = 3000,
    batch: int = 1024,
    length: int = 64,
    rate: float = 2e-3,
    sparsity: float = 0.8,
    pull: float = 1e-4,
    threshold: float = 0.03,
    width: float = 1.0,
    window: Window = "threshold",
    bf16: bool = False,
    progress: bool = True,
    seed: int = 0,
) -> Transcoder:
    """Train a transcoder of every layer of a model; the model does not change.

    With x_l what the MLP of layer l reads, y_l what it writes (after a norm that follows it), s_l = sqrt(d) / mean
    |x_l| and t_l = sqrt(d) / mean |y_l|: h_l = s_l x_l W_enc + b_enc, a_l = JumpReLU(h_l), yhat_m = (b_dec[m] + sum
    over l <= m of a_l W_dec[l, m]) / t_m. The loss of a token is sum_m t_m^2 |y_m - yhat_m|^2 + lambda sum
    tanh(4 a n) + mu sum relu(theta - h) n, where n is the length of a feature's decoders over all layers together.
    Train on prompts of the kind that you will explain, besides text.

    Args:
        model: the model, whose MLPs have one input and one output.
        corpus: texts to train on, what `load_corpus` reads, or several corpora.
        shares: how often a token comes from each corpus; all alike when None.
        kind: "cross_layer", features write to their own layer and all after it; "per_layer", to their own alone.
        features: of each layer; six times the width when None.
        steps: of training.
        batch: tokens in a step.
        length: tokens of a text at most; longer texts are read in pieces.
        rate: of learning (Adam; gradients longer than 1 are cut).
        sparsity: lambda; it grows from 0 over 95 % of the steps.
        pull: mu, which brings back features that are off.
        threshold: theta before training; it is trained as exp(log theta).
        width: eps, of the window in which theta has a gradient.
        window: "both" gives h the window's gradient too.
        bf16: multiply matrices in bfloat16, several times faster where the hardware has it; weights stay float32.
        seed: of weights and batches.

    Returns:
        A Transcoder. Its `record` has the hyperparameters, the tokens read, `curve` (a row for each fiftieth of the
        steps: step, loss, share of the variance that is not explained, mean active features of a token in a layer),
        and `dead`, the share of features that were silent for the last 250 batches.

    Raises:
        UnsupportedSite: the model's MLPs have no such input.
        NotFinite: the loss is NaN or infinite.
        BadArgument: a number outside its range.
        Interrupted: `partial` is the transcoder as far as it was trained.

    Source:
        Ameisen et al. 2025 (Circuit tracing); Harrasse et al. 2025 (arXiv 2511.10840), whose scripts take 32 d
        features, rows of 16 tokens and lambda 1.15.

    Example:
        >>> made = train(model, wb.load_corpus("parallel"), steps=300)                           # doctest: +SKIP
        >>> wb.circuits.quality(made, model, wb.load_corpus("parallel")).explained               # doctest: +SKIP
    """
    for name, value in {"steps": steps, "batch": batch, "length": length}.items():
        whole_number(name, value, at_least=1)
    numbers = {
        **{name: finite(name, value, above=0) for name, value in (("rate", rate), ("threshold", threshold))},
        **{name: finite(name, value, at_least=0) for name, value in (("sparsity", sparsity), ("pull", pull))},
        "width": finite("width", width, above=0),
    }
    count = 6 * model.d_model if features is None else whole_number("features", features, at_least=1)
    corpora = [corpus] if isinstance(corpus, Corpus) else [load_corpus(corpus)] if isinstance(corpus, str) else corpus
    portions = checked_shares(corpora, shares)
    sampler = Sampler(model, corpora, portions, length)
    recipe = Recipe(kind=kind, features=count, steps=steps, batch=batch, window=window, bf16=bf16, **numbers)
    weights = Weights(recipe, *sampler.states(max(batch, _FIRST), _generator(seed, 1)), _generator(seed, 2))
    loop, history, done = fit(weights, sampler.states, progress, _generator(seed, 3))
    record = {
        "method": "circuits.train",
        "model": model.info["hash"],
        "corpus": [
            {**{name: each.info[name] for name in _OF_CORPUS}, "share": share}
            for each, share in zip(corpora, portions, strict=True)
        ],
        "parameters": {**vars(recipe), "length": length},
        "seed": seed,
        "tokens": done * batch,
        "curve": history,
        "dead": float((weights.silent >= min(_SILENT, max(done, 1))).float().mean()),
    }
    return loop.result(weights.transcoder(record))


def _generator(seed: int, purpose: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed * 1000 + purpose)


def fit(
    weights: Weights, states: States, progress: bool, draw: torch.Generator
) -> tuple[Stoppable, list[dict[str, float]], int]:
    """Train; the loop, the loss curve, and how many steps were done."""
    recipe = weights.recipe
    optimizer = torch.optim.Adam(list(weights.trained.values()), lr=recipe.rate, betas=(0.9, 0.999), fused=True)
    curve = torch.zeros(recipe.steps, 3)
    done = torch.zeros((), dtype=torch.int64)  # steps
    state = {**adam_state(optimizer, **weights.trained), "curve": curve, "silent": weights.silent, "generator": draw}
    state["done"] = done
    stopped = "interrupted: the transcoder, as far as it was trained, is in .partial"
    with Stoppable("training a transcoder", recipe.steps, "step", lambda: stopped, progress=progress) as loop:
        for step in loop.steps(range(recipe.steps), state, size=lambda _: 1):
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate_at(step)
            loss, unexplained, active = weights.loss(*states(recipe.batch, draw), recipe.sparsity_at(step))
            if not bool(loss.isfinite()):
                raise NotFinite(
                    f"the loss of step {step} is {float(loss.detach())}: take a smaller rate than {recipe.rate}"
                )
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights.trained.values(), 1.0)
            optimizer.step()
            curve[step] = torch.stack([loss.detach(), unexplained, active]).cpu()
            done += 1
            if step % 20 == 0:
                loop.bar.set_postfix(
                    explained=f"{1 - float(unexplained):.3f}", active=f"{float(active):.1f}", refresh=False
                )
    return loop, _summary(curve[: int(done)]), int(done)


def _summary(curve: Tensor) -> list[dict[str, float]]:
    """At most some fifty rows of means of a curve [step, number]."""
    width = max(1, len(curve) // 50)
    return [
        {"step": start + width, **dict(zip(_CURVE, map(_rounded, curve[start : start + width].mean(0)), strict=True))}
        for start in range(0, len(curve) - width + 1, width)
    ]


def _rounded(value: Tensor) -> float:
    return round(float(value), 4)
