"""Check a model when it is loaded: parity with Hugging Face, causality, and every path that an analysis takes.

Nothing here is assumed from a list of architectures: each ability is tried on a short probe (`capabilities.py`), and
the outcome is remembered on disk for the same weights, configuration and library versions (`remembered.py`).
"""

import copy
from typing import Any

import psutil
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from workbench.errors import BrokenModel, first_line
from workbench.model.checks.capabilities import find_abilities
from workbench.model.checks.probe import TOLERANCE, Probe, try_probe
from workbench.model.checks.remembered import recall, remember
from workbench.model.forward.record import record
from workbench.model.loading.wrap import PARITY, wrap, wrapped_before
from workbench.model.metrics import unembed
from workbench.model.model import Model

_NOISE = 4  # times the rounding of the type, where that was measured
_PLAIN = {torch.float32: 5e-5, torch.float16: 5e-3, torch.bfloat16: 2e-2}  # of the largest product with the unembedding
_HEAD_ROWS, _HEAD_TOKENS, _LARGE = 4, 512, 20.0  # states, vocabulary entries and a factor to try the unembedding on


@torch.no_grad()
def check(
    module: torch.nn.Module, tokenizer: Any, *, name: str, revision: str, digest: str, key: str | None = None
) -> Model:
    """Wrap a transformers module (in place) and record its parity and abilities.

    Args:
        module: a causal language model in evaluation mode.
        tokenizer: its tokenizer.
        name: what it is called in messages and provenance.
        revision: its hub revision, `local` or `in memory`.
        digest: hash of its weights.
        key: of all that the outcome depends on; an outcome stored under it is used, a new one stored.

    Returns:
        The Model. `parity` holds largest differences of logits: `logits` (wrapped against Hugging Face), `read` (the
        path that metrics take against Hugging Face), `padding` (left padded against alone), `fused` (attention without
        patterns against with), `restart` (cells of sweeps against full passes with hooks), `generate` (cached
        generation against full passes), `causal` (earlier logits after a later token changed); `logit_scale` is the
        largest logit, for comparison. In bfloat16 or float16 also `float32` (logits against the same weights in
        float32) and `float32_nll` (the probe's loss in nats).

    Raises:
        BrokenModel: the architecture cannot be wrapped or is not causal, logits are not finite, or the wrapped model
            computes other logits.
    """
    before = wrapped_before(module)
    module.set_attn_implementation("eager")  # type: ignore[operator]  # its pattern can be read and edited
    if key is not None and before is None and (outcome := recall(key)) is not None:
        model = Model(wrap(module, name), tokenizer, name, revision, digest, **outcome)
        model.bridge.__dict__[PARITY] = dict(model.parity)
        return model
    probe = try_probe(module, name)
    _check_causal(module, probe, name)
    exact = _exact_logits(module, probe) if before is None else None
    model = Model(wrap(module, name), tokenizer, name, revision, digest)
    try:
        _find_parity(model, probe, exact)
    except (RuntimeError, TypeError, AttributeError, KeyError, IndexError, AssertionError) as error:
        raise BrokenModel(
            f"{name!r} ({model.architecture}) does not run once TransformerLens has wrapped it "
            f"({type(error).__name__}: {first_line(error)}); nothing could be read from it"
        ) from error
    if before is not None:  # its unwrapped logits were compared when it was wrapped
        seen = before.__dict__[PARITY]
        model.parity |= {figure: seen[figure] for figure in ("logits", "float32", "float32_nll") if figure in seen}
    find_abilities(model, probe, _bound(model))
    model.bridge.__dict__[PARITY] = dict(model.parity)
    if key is not None:
        remember(key, model)
    return model


def _check_causal(module: Any, probe: Probe, name: str) -> None:
    """Refuse an encoder, before anything in it is changed."""
    bound = TOLERANCE[next(module.parameters()).dtype] * max(probe.scale, 1.0)
    if probe.leak > bound:
        raise BrokenModel(
            f"{name!r} ({type(module).__name__}) is not causal: other tokens at the end of a text move the logits "
            f"before them by {probe.leak:.2g}; the workbench reads models that predict the next token"
        )


def _find_parity(model: Model, probe: Probe, exact: Tensor | None) -> None:
    real = probe.batch(model.device).mask.bool()
    if not torch.isfinite(probe.reference[real]).all():
        raise BrokenModel(f"{model.name!r} gives logits that are NaN or infinite")
    recording = record(model, probe.batch(model.device))
    hidden = model.bridge.ln_final(recording.residual[-1])
    model.parity = {
        "logit_scale": probe.scale,
        "logits": probe.gap(model.logits(probe.batch(model.device))),
        "read": probe.gap(unembed(model, hidden.flatten(0, 1)).reshape(*hidden.shape[:2], -1)),
        "padding": _padding_gap(model, probe, hidden),
        "causal": probe.leak,
    }
    if exact is not None:
        model.parity["float32"] = probe.gap(exact)
        ids = torch.tensor(probe.rows[0][1:], device=exact.device)
        losses = [cross_entropy(logits[0, :-1], ids) for logits in (probe.reference, exact)]
        model.parity["float32_nll"] = abs(float(losses[0] - losses[1]))
    bound = _bound(model)
    wrong = {
        "logits": "the wrapped model computes other logits",
        "read": "what follows its last norm is unknown, so neither losses nor answers could be read",
        "padding": "padding changes its logits",
    }
    for figure, what in wrong.items():
        if not model.parity[figure] <= bound:
            raise BrokenModel(
                f"{model.name!r} ({model.architecture}) fails the {figure} check, {what}: logits differ by "
                f"{model.parity[figure]:.2g}, more than {bound:.2g}"
            )
    model.plain_head = _is_plain(model, hidden[0, -_HEAD_ROWS:])


def _bound(model: Model) -> float:
    """Largest difference of logits that rounding explains."""
    bound = TOLERANCE[model.dtype] * max(model.parity["logit_scale"], 1.0)
    return min(bound, _NOISE * model.parity["float32"] + 1e-6 * bound) if "float32" in model.parity else bound


def _padding_gap(model: Model, probe: Probe, right: Tensor) -> float:
    """Largest difference of the shorter sample's logits: padded right, padded left, and alone."""
    short = len(probe.rows[-1])
    alone = model.states(probe.batch(model.device, rows=slice(2, 3)))[0]
    left = model.states(probe.batch(model.device, side="left"))[-1, -short:]
    logits = unembed(model, torch.cat([alone, left, right[-1, :short]])).float().split(short)
    return float(torch.maximum((logits[1] - logits[0]).abs(), (logits[2] - logits[0]).abs()).max())


def _is_plain(model: Model, states: Tensor) -> bool:
    """Whether logits are the state times the unembedding alone; large states show a soft cap that small ones hide."""
    head = model.module.get_output_embeddings()
    weight = getattr(getattr(head, "original_component", head), "weight", None)
    if not isinstance(weight, Tensor) or weight.dim() != 2 or not weight.dtype.is_floating_point:
        return False
    states = torch.cat([states, _LARGE * states])
    every = max(1, weight.shape[0] // _HEAD_TOKENS)
    logits, product = unembed(model, states)[:, ::every].float(), (states @ weight[::every].t()).float()
    return bool((logits - product).abs().max() <= _PLAIN[model.dtype] * product.abs().max())


def _exact_logits(module: torch.nn.Module, probe: Probe) -> Tensor | None:
    """The logits with the same weights in float32; None where they already are, or where a copy does not fit."""
    first = next(module.parameters())
    needed = 4 * sum(parameter.numel() for parameter in module.parameters())
    quantised = getattr(module, "quantization_method", None) or getattr(module, "hf_device_map", None)
    if first.dtype == torch.float32 or quantised or needed > psutil.virtual_memory().available // 2:
        return None
    batch = probe.batch(torch.device("cpu"))
    copied: Any = copy.deepcopy(module).to("cpu").float().eval()
    return copied(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False).logits.to(first.device)
