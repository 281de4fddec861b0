"""Check a model when it is loaded: parity with Hugging Face, and which edits really change the logits.

Nothing here is assumed from a list of architectures: each ability is tried once on a short probe.
"""

import copy
import warnings
from collections.abc import Callable
from typing import Any

import psutil
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from workbench.errors import BrokenModel, WorkbenchError
from workbench.model.attention import fused
from workbench.model.cache_name import accept_both_names
from workbench.model.capture import tensors
from workbench.model.metrics import unembed
from workbench.model.model import Model
from workbench.model.record import record
from workbench.model.rerun import replace_heads, replace_positions, tail
from workbench.text.batches import Batch, pad

_TOLERANCE = {torch.float32: 1e-3, torch.float16: 3e-2, torch.bfloat16: 2e-1}  # of the largest logit


@torch.no_grad()
def check(module: torch.nn.Module, tokenizer: Any, *, name: str, revision: str, digest: str) -> Model:
    """Wrap a transformers module (in place) and record its parity and abilities.

    Args:
        module: a causal language model in evaluation mode.
        tokenizer: its tokenizer.
        name: what it is called in messages and provenance.
        revision: its hub revision, `local` or `in memory`.
        digest: hash of its weights.

    Returns:
        The Model. `parity` holds largest differences of logits: `logits` (wrapped against Hugging Face), `padding`
        (left and right padded against alone), `fused` (attention without patterns against with), `restart` (rerun
        against an ordinary pass); `logit_scale` is the largest logit, to read them by. In bfloat16 or float16 also
        `float32` (logits against the same weights in float32) and `float32_nll` (the probe's loss in nats).

    Raises:
        BrokenModel: the architecture cannot be wrapped, logits are not finite, or the wrapped model is not the model.
    """
    _eager(module)
    probe = _probe(module)
    reference = _plain_logits(module, probe)
    exact = _exact_logits(module, probe)
    model = Model(_wrap(module, name), tokenizer, name, revision, digest)
    scale = float(reference.abs().max())
    if not torch.isfinite(reference).all():
        raise BrokenModel(f"{name!r} gives logits that are NaN or infinite")
    logits = model.logits(_batch(probe, model))
    model.parity = {
        "logit_scale": scale,
        "logits": _gap(logits, reference),
        "padding": _padding_gap(model, probe, logits),
    }
    bound = _TOLERANCE[model.dtype] * max(scale, 1.0)
    for figure in ("logits", "padding"):
        if model.parity[figure] > bound:
            raise BrokenModel(
                f"{name!r} ({model.architecture}) fails the {figure} check: logits differ by "
                f"{model.parity[figure]:.2g}, more than {bound:.2g}"
            )
    if exact is not None:
        model.parity["float32"] = _gap(reference[None], exact)
        losses = [cross_entropy(one[:-1], torch.tensor(probe[0][1:], device=one.device)) for one in (reference, exact)]
        model.parity["float32_nll"] = abs(float(losses[0] - losses[1]))
    _find_abilities(model, probe, bound)
    return model


def _eager(module: torch.nn.Module) -> None:
    """Attention whose pattern exists, so that it can be read and edited."""
    module.set_attn_implementation("eager")  # type: ignore[operator]


def _wrap(module: torch.nn.Module, name: str) -> Any:
    from transformer_lens.model_bridge.sources import build_bridge_from_module

    try:
        bridge = build_bridge_from_module(
            module,
            type(module).__name__,
            hf_config=module.config,
            model_name=name,
        )
        _ = bridge.blocks[0].attn, bridge.ln_final
        accept_both_names(bridge)
    except Exception as error:  # a foreign wrapper fails in as many ways as there are architectures
        text = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise BrokenModel(f"{name!r} ({type(module).__name__}) cannot be wrapped by TransformerLens: {text}") from error
    return bridge


def _probe(module: torch.nn.Module) -> list[list[int]]:
    """Two token sequences of different lengths that every vocabulary has."""
    generator = torch.Generator().manual_seed(0)
    size = module.get_input_embeddings().weight.shape[0]  # type: ignore[operator, union-attr]
    ids = torch.randint(min(10, size - 1), size, (2, 9), generator=generator).tolist()
    return [ids[0], ids[1][:6]]


def _plain_logits(module: torch.nn.Module, probe: list[list[int]]) -> Tensor:
    ids = torch.tensor([probe[0]], device=next(module.parameters()).device)
    return module(input_ids=ids, use_cache=False).logits[0].float()


def _exact_logits(module: torch.nn.Module, probe: list[list[int]]) -> Tensor | None:
    """The logits with the same weights in float32; None where they already are, or where a copy does not fit."""
    parameters = list(module.parameters())
    needed = 4 * sum(parameter.numel() for parameter in parameters)
    if parameters[0].dtype == torch.float32 or needed > psutil.virtual_memory().available // 2:
        return None
    return _plain_logits(copy.deepcopy(module).to("cpu").float(), probe).to(parameters[0].device)


def _batch(sequences: list[list[int]], model: Model, side: str = "right") -> Batch:
    ids, mask = pad(sequences, model.pad_id, side)
    return Batch(ids, mask, ("",) * len(sequences), tuple(range(len(sequences)))).to(model.device)


def _gap(logits: Tensor, reference: Tensor) -> float:
    """Largest difference on the first sample's real positions."""
    return float((logits[0, : reference.shape[0]].float() - reference).abs().max())


def _padding_gap(model: Model, probe: list[list[int]], right: Tensor) -> float:
    """Largest difference of the shorter sample: padded right, padded left, and alone."""
    short = len(probe[1])
    alone = model.logits(_batch(probe[1:], model))[0].float()
    left = model.logits(_batch(probe, model, "left"))[1, -short:].float()
    return float(torch.maximum((right[1, :short].float() - alone).abs(), (left - alone).abs()).max())


def _find_abilities(model: Model, probe: list[list[int]], bound: float) -> None:
    batch = _batch(probe[:1], model)
    plain = model.logits(batch)[0].float()

    def changes(site: str, layer: int, edit: Callable[[Tensor], Tensor]) -> bool:
        point = model.hook_point(site, layer)
        handle = point.register_forward_hook(lambda module, args, output: edit(output))
        try:
            return float((model.logits(batch)[0].float() - plain).abs().max()) > 0
        finally:
            handle.remove()

    def works(trial: Callable[[], bool]) -> bool:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that an edit is discarded is what is being found out
                return trial()
        except (WorkbenchError, RuntimeError, AttributeError, TypeError, ValueError, KeyError, IndexError):
            return False

    layers = list(range(model.n_layers))

    def head() -> bool:
        z = tensors(model, batch, [("head", i) for i in layers])
        shape = (1, len(probe[0]), model.n_heads, model.d_head)
        fits = z["head", 0].numel() == torch.Size(shape).numel()
        layers[:] = [i for i in layers if z["head", i].any()] or layers  # heads that were pruned away change nothing
        return fits and all(changes("head", i, torch.zeros_like) for i in layers)

    def pattern() -> bool:
        return all(changes("pattern", i, lambda p: torch.ones_like(p) / p.shape[-1]) for i in layers)

    def neuron() -> bool:
        if getattr(model.bridge.blocks[0].mlp, "out", None) is None:  # experts: no one matrix that neurons write by
            return False
        last = ("gate", model.n_layers - 1)
        gate = tensors(model, batch, [last])[last]
        if gate.shape[-1] * len(probe[0]) != gate.numel() or not changes("neuron", 0, torch.zeros_like):
            return False
        model.n_neurons = int(gate.shape[-1])
        return True

    def fuses() -> bool:
        attention, projection = model.attention_parts(0)
        hooked = any(part is projection for part in attention.original_component.modules())  # not so in GPT-2
        if not (hooked and getattr(model.module, "_supports_sdpa", False)):
            return False
        padded = _batch(probe, model, "left")
        real = padded.mask.bool()
        wanted = model.logits(padded)[real].float()
        model.abilities["fused"] = True  # what is tried here; the loop below keeps it or takes it back
        try:
            with fused(model):
                found = model.logits(padded)[real].float()
                alone = model.logits(batch)[0].float()
        finally:
            model.abilities["fused"] = False
        model.parity["fused"] = max(float((found - wanted).abs().max()), float((alone - plain).abs().max()))
        return model.parity["fused"] <= bound

    def restart() -> bool:
        model.abilities["restart"] = True  # what is tried here
        model.parity["restart"] = _restart_gap(model, batch, plain)
        return model.parity["restart"] <= bound

    for ability, trial in {
        "head": head,
        "pattern": pattern,
        "neuron": neuron,
        "fused": fuses,
        "restart": restart,
    }.items():
        model.abilities[ability] = works(trial)


def _restart_gap(model: Model, batch: Batch, plain: Tensor) -> float:
    """Largest logit difference of every kind of restart with nothing changed against the ordinary pass."""
    recording = record(model, batch, heads=True, keys=True)
    middle, position = model.n_layers // 2, batch.ids.shape[1] // 2
    runs = [
        tail(recording, 0, recording.residual[0]),
        replace_heads(recording, middle, [0], recording.z[middle][None, :, :, 0]),
        replace_positions(recording, middle, [position], recording.residual[middle][None, :, position], last=True),
    ]
    gap = 0.0
    for states in runs:
        hidden = model.bridge.ln_final(states[0])[0]
        gap = max(gap, float((unembed(model, hidden).detach().float() - plain[-hidden.shape[0] :]).abs().max()))
    return gap
