"""Intervene: temporarily set features of a transcoder to given activations, in every forward pass."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from workbench.arguments import checked, finite, one_of, shown, whole_number
from workbench.circuits.features.frozen import Frozen
from workbench.circuits.features.reading import fitting
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadArgument, UnsupportedSite
from workbench.model.forward.alone import alone_inside
from workbench.model.forward.recording import first
from workbench.model.hooks import Hook, after, entered_blocks, hooked, on_call, on_return
from workbench.model.model import Model
from workbench.results.groups import is_pair

FROZEN = ("attention", "all")
Values = Mapping[tuple[int, int], float]
"""(layer, feature) to an activation."""


@checked
@alone_inside
def intervene(
    transcoder: Transcoder,
    model: Model,
    values: Values,
    *,
    frozen: Literal["attention", "all"] | None = None,
    positions: Sequence[int] | None = None,
) -> Iterator[None]:
    """Inside, features have the given activations: what each writes changes by (value - a) times its decoders.

    a is the activation that the feature would have. The change is added to what the MLP of each layer that the feature
    writes to gives, so what the transcoder does not explain stays. All applies however the whole model is run: forward
    passes, recordings, generation; a pass that begins at a later layer is refused.

    Args:
        transcoder: the features.
        model: the model that it was made for.
        values: (layer, feature) to its activation, with the model's number of the layer; 0 switches a feature off, and
            below 0 is beyond off (published: 0, -5 and -10).
        frozen: what keeps its values of the pass without the change, which is run first: `"attention"`, the attention
            patterns; `"all"`, also the denominators of the norms and what every MLP writes but for the change, a being
            that of the first pass: then every later number moves in proportion to value - a, by the weight of the
            edges of an attribution graph, in which a skip connection is no part of what is frozen. Nothing when None:
            the model reacts as it does.
        positions: tokens of each text at which features are set, counted from its first real token, or from its last
            when negative; None: all but those that the tokenizer puts before every text. Padding never.

    Raises:
        BadTranscoder: it is of a model of another shape.
        BadArgument: a layer that the transcoder lacks, a feature that does not exist, a value that is no finite number,
            positions that no text has.
        UnsupportedSite: the sites are missing, or ran otherwise than once in each pass; with `frozen`, patterns cannot
            be edited, a norm is of no known form, the pass continues a cache, or, with "all", features write
            elsewhere than MLPs do.

    Source:
        Ameisen et al. 2025 (constrained patching); released values: github.com/gmum/MultilingualCLTs.

    Example:
        >>> with wb.circuits.intervene(transcoder, model, {(3, 17): 0.0}):                       # doctest: +SKIP
        ...     model.logits("Der Hund")
    """
    if frozen is not None:
        one_of("frozen", frozen, FROZEN)
    moved = fitting(transcoder, model)
    chosen = read_values(moved, values)
    if positions is not None and not len(positions):
        raise BadArgument("positions is empty; give at least one, or None for all")
    for position in positions or ():
        whole_number("positions", position, at_least=-model.n_context)
    passes = _Passes(moved, model, chosen, frozen, positions)
    with hooked(passes.hooks() if chosen else []):
        passes.blocks = entered_blocks()
        yield
    passes.check()


def read_values(transcoder: Transcoder, values: Values) -> dict[int, tuple[Tensor, Tensor]]:
    """Features and their activations by place in the transcoder's layers, [feature] each.

    Raises:
        BadArgument: not (layer, feature) to a number, or one that does not exist.
    """
    lists: dict[int, tuple[list[int], list[float]]] = {}
    for pair, value in values.items():
        if not is_pair(pair) or pair[0] not in transcoder.layers or not 0 <= pair[1] < transcoder.n_features:
            raise BadArgument(
                f"{shown(pair)} is no (layer, feature) of this transcoder: it has the layers "
                f"{list(transcoder.layers)} and features 0 to {transcoder.n_features - 1}"
            )
        features, amounts = lists.setdefault(transcoder.layers.index(pair[0]), ([], []))
        features.append(int(pair[1]))
        amounts.append(finite(f"values[{shown(pair)}]", value))
    return {
        place: (
            torch.tensor(features, device=transcoder.device),
            torch.tensor(amounts, dtype=torch.float32, device=transcoder.device),
        )
        for place, (features, amounts) in sorted(lists.items())
    }


class _Passes:
    """The change in the running pass: what was read, what is to be added to each layer, and the pass without it."""

    def __init__(
        self,
        transcoder: Transcoder,
        model: Model,
        chosen: Mapping[int, tuple[Tensor, Tensor]],
        frozen: str | None,
        positions: Sequence[int] | None,
    ):
        self.transcoder, self.model, self.chosen, self.positions = transcoder, model, chosen, positions
        self.frozen = None if frozen is None else Frozen(model, transcoder, everything=frozen == "all")
        self.written = {place: transcoder.written(place, features) for place, (features, _) in chosen.items()}
        self.blocks = 0
        self.where: Tensor | None = None
        self.changes: dict[int, Tensor] = {}  # value - a by place, [row, position, feature]
        self.n_passes, self.n_writes = 0, dict.fromkeys(self._targets(), 0)
        self.reached = positions is None  # whether any token was at the positions

    def hooks(self) -> list[Hook]:
        """All hooks; those that freeze run before the change is added."""
        decoder = self.model.module.get_decoder()
        layers, transcoder, model = self.transcoder.layers, self.transcoder, self.model
        reads = [after(model.hook_point(transcoder.reads, layers[p]), self._reader(p)) for p in self.chosen]
        writes = [after(model.hook_point(transcoder.writes, layers[p]), self._writer(p)) for p in self._targets()]
        freezing = self.frozen.hooks() if self.frozen else []
        return [on_call(decoder, self._begin), *reads, *freezing, *writes, on_return(decoder, self._end)]

    def check(self) -> None:
        """Refuse a model in which the change was not written once in each whole pass, and positions of no text.

        Raises:
            UnsupportedSite: with the numbers.
            BadArgument: no token was at the positions, so nothing was set.
        """
        if self.n_passes and {*self.n_writes.values()} - {self.n_passes}:
            raise UnsupportedSite(
                f"features of {self.model.name!r} were not written once in each pass ({self.n_passes} passes): "
                f"{self.n_writes}"
            )
        if self.n_passes and not self.reached:
            raise BadArgument(f"positions={shown(self.positions)}: no text that was read has such a token")

    def _targets(self) -> list[int]:
        return sorted({target for place in self.chosen for target in self.transcoder.targets(place)})

    @property
    def _clean(self) -> bool:
        return self.frozen is not None and self.frozen.recording

    def _begin(self, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        if self._clean:
            return
        self.changes.clear()
        self.where = None
        if self.frozen:
            self.frozen.record(args, named, self.blocks)
        self.mask = named.get("attention_mask")
        lengths = [value.get_seq_length() for value in named.values() if hasattr(value, "get_seq_length")]
        self.start = int(lengths[0]) if lengths else 0

    def _end(self, args: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        if not self._clean:
            self.n_passes += 1
            self.changes.clear()

    def _reader(self, place: int) -> Any:
        features, values = self.chosen[place]

        def read(states: Tensor) -> None:
            if self.frozen and self.frozen.everything and not self._clean:
                return  # a is that of the pass without the change
            activations = self.transcoder.encode(place, states)[..., features]
            self.changes[place] = values - activations

        return read

    def _writer(self, target: int) -> Any:
        sources = [place for place in self.chosen if target in self.transcoder.targets(place)]

        def write(output: Any) -> Any:
            if self._clean:
                return None
            states = first(output)
            if not self.changes.keys() >= set(sources):
                raise UnsupportedSite("this pass begins after a layer whose features are set; run the whole model")
            change = sum(self.changes[s] @ self.written[s][:, target - s] for s in sources)
            assert isinstance(change, Tensor)
            change = change.reshape(-1, *self._shape(change), states.shape[-1])
            changed = states + (change * self._where(change)).reshape(states.shape).to(states)
            self.n_writes[target] += 1
            return (changed, *output[1:]) if isinstance(output, tuple) else changed

        return write

    def _shape(self, change: Tensor) -> tuple[int]:
        """Columns of the running pass; some architectures merge rows and positions."""
        if change.dim() == 3:
            return (change.shape[1],)
        return (len(change) // (len(self.mask) if self.mask is not None else 1),)

    def _where(self, change: Tensor) -> Tensor:
        """Where features are set in the running pass, [row, position, 1] bool."""
        if self.where is None:
            columns = change.shape[1]
            real = self.mask
            if real is None or real.dim() != 2:
                real = torch.ones(1, self.start + columns, device=change.device)
            index = real.cumsum(1) - 1
            if self.positions is None:
                wanted = index >= len(self.model.front)
            else:
                length = real.sum(1, keepdim=True)
                places = [length + p if p < 0 else torch.full_like(length, p) for p in self.positions]
                wanted = (index[..., None] == torch.stack(places, -1)).any(-1)
            where = self.where = (wanted & real.bool())[:, -columns:, None]
            self.reached = self.reached or bool(where.any())
            return where
        return self.where
