"""Continuations of prompts, as a table: greedy or sampled, with or without an edit of the model."""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch import Tensor
from transformers import LogitsProcessor, TopPLogitsWarper

from workbench.arguments import checked, finite, whole_number
from workbench.errors import BadArgument
from workbench.model.batching import texts_per_batch
from workbench.model.edits import vectors_of
from workbench.model.forward.alone import alone
from workbench.model.forward.generate import check_prompt_lengths
from workbench.model.forward.generate import generate as write
from workbench.model.model import Model
from workbench.results.groups import read_units
from workbench.results.make import make_result
from workbench.results.reading.directions import described
from workbench.text.corpus import Corpus


# Long: its options are its own.
@checked
@alone
def generate(
    model: Model,
    prompts: str | Sequence[str] | Corpus,
    *,
    tokens: int = 40,
    heads: Sequence[Sequence[int]] | None = None,
    neurons: Sequence[Sequence[int]] | None = None,
    scale: float = 0.0,
    directions: xr.Dataset | None = None,
    positions: Literal["all", "generated"] = "all",
    temperature: float = 0.0,
    top_p: float = 1.0,
    beams: int = 1,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> pd.DataFrame:
    """Continue prompts with the model as it is, with heads and neurons scaled, or with directions added.

    A checkpoint's own settings for generation (penalties, beams, lengths) are ignored, all but its end tokens.

    Args:
        model: the model.
        prompts: a text or several, or a Corpus; of a chat corpus the answers are continued.
        tokens: most tokens to write; an end-of-sequence ends a text before.
        heads: (layer, head) pairs whose outputs are scaled.
        neurons: (layer, neuron) pairs that are scaled.
        scale: what their outputs are multiplied by; 0 switches them off.
        directions: a Result with `direction[layer, d]`, added to the residual stream; see `wb.model.edited`.
        positions: where directions are added: at `"all"` positions, or at those of `"generated"` tokens alone, so that
            the first of them, which is read from the prompt, does not change.
        temperature: 0 takes the likeliest token (greedy); above it, tokens are drawn from
            softmax(logits / temperature).
        top_p: draw from the fewest tokens whose probabilities sum to this (Holtzman et al. 2020); 1 draws from the
            whole vocabulary.
        beams: keep this many beginnings at a time, and write the likeliest text of them; needs temperature 0.
        batch_size: prompts side by side; `"auto"` is 32. Results differ by rounding alone, also where tokens are drawn:
            each prompt has its own stream of random numbers.

    Returns:
        A row for each prompt: `prompt`, `text` (what was written after it), and `language` where there are languages.
        `attrs["provenance"]` records how it was made.

    Raises:
        BadArgument: a number out of range, or a head or neuron that does not exist.
        BadResult: a direction of another model, or with numbers that are NaN or infinite.
        BadCorpus: no prompt, a blank one, or one of a single token.
        TooLarge: a prompt leaves no room for `tokens`.
        UnsupportedSite: edits of heads or of neurons do not work in this architecture.

    Example:
        >>> wb.generate(model, ["Der Hund", "Le chien"], tokens=8)                               # doctest: +SKIP
        >>> wb.generate(model, "Der Hund", heads=[(2, 1)])                                       # doctest: +SKIP
    """
    size = texts_per_batch(batch_size)
    whole_number("tokens", tokens, at_least=1)
    temperature = finite("temperature", temperature, at_least=0)
    top_p = finite("top_p", top_p, above=0, at_most=1)
    whole_number("beams", beams, at_least=1)
    if temperature and beams > 1:
        raise BadArgument(
            f"beams={beams} with temperature={temperature:g}; beam search draws nothing: give one of them"
        )
    scale = finite("scale", scale)
    vectors = None if directions is None else vectors_of(model, directions)
    edits = {
        "heads": _scales(model, "head", heads, model.n_heads, scale),
        "neurons": _scales(model, "neuron", neurons, model.n_neurons, scale),
        "directions": vectors,
    }
    texts = (prompts,) if isinstance(prompts, str) else prompts
    corpus = texts if isinstance(texts, Corpus) else Corpus({"": tuple(texts)}, aligned=False, source="prompts")
    encoded = [text.opening() for text in model.encode(corpus)]
    check_prompt_lengths(model, encoded, tokens)
    written = write(
        model,
        encoded,
        tokens=tokens,
        batch_size=size,
        draw=partial(_Draws, temperature, top_p, seed) if temperature else None,
        beams=beams,
        progress=progress,
        positions=positions,
        **edits,
    )
    frame = pd.DataFrame({"prompt": [corpus.texts[text.language][text.row] for text in encoded], "text": written})
    if corpus.languages != ("",):
        frame.insert(0, "language", [text.language for text in encoded])
    parameters = {"tokens": tokens, "heads": heads, "neurons": neurons, "scale": scale}
    if vectors is not None:
        parameters |= {"directions": described(vectors.cpu().numpy()), "positions": positions}
    parameters |= {"temperature": temperature, "top_p": top_p, "beams": beams}
    record = make_result(
        {}, {}, method="generate", parameters=parameters, model=model.info, corpus=corpus.info, seed=seed
    )
    frame.attrs["provenance"] = record.attrs["provenance"]
    return frame


class _Draws(LogitsProcessor):
    """Gumbel noise, a stream for each prompt: the highest logit is a draw (Maddison et al. 2014), in any batch."""

    def __init__(self, temperature: float, top_p: float, seed: int, rows: Sequence[int]):
        """Take the numbers of the batch's prompts among all."""
        self.temperature = temperature
        self.nucleus = TopPLogitsWarper(top_p) if top_p < 1 else None
        self.streams = [np.random.default_rng([seed, row]) for row in rows]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Logits [row, vocabulary] of the next token, with noise."""
        noise = np.stack([stream.gumbel(size=scores.shape[1]) for stream in self.streams])
        scaled = scores.double() / self.temperature
        if self.nucleus:
            scaled = self.nucleus(input_ids, scaled)  # pyright: ignore[reportArgumentType]
        return scaled + torch.from_numpy(noise).to(scores.device)


def _scales(model: Model, unit: str, pairs: Sequence[Sequence[int]] | None, width: int, scale: float) -> Tensor | None:
    """Scales [layer, unit] of (layer, unit) pairs; None where there are no pairs."""
    if pairs is None:
        return None
    model.require(unit)
    return torch.from_numpy(np.where(read_units(pairs, model.n_layers, width, unit=unit), scale, 1.0))
