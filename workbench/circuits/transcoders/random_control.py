"""The random control: features that were never trained, with the best decoders that they allow."""

import random as draws

import torch
from torch import Tensor
from tqdm.auto import tqdm

from workbench.arguments import checked
from workbench.circuits.transcoders.states import measured, recorded_pass
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import TooLarge, warn
from workbench.model.batching import by_length, texts_per_batch
from workbench.model.forward.alone import turn
from workbench.model.memory import budget, readable
from workbench.model.model import Model
from workbench.text.batches import Batch
from workbench.text.corpus import Corpus

_TOKENS = 4  # for each feature
_TEXTS = 256  # on which biases are set
_NUMBERS = 2**24  # values of features in memory at once
_RIDGE = 1e-6  # of the mean diagonal: features that never fire have no decoder of their own


@checked
def random(
    transcoder: Transcoder,
    model: Model,
    corpus: Corpus,
    *,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> Transcoder:
    """Make the control of a transcoder: as many random features, which fire as often, with least-squares decoders.

    Encoders are Gaussian directions and features ReLUs, whose biases let each fire on as large a share of the tokens as
    the transcoder's features of that layer do on average. Decoders and their bias are the least-squares solution on
    the corpus, of all features that a layer may read at once; there is no skip connection. What `quality` measures of
    it is what training must beat.

    Args:
        transcoder: whose kind, layers, sizes, scales and sites it has.
        model: the model.
        corpus: texts that decoders are fitted on, best those that the transcoder was trained on.

    Returns:
        A Transcoder.

    Raises:
        BadTranscoder: the transcoder is of a model of another shape.
        TooLarge: the products of all features do not fit in memory.

    Source:
        Ours; random features with fitted outputs are Rahimi and Recht's (2008).

    Example:
        >>> control = wb.circuits.random(transcoder, model, corpus)                            # doctest: +SKIP
        >>> wb.circuits.quality(control, model, corpus).explained                              # doctest: +SKIP
    """
    transcoder = transcoder.to(model.device)
    size = texts_per_batch(batch_size)
    with turn(model):
        encoded = model.encode(corpus, truncate=truncate)
        some = draws.Random(seed).sample(encoded, min(_TEXTS, len(encoded)))
        states = [_states(model, transcoder, batch)[0] for batch in by_length(model, some, batch_size=size)]
        control = _features(transcoder, torch.cat(states, 1), seed)
        squares = _Squares(model, control)
        batches = by_length(model, encoded, batch_size=size)
        with tqdm(total=len(encoded), desc="random features", unit="text", disable=not progress) as bar:
            for batch in batches:
                squares.add(*_states(model, transcoder, batch))
                bar.update(len(batch))
        squares.warn_of_few()
        return squares.solved()


def _states(model: Model, transcoder: Transcoder, batch: Batch) -> tuple[Tensor, Tensor]:
    """X and y at the measured tokens of a batch, each [layer, token, d]."""
    batch = batch.to(model.device)
    _, read, written = recorded_pass(model, transcoder, batch)
    own = measured(model, batch)
    return read[:, own], written[:, own]


@torch.no_grad()
def _features(transcoder: Transcoder, states: Tensor, seed: int) -> Transcoder:
    """Random features of states [layer, token, d] that fire as often as a transcoder's; their decoders are zero."""
    draw = torch.Generator().manual_seed(seed)
    shape = tuple(transcoder.encoder.shape)
    encoder = (torch.randn(shape, generator=draw) / shape[1] ** 0.5).to(states)
    bias = torch.zeros_like(transcoder.encoder_bias)
    tokens = states.shape[1]
    for place in range(len(transcoder.layers)):
        pieces = states[place].split(max(1, _NUMBERS // shape[2]))
        rate = sum(int((transcoder.encode(place, piece) != 0).sum()) for piece in pieces) / (tokens * shape[2])
        below = min(tokens, max(1, round((1 - rate) * tokens)))
        read = transcoder.input_scale[place] * states[place]
        some = max(1, _NUMBERS // tokens)  # features at once: of all, values at every token may not fit in memory
        for start in range(0, shape[2], some):
            values = read @ encoder[place, :, start : start + some]
            bias[place, start : start + some] = -values.kthvalue(below, dim=0).values
    return Transcoder(
        kind=transcoder.kind,
        layers=transcoder.layers,
        encoder=encoder,
        encoder_bias=bias,
        threshold=torch.zeros_like(bias),
        decoder=tuple(torch.zeros_like(weight) for weight in transcoder.decoder),
        decoder_bias=torch.zeros_like(transcoder.decoder_bias),
        input_scale=transcoder.input_scale,
        output_scale=transcoder.output_scale,
        activation="relu",
        reads=transcoder.reads,
        writes=transcoder.writes,
        record={"made": "random features", "control_of": transcoder.digest, "seed": seed},
    )


class _Squares:
    """Normal equations of the decoders: products of features with each other and with what layers write.

    The features of a cross-layer transcoder are one long row, a 1 for the bias first: what a layer may read is the
    beginning of it. Per-layer, each layer has a row of its own.
    """

    def __init__(self, model: Model, control: Transcoder):
        self.control = control
        layers, width, features = len(control.layers), control.width, control.n_features
        self.crossed = control.kind == "cross_layer"
        rows, length = (1, 1 + layers * features) if self.crossed else (layers, 1 + features)
        needed = 8 * (rows * length**2 + layers * length * width)
        if needed > budget(model):
            raise TooLarge(
                f"products of {rows} x {length} random features need {readable(needed)} and the budget is "
                f"{readable(budget(model))}; give memory= to load_model, or a smaller or per-layer transcoder"
            )
        how = {"dtype": torch.float64, "device": control.device}
        self.gram = torch.zeros(rows, length, length, **how)
        self.target = torch.zeros(layers, length, width, **how)

    @torch.no_grad()
    def add(self, read: Tensor, written: Tensor) -> None:
        """Add tokens: x and y, each [layer, token, d]."""
        control = self.control
        active = [control.encode(place, states).double() for place, states in enumerate(read)]
        ones = torch.ones_like(active[0][:, :1])
        rows = [torch.cat([ones, *active], 1)] if self.crossed else [torch.cat([ones, own], 1) for own in active]
        for gram, own in zip(self.gram, rows, strict=True):
            gram += own.T @ own
        for place, values in enumerate(written):
            self.target[place] += rows[0 if self.crossed else place].T @ (control.output_scale[place] * values).double()

    def warn_of_few(self) -> None:
        """Warn where decoders were fitted on so few tokens that they repeat them: such a control is too weak."""
        tokens, features = int(self.gram[0, 0, 0]), self.gram.shape[-1] - 1
        if tokens < _TOKENS * features:
            warn(
                f"decoders of {features:,} random features were fitted on {tokens:,} tokens: so few are learned by "
                f"heart, and any transcoder beats this control on other texts; give {_TOKENS * features:,} or more"
            )

    def solved(self) -> Transcoder:
        """The control with its decoders."""
        control, features = self.control, self.control.n_features
        diagonal = self.gram.diagonal(dim1=1, dim2=2)
        diagonal += _RIDGE * diagonal.mean(1, keepdim=True)
        factor = torch.linalg.cholesky(self.gram)
        for place in range(len(control.layers)):
            sources = range(place + 1) if self.crossed else [place]
            length = 1 + len(sources) * features
            own = factor[0 if self.crossed else place, :length, :length]  # that of a beginning is the beginning
            solution = torch.cholesky_solve(self.target[place, :length], own).float()
            control.decoder_bias[place] = solution[0]
            for source, weight in zip(sources, solution[1:].split(features), strict=True):
                control.decoder[source][:, place - source] = weight
        return control
