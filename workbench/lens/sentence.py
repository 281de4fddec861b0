"""The logit lens on any sentences: the next token at every layer after every token."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument
from workbench.lens.translations import name_states
from workbench.lens.tuned import translated
from workbench.model.batching import by_length, texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.forward.record import record
from workbench.model.metrics import unembed
from workbench.model.model import Model
from workbench.results.make import make_result
from workbench.results.resuming.stoppable import Stoppable
from workbench.text.batches import Batch, Encoded, check_ids
from workbench.text.corpus import Corpus
from workbench.text.identification.answers import Identifier
from workbench.text.pairs import first_tokens
from workbench.text.tokens.language import UNKNOWN, token_language
from workbench.text.tokens.pieces import pieces, token_texts

_AUTO = 8  # texts in a batch
_BUDGET = 2**23  # logits in memory at once: 32 MB in float32, and some copies
_AXES = ("prompt", "layer", "position")
_UNITS = {
    "probability": "probability of the likeliest token [probability]",
    "entropy": "entropy of the lens [nats]",
    "rank": "rank of the target (1 is the likeliest) [rank]",
    "target_probability": "probability of the target [probability]",
    "logit_difference": "logit of the target minus the foil's [logits]",
}


@checked
@alone
def logit_lens(
    model: Model,
    texts: str | Sequence[str],
    *,
    tuned: xr.Dataset | None = None,
    target: str | None = None,
    foil: str | None = None,
    top: int = 1,
    identify: Identifier | None = None,
    truncate: bool = False,
    progress: bool = True,
    batch_size: int | str = "auto",
) -> xr.Dataset:
    """Read every layer at every token of some texts: the likeliest next token, its probability and its language.

    Args:
        model: the model.
        texts: one text or several, in any language.
        tuned: what `tune` returned, to read with the tuned lens; the logit lens when None.
        target: a word to follow through the layers; the token that really comes next when None. A word is read by all
            first tokens that it can begin with, after a space or not: their probabilities are summed, and the best of
            their ranks counts.
        foil: a word to compare the target with.
        top: likeliest tokens to keep, from 1.
        identify: function from a token's text to its language, or None; without it see `token_language`.

    Returns:
        Axes [prompt, layer, position]; layer i is the state before layer i, 0 is the embedding and n_layers the model's
        output, whose probabilities are the model's own. `top_token`, the text of the likeliest token, its
        `probability`, and its `language`: a code where the token alone determines it, else the script of its letters,
        or "unknown" where it has none. `entropy` in nats, `rank` and `target_probability` of the target, and
        `logit_difference` where there is a foil: log p(target) / p(foil), which of single tokens is the difference of
        their logits. With `top` above 1 also `candidate[prompt, layer, position, place]` and `candidate_probability`.
        `token[prompt, position]`, a coordinate, is what is read; `target[prompt, position]`, what is followed, and
        `text[prompt]`. Places after a text's end, and the target after its last token, are NaN or "".

    Raises:
        BadArgument: a number outside its range, a tuned lens of another model, a target or foil that is no word, or
            both begin with the same token.
        BadCorpus: no text, a blank one, or one of a single token.
        TooLarge: a text is longer than the model's context.
        Interrupted: `partial` holds the texts that were finished.

    Source:
        nostalgebraist 2020 (logit lens); Belrose et al. 2023 (arXiv 2303.08112).

    Example:
        >>> grid = wb.lens.logit_lens(model, "Der Hund läuft über die Straße.")                # doctest: +SKIP
        >>> wb.figures.lens_grid(grid)                                                           # doctest: +SKIP
    """
    size = texts_per_batch(batch_size, auto=_AUTO)
    whole_number("top", top, at_least=1, at_most=model.n_vocabulary, why="the vocabulary")
    rows = Corpus({"": (texts,) if isinstance(texts, str) else tuple(texts)}, aligned=False, source="texts")
    words = _Words.read(model, target, foil)
    encoded = model.encode(rows, truncate=truncate)
    shape = (len(encoded), model.n_layers + 1, max(len(text.ids) for text in encoded))
    values = {name: np.full(shape, np.nan) for name in _UNITS}
    best = {"ids": np.full((*shape, top), -1), "probabilities": np.full((*shape, top), np.nan)}

    def finished() -> str:
        done = int((best["ids"][:, 0, 0, 0] >= 0).sum())
        return f"interrupted: {done} of {len(encoded)} texts are finished; they are in .partial"

    with Stoppable("logit lens", len(encoded), "text", finished, progress=progress) as loop:
        for batch in loop.steps(list(by_length(model, encoded, batch_size=size)), {**values, **best}):
            _read(model, batch, tuned, words, values, best)
    values["probability"] = best["probabilities"][..., 0]
    if foil is None:
        values.pop("logit_difference")
    result = make_result(
        {name: (_AXES, array, _UNITS[name]) for name, array in values.items()}
        | _top_tokens(model, best, top, identify)
        | {
            "target": (_AXES[::2], _targets(model, encoded, shape[2], target), "what rank and probability are of"),
            "text": (_AXES[:1], np.array(rows.texts[""], dtype=object), "text that was read"),
        },
        {"place": list(range(1, top + 1))} if top > 1 else {},
        method="lens.logit_lens",
        parameters={"target": target, "foil": foil, "top": top, "tuned": tuned is not None, "truncate": truncate},
        model=model.info,
        corpus=rows.info,
        attrs={"lens": "logit" if tuned is None else "tuned"},
    )
    result = result.assign_coords(token=(_AXES[::2], _tokens(model, encoded, shape[2])))
    return loop.result(name_states(result, model))


@dataclass(frozen=True)
class _Words:
    """First tokens of the target and of the foil; of the target None where it is the token that follows."""

    target: list[int] | None
    foil: list[int] | None

    @classmethod
    def read(cls, model: Model, target: str | None, foil: str | None) -> "_Words":
        """Look the words up.

        Raises:
            BadArgument: one is no word, or both begin with the same token.
        """
        tokens_of = {}
        for name, word in (("target", target), ("foil", foil)):
            tokens = None if word is None else sorted(first_tokens(model.tokenizer, word.strip()))
            if tokens is not None:
                if not tokens:
                    raise BadArgument(f"{name}={word!r} has no token that is more than a space; give a word")
                check_ids(model.tokenizer, tokens, model.n_vocabulary, f"{name}={word!r}", BadArgument)
            tokens_of[name] = tokens
        if shared := set(tokens_of["target"] or ()) & set(tokens_of["foil"] or ()):
            raise BadArgument(
                f"target={target!r} and foil={foil!r} both begin with the token "
                f"{model.tokenizer.decode([min(shared)])!r}; their first tokens must differ"
            )
        return cls(**tokens_of)


@torch.no_grad()
def _read(
    model: Model,
    batch: Batch,
    tuned: xr.Dataset | None,
    words: _Words,
    values: dict[str, np.ndarray],
    best: dict[str, np.ndarray],
) -> None:
    """Write the readings of one batch into `values` and `best`, both [prompt, layer, position, ...]."""
    recording = record(model, batch)
    real = recording.batch.mask.bool()
    sample, position = real.nonzero().cpu().numpy().T
    prompt = np.array(batch.rows)[sample]
    followed = _followed(recording.batch, words)[real]
    rows, top = max(1, _BUDGET // model.n_vocabulary), best["ids"].shape[-1]
    for layer, states in enumerate(recording.residual):
        hidden = model.bridge.ln_final(translated(tuned, model, layer, states[real])[None])[0]
        parts = zip(hidden.split(rows), followed.split(rows), strict=True)
        blocks = [_numbers(unembed(model, some).float(), wanted, words.foil, top) for some, wanted in parts]
        for name in blocks[0]:
            into = best if name in best else values
            into[name][prompt, layer, position] = torch.cat([block[name] for block in blocks]).cpu().numpy()


def _followed(batch: Batch, words: _Words) -> Tensor:
    """Token ids of the target at every position, [sample, position, token]; -1 where nothing follows."""
    if words.target is not None:
        return torch.tensor(words.target, device=batch.ids.device).expand(*batch.ids.shape, -1)
    after = torch.full_like(batch.ids, -1)
    after[:, :-1] = torch.where(batch.mask[:, 1:].bool(), batch.ids[:, 1:], -1)
    return after[..., None]


def _numbers(logits: Tensor, wanted: Tensor, foil: list[int] | None, top: int) -> dict[str, Tensor]:
    """All that is read off logits [row, vocabulary], each [row] and the likeliest [row, top]."""
    logs = logits.log_softmax(-1)
    likeliest = logits.topk(top, -1).indices
    follows = wanted[:, 0] >= 0
    target = logs.gather(1, wanted.clamp(min=0)).logsumexp(-1)
    highest = logits.gather(1, wanted.clamp(min=0)).amax(-1)
    numbers = {
        "entropy": torch.special.entr(logs.exp()).sum(-1),
        "target_probability": target.exp(),
        "rank": 1.0 + (logits > highest[:, None]).sum(-1),
    }
    if foil is not None:
        same = (wanted[:, :, None] == torch.tensor(foil, device=wanted.device)).flatten(1).any(1)
        numbers["logit_difference"] = (target - logs[:, foil].logsumexp(-1)).masked_fill(same, torch.nan)
    unknown = {name: numbers[name].masked_fill(~follows, torch.nan) for name in numbers if name != "entropy"}
    return {**numbers, **unknown, "ids": likeliest, "probabilities": logs.gather(1, likeliest).exp()}


def _top_tokens(model: Model, best: dict[str, np.ndarray], top: int, identify: Identifier | None) -> dict[str, Any]:
    """The texts of the likeliest tokens and their languages, as variables of the Result."""
    ids, place = np.unique(best["ids"], return_inverse=True)
    names = np.array(["" if token < 0 else text for token, text in _named(model, ids)], dtype=object)
    texts = names[place.reshape(best["ids"].shape)]
    of, special = token_language(identify), set(model.tokenizer.all_special_ids)
    languages = [
        "" if token < 0 else UNKNOWN if token in special else of(name) for token, name in zip(ids, names, strict=True)
    ]
    codes = np.array(languages, dtype=object)
    variables: dict[str, Any] = {
        "top_token": (_AXES, texts[..., 0], "likeliest token"),
        "language": (
            _AXES,
            codes[place.reshape(best["ids"].shape)][..., 0],
            "language or script of the likeliest token",
        ),
    }
    if top > 1:
        axes = (*_AXES, "place")
        variables["candidate"] = (axes, texts, "likeliest tokens")
        variables["candidate_probability"] = (axes, best["probabilities"], "probability of each [probability]")
    return variables


def _named(model: Model, ids: np.ndarray) -> Iterator[tuple[int, str]]:
    """Token ids with their texts; a row of the unembedding without a token is named by its number."""
    known = len(model.tokenizer)
    within = [int(token) for token in ids if 0 <= token < known]
    texts = dict(zip(within, token_texts(model.tokenizer, within), strict=True))
    for token in ids.tolist():
        yield token, texts.get(token, f"<{token}>")


def _tokens(model: Model, encoded: Sequence[Encoded], width: int) -> np.ndarray:
    """What each token adds to its text, [prompt, position]."""
    rows = [pieces(model.tokenizer, text.ids) for text in encoded]
    return np.array([[*row, *[""] * (width - len(row))] for row in rows], dtype=object)


def _targets(model: Model, encoded: Sequence[Encoded], width: int, word: str | None) -> np.ndarray:
    """What is followed at each position: the word, or the token that comes next, "" after the last token."""
    rows = [[word] * len(text.ids) if word else [*token_texts(model.tokenizer, text.ids[1:]), ""] for text in encoded]
    return np.array([[*row, *[""] * (width - len(row))] for row in rows], dtype=object)
