"""Exact: the transcoder that an MLP of ReLU neurons is, whose features are its neurons."""

from typing import Any

import torch
from torch import Tensor

from workbench.arguments import checked, finite
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import UnsupportedSite
from workbench.model.activations import tensors
from workbench.model.effective_weights import effective_weight
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.text.batches import Batch, collate
from workbench.text.corpus import Corpus

_ROWS, _COLUMNS = 8, 24  # of the random tokens on which it is checked


@checked
@alone
@torch.no_grad()
def exact(model: Model, corpus: Corpus | None = None, *, tolerance: float = 1e-4, seed: int = 0) -> Transcoder:
    """Make the per-layer transcoder that the model's MLPs are: one feature a neuron, thresholds 0, nothing unexplained.

    An MLP y = relu(x W_in + b_in) W_out + b_out is a transcoder. So is a gated one, relu(x W_gate) * (x W_up), whose up
    projection gives each neuron one number whatever it reads, as that of `wb.planted.neurons` of one layer does.
    Whether it is so is measured in every layer. What features say can then be compared with what is known of neurons:
    firing, classes and knock-outs must agree.

    Args:
        model: the model.
        corpus: the texts on which it is measured, of which the first few are read; random tokens when None.
        tolerance: largest error of a layer's output, as a share of its largest number. 1 takes any ReLU model as the
            nearest of this kind: features then fire where neurons do, and what they write is approximate.
        seed: of the random tokens.

    Raises:
        UnsupportedSite: the neurons cannot be read, or the MLPs compute something else; with the layer and the error.
        BadArgument: `tolerance` is not above 0.

    Example:
        >>> made = wb.planted.neurons("de,en,fr", layers=1)                                      # doctest: +SKIP
        >>> features = wb.circuits.exact(made.model, made.corpus)                                # doctest: +SKIP
        >>> wb.circuits.firing(features, made.model, made.corpus)                                # doctest: +SKIP
    """
    finite("tolerance", tolerance, above=0)
    model.require("neuron")
    layers = range(model.n_layers)
    batch = _random(model, seed) if corpus is None else _first(model, corpus)
    kinds = ("mlp_in", "gate", "neuron", "mlp_out")
    seen = {
        place: values.reshape(batch.ids.numel(), -1)[batch.mask.flatten().bool()].float()
        for place, values in tensors(model, batch, [(kind, i) for kind in kinds for i in layers]).items()
    }
    encoders, biases, decoders, decoder_biases = [], [], [], []
    for i in layers:
        encoder = _gate(model, i)
        off = torch.zeros(1, 1, model.d_model, dtype=model.dtype, device=model.device)
        ratio = _ratio(seen["neuron", i], seen["gate", i].relu())
        down = model.bridge.blocks[i].mlp.out.original_component
        encoders.append(effective_weight(encoder, model.d_model).float())
        biases.append(encoder.original_component(off).flatten().float())
        decoders.append((ratio[:, None] * model.down_weight(i).float())[:, None])
        decoder_biases.append(down(off.new_zeros(1, 1, model.n_neurons)).flatten().float())
    units = torch.ones(model.n_layers, device=model.device)
    made = Transcoder(
        kind="per_layer",
        layers=tuple(layers),
        encoder=torch.stack(encoders),
        encoder_bias=torch.stack(biases),
        threshold=torch.zeros(model.n_layers, model.n_neurons, device=model.device),
        decoder=tuple(decoders),
        decoder_bias=torch.stack(decoder_biases),
        input_scale=units,
        output_scale=units.clone(),
        activation="relu",
        record={"made": "circuits.exact", "model": model.info.get("name")},
    )
    for i in layers:
        states, written = seen["mlp_in", i], seen["mlp_out", i]
        activations = [made.encode(place, states) if place == i else states.new_empty(0) for place in layers]
        error = float((made.output(i, activations) - written).abs().max() / written.abs().max().clamp(min=1e-30))
        if not error <= tolerance:
            raise UnsupportedSite(
                f"{model.name!r} ({model.architecture}): the MLP of layer {i} is no sum of ReLU features of what it "
                f"reads (off by {error:.2g} of its largest output); train a transcoder instead"
            )
    return made


def _gate(model: Model, layer: int) -> Any:
    """The projection before the activation function."""
    mlp = model.bridge.blocks[layer].mlp
    return mlp.gate if hasattr(mlp, "gate") else getattr(mlp, "in")


def _ratio(values: Tensor, fires: Tensor) -> Tensor:
    """What each neuron's activation [token, neuron] is, in the least squares, of its ReLU; 1 where it never fires."""
    square = fires.square().sum(0)
    return torch.where(square > 0, (values * fires).sum(0) / square, 1.0)


def _random(model: Model, seed: int) -> Batch:
    """Random tokens of the model's vocabulary."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(model.n_embedded, (_ROWS, min(_COLUMNS, model.n_context)), generator=generator)
    return Batch(ids, torch.ones_like(ids), ("",) * _ROWS, tuple(range(_ROWS))).to(model.device)


def _first(model: Model, corpus: Corpus) -> Batch:
    """The first texts of every language."""
    few = corpus.limit(max(1, 2 * _ROWS // len(corpus.languages)))
    return collate(model.encode(few, truncate=True), model.pad_id).to(model.device)
