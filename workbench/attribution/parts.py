"""Parts: what the embedding, every head and every MLP write towards an answer, of one batch of prompts."""

from functools import partial
from typing import Any

import torch
from torch import Tensor

from workbench.attribution.directions import FrozenNorm, unembedding
from workbench.errors import UnsupportedSite
from workbench.model.forward.record import record
from workbench.model.forward.recording import Recording, first
from workbench.model.hooks import after, hooked
from workbench.model.metrics import unembed
from workbench.model.model import Model
from workbench.text.batches import Batch

_EXACT = {torch.float32: 1e-3}  # largest error, as a share of all that is written
_NARROW = 5e-2


Shares = dict[str, Tensor]
"""What the parts write, in logits of answer minus foil, by variable of `direct`: [prompt, ...]."""


@torch.no_grad()
def parts(model: Model, batch: Batch, tokens: Tensor) -> tuple[Shares, Tensor, bool]:
    """Run prompts, padded on the left, and divide the last position's logit difference among the parts.

    Of tokens, answer and foil [prompt, 2], -1 stands for the model's first choice, and for the best other token.

    Returns:
        The shares; answer and foil, [prompt, 2]; whether the logits have a soft cap: the difference is the one before.

    Raises:
        UnsupportedSite: the outputs of the parts do not add up to the residual stream.
    """
    written: dict[int, Tensor] = {}
    mlps = {i: part for i, block in enumerate(model.bridge.blocks) if (part := getattr(block, "mlp", None)) is not None}

    def store(layer: int, output: Any) -> None:
        written[layer] = first(output)

    with hooked([after(part, partial(store, i)) for i, part in mlps.items()]):
        recording = record(model, batch, heads=True)
    states = [layer[:, -1].float() for layer in recording.residual]
    normed = model.bridge.ln_final(recording.residual[-1][:, -1:])[:, 0]
    logits = unembed(model, normed).float()
    tokens = chosen(logits, tokens.to(logits.device))
    direction, constant, capped = unembedding(model, normed, logits, tokens)
    final = FrozenNorm.of(model.bridge.ln_final, model.d_model, normed)
    towards = final.back(direction, recording.residual[-1][:, -1])
    head_shares, attention_shares, layer_shares = [], [], []
    for layer in range(model.n_layers):
        heads, attention = _attention(recording, layer, towards)
        moved = states[layer + 1] - states[layer]
        if layer in written:
            _check_mlp(recording, layer, written[layer], moved - attention, states[layer] + attention)
        head_shares.append(heads)
        attention_shares.append((attention * towards).sum(-1))
        layer_shares.append((moved * towards).sum(-1))
    attention, layers = torch.stack(attention_shares, 1), torch.stack(layer_shares, 1)
    rows, (answers, foils) = torch.arange(len(tokens), device=logits.device), tokens.unbind(1)
    plain = (normed.float() * direction).sum(-1) + constant
    shares = {
        "head_effect": torch.stack(head_shares, 1),
        "attention_effect": attention,
        "mlp_effect": layers - attention,
        "layer_effect": attention + (layers - attention),
        "embedding_effect": (states[0] * towards).sum(-1),
        "constant_effect": constant + (final.bias * direction).sum(-1),
        "difference": plain if capped else logits[rows, answers] - logits[rows, foils],
    }
    single = [shares["embedding_effect"][:, None], attention, shares["mlp_effect"], shares["constant_effect"][:, None]]
    whole = torch.cat(single, 1)
    error = whole.sum(1) - shares["difference"]
    _require(model, error, whole.abs().sum(1), "the parts do not sum to the logit difference")
    return shares, tokens, capped


def chosen(logits: Tensor, tokens: Tensor) -> Tensor:
    """Answer and foil [row, 2] where they are given, else the first choice of the logits, and the best other token."""
    rows = torch.arange(len(tokens), device=logits.device)
    answer = torch.where(tokens[:, 0] < 0, logits.argmax(-1), tokens[:, 0])
    others = logits.clone()
    others[rows, answer] = -torch.inf
    return torch.stack([answer, torch.where(tokens[:, 1] < 0, others.argmax(-1), tokens[:, 1])], 1)


def _attention(recording: Recording, layer: int, towards: Tensor) -> tuple[Tensor, Tensor]:
    """What each head of a layer writes towards the answer, [row, head], and what all write, [row, d_model].

    Where a norm stands between the attention and the residual stream (Gemma), its scale is frozen too.

    Raises:
        UnsupportedSite: the heads and the biases after them are not all that the attention writes.
    """
    model = recording.model
    projection: Any = model.attention_parts(layer)[1]
    projection = getattr(projection, "original_component", projection)
    z = recording.z[layer][:, -1]
    output = projection(z.flatten(1)[None])[0]
    bias = projection(torch.zeros_like(z[:1].flatten(1))[None])[0].float()
    norm = getattr(model.bridge.blocks[layer], "ln1_post", None)
    back, written, constant = towards, output.float(), (bias * towards).sum(-1)
    if norm is not None:
        frozen = FrozenNorm.of(norm, model.d_model, output)
        back, written = frozen.back(towards, output), norm(output[None])[0].float()
        constant = (bias * back).sum(-1) + (frozen.bias * towards).sum(-1)
    heads = torch.einsum("shd,hdm,sm->sh", z.float(), model.output_weight(layer).float(), back)
    rest = (written * towards).sum(-1) - heads.sum(-1) - constant
    _require(model, rest, heads.abs().sum(-1), f"the heads of layer {layer} do not sum to its attention")
    return heads, written


def _check_mlp(recording: Recording, layer: int, output: Tensor, rest: Tensor, before: Tensor) -> None:
    """Refuse a layer that adds anything to `before`, [row, d_model], but its MLP's output: `rest`, [row, d_model].

    In some architectures (BLOOM) that output includes the residual stream before it.
    """
    model = recording.model
    norm = getattr(model.bridge.blocks[layer], "ln2_post", None)
    output = output.reshape(recording.n_samples, recording.n_positions, -1)
    written = (output if norm is None else norm(output))[:, -1].float()
    error = torch.minimum((written - rest).norm(dim=-1), (written - before - rest).norm(dim=-1))
    what = f"layer {layer} scales, norms or mixes what its attention and its MLP write before it adds them"
    _require(model, error, rest.norm(dim=-1) + before.norm(dim=-1), what)


def _require(model: Model, error: Tensor, size: Tensor, what: str) -> None:
    share = float((error.abs() / size.clamp(min=1e-30)).max())
    if not share <= _EXACT.get(model.dtype, _NARROW):
        raise UnsupportedSite(
            f"{model.name!r} ({model.architecture}): {what} (off by {share:.2g} of them); direct attribution takes "
            "models that add up what their parts write"
        )
