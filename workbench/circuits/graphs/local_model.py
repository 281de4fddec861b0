"""The local model of one prompt: which features are active, what is left of each MLP, and edges to a stack of targets.

Attention patterns and norms' denominators are constants and MLP outputs are leaves, so what a feature reads is affine
in the embeddings, in what features write, in the errors and in the biases.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from workbench.circuits.transcoders.states import check_fits
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import UnsupportedSite
from workbench.model.gradients import frozen as without_parameters
from workbench.model.linear.frozen_pass import FrozenPass, frozen_pass
from workbench.model.memory import budget
from workbench.model.model import Model
from workbench.text.batches import Batch

_MOST, _PARTS = 256, 6  # targets of a stack; copies of a slope while it is computed


@dataclass(frozen=True, eq=False)
class Readers:
    """Targets of edges: each reads v x + offset, x being a state at a layer and position.

    Attributes:
        layer: [reader]; the number of layers is the final normed state.
        position: [reader].
        vector: v [reader, d].
        offset: [reader].
    """

    layer: Tensor
    position: Tensor
    vector: Tensor
    offset: Tensor


@dataclass(frozen=True, eq=False)
class LocalModel:
    """One prompt with its active features, ordered by layer, position and number.

    Attributes:
        frozen: the frozen pass.
        transcoder: on the model's device.
        place: of each active feature in the transcoder's layers, [feature].
        position: [feature].
        feature: its number in its layer, [feature].
        activation: [feature].
        bias: what each MLP's stand-in writes whatever is active, [layer, position, d].
        errors: what it leaves of the MLP's output, [layer, position, d]; all, in layers that the transcoder lacks.
    """

    frozen: FrozenPass
    transcoder: Transcoder
    place: Tensor
    position: Tensor
    feature: Tensor
    activation: Tensor
    bias: Tensor
    errors: Tensor

    @property
    def n_features(self) -> int:
        """Active features."""
        return len(self.place)

    @property
    def n_positions(self) -> int:
        """Tokens of the prompt."""
        return int(self.errors.shape[1])

    @property
    def n_layers(self) -> int:
        """Layers of the model."""
        return int(self.errors.shape[0])

    @property
    def n_sources(self) -> int:
        """Features, errors by layer and position, embeddings by position, and the bias: the columns of edges."""
        return self.n_features + (self.n_layers + 1) * self.n_positions + 1

    @property
    def stack(self) -> int:
        """Targets of a stack that fit the model's memory."""
        state = self.frozen.final
        row = _PARTS * (self.n_layers + 1) * state.numel() * state.element_size()
        return max(1, min(_MOST, budget(self.frozen.model) // 2 // row))

    def readers(self, features: Tensor) -> Readers:
        """The pre-activations, without b_enc, of some active features, by their place in the order."""
        place, number, own = self.place[features], self.feature[features], self.transcoder
        vector = own.input_scale[place, None] * own.encoder.transpose(1, 2)[place, number]
        vector = vector.to(self.frozen.final.dtype)
        offset = torch.zeros_like(vector[:, 0])
        if own.input_bias is not None:
            offset = -(vector * own.input_bias[place].to(vector)).sum(-1)
        layers = torch.tensor(own.layers, device=place.device)[place]
        return Readers(layers, self.position[features], vector, offset)

    def finals(self, vectors: Tensor) -> Readers:
        """Directions [target, d] of the final normed state at the last position."""
        count, device = len(vectors), self.errors.device
        layer = torch.full((count,), self.n_layers, device=device)
        vectors = vectors.to(self.frozen.final)
        return Readers(layer, torch.full_like(layer, self.n_positions - 1), vectors, torch.zeros_like(vectors[:, 0]))

    def values(self, readers: Readers) -> Tensor:
        """What the readers read in the model's own pass, [reader]."""
        states = torch.cat([*self.frozen.read, self.frozen.final])
        return (readers.vector * states[readers.layer, readers.position]).sum(-1) + readers.offset

    def edges(self, readers: Readers) -> Tensor:
        """What each source contributes to each reader, [reader, source]: one backward pass for all of them.

        A row sums to the reader's value.
        """
        slopes = self._slopes(readers)
        edges = readers.vector.new_zeros(len(readers.vector), self.n_sources)
        self._add_features(edges, slopes)
        column = self.n_features
        for state, slope in zip((*self.errors, self.frozen.embedded[0]), slopes, strict=True):
            if slope is not None:
                edges[:, column : column + len(state)] = (slope * state).sum(-1)
            column += len(state)
        constant = torch.cat([state.detach() for state in self._graph[1]])[readers.layer, readers.position]
        edges[:, -1] = (readers.vector * constant).sum(-1) + readers.offset
        return edges

    @cached_property
    def _graph(self) -> tuple[list[Tensor], list[Tensor]]:
        """Leaves (what each MLP writes, the embeddings) and what depends on them, with its graph.

        The leaves are the biases and 0, so the states are those of a pass without features, errors and embeddings.
        """
        with torch.enable_grad(), without_parameters(self.frozen.model):
            leaves = [state[None].clone().requires_grad_(True) for state in self.bias]
            leaves.append(torch.zeros_like(self.frozen.embedded).requires_grad_(True))
            read, final = self.frozen.run(leaves[-1], lambda layer, x: leaves[layer] + self._skipped(layer, x))
        return leaves, [*read, final]

    def _skipped(self, layer: int, states: Tensor) -> Tensor | float:
        """What the skip connection of a layer writes of what it reads."""
        skip, layers = self.transcoder.skip, self.transcoder.layers
        return 0.0 if skip is None or layer not in layers else states @ skip[layers.index(layer)].to(states)

    def _slopes(self, readers: Readers) -> list[Tensor | None]:
        """Of each reader by each leaf, [reader, position, d]; None where none depends on it."""
        leaves, states = self._graph
        layers = [layer for layer in readers.layer.unique().tolist() if states[layer].requires_grad]
        cotangents = []
        for layer in layers:
            cotangent = torch.zeros(len(readers.vector), *states[layer].shape).to(states[layer])
            rows = (readers.layer == layer).nonzero()[:, 0]
            cotangent[rows, 0, readers.position[rows]] = readers.vector[rows]
            cotangents.append(cotangent)
        slopes = torch.autograd.grad(
            [states[layer] for layer in layers],
            leaves,
            cotangents,
            retain_graph=True,
            allow_unused=True,
            is_grads_batched=True,
        )
        return [None if slope is None else slope[:, 0] for slope in slopes]

    def _add_features(self, edges: Tensor, slopes: list[Tensor | None]) -> None:
        """Write the columns of features, those of one layer and position at a time."""
        groups, counts = torch.stack([self.place, self.position]).unique_consecutive(dim=1, return_counts=True)
        begin = 0
        for (place, position), count in zip(groups.T.tolist(), counts.tolist(), strict=True):
            some = slice(begin, begin + count)
            begin += count
            used = [
                (number, slope[:, position])
                for number, target in enumerate(self.transcoder.targets(place))
                if (slope := slopes[self.transcoder.layers[target]]) is not None
            ]
            if used:
                written = self.transcoder.written(place, self.feature[some])[:, [number for number, _ in used]]
                written = written.to(edges) * self.activation[some, None, None].to(edges)
                edges[:, some] = torch.cat([slope for _, slope in used], 1) @ written.flatten(1).T


@torch.no_grad()
def local_model(transcoder: Transcoder, model: Model, batch: Batch) -> LocalModel:
    """Run a prompt and take every MLP apart into features, a bias and an error.

    Raises:
        BadTranscoder: the transcoder is of a model of another shape.
        UnsupportedSite: the model has no such site, or the features do not read before an MLP and write what it writes.
    """
    check_fits(model, transcoder)
    if transcoder.reads in ("mlp_out", "residual_post") or transcoder.writes != "mlp_out":
        raise UnsupportedSite(
            "an attribution graph takes features that read before an MLP and write what it writes (mlp_out); these "
            f"read {transcoder.reads!r} and write {transcoder.writes!r}"
        )
    transcoder = transcoder.to(model.device)
    frozen = frozen_pass(model, batch, reads=transcoder.reads, writes=transcoder.writes)
    written = torch.cat(frozen.written)
    bias, features = torch.zeros_like(written), torch.zeros_like(written)
    active: list[tuple[Tensor, ...]] = []
    for here, layer in enumerate(transcoder.layers):
        activations = transcoder.encode(here, frozen.read[layer][0])
        position, number = activations.nonzero().unbind(1)
        active.append((torch.full_like(position, here), position, number, activations[position, number]))
        for step, target in enumerate(transcoder.targets(here)):
            decoder = transcoder.decoder[here][:, step] / transcoder.output_scale[target]
            features[transcoder.layers[target]] += activations.to(written) @ decoder.to(written)
        bias[layer] = (transcoder.decoder_bias[here] / transcoder.output_scale[here]).to(written)
        if transcoder.skip is not None:
            features[layer] += frozen.read[layer][0] @ transcoder.skip[here].to(written)
    place, position, number, activation = (torch.cat(parts) for parts in zip(*active, strict=True))
    errors = written - bias - features
    return LocalModel(frozen, transcoder, place, position, number, activation, bias, errors)
