"""Batches of tokens drawn from corpora in given shares: what layers read and write there."""

from collections.abc import Sequence

import torch
from torch import Tensor

from workbench.arguments import finite, shown
from workbench.circuits.transcoders.states import measured
from workbench.errors import BadArgument, BadCorpus, NotFinite
from workbench.model.activations import tensors
from workbench.model.model import Model
from workbench.text.batches import Encoded, collate
from workbench.text.corpus import Corpus

_ROWS = 64  # texts in a forward pass, at most


class Sampler:
    """Draws texts, runs the model on them and gives the states of their tokens; those before a text are left out.

    Args:
        model: the model.
        corpora: where the texts come from; a text longer than `length` tokens is several.
        shares: how often a token comes from each corpus.
        length: tokens of a text at most.
    """

    def __init__(self, model: Model, corpora: Sequence[Corpus], shares: Sequence[float], length: int):
        self.model, self.shares = model, torch.tensor(shares)
        self.rows = [_pieces(model, corpus, length) for corpus in corpora]
        lengths = [torch.tensor([float(_own(row)) for row in rows]) for rows in self.rows]
        self.row_shares = self.shares / torch.stack([each.mean() for each in lengths])  # rows, so that tokens have them

    def states(self, count: int, draw: torch.Generator) -> tuple[Tensor, Tensor]:
        """X and y of `count` tokens, each [layer, token, d] float32.

        Raises:
            NotFinite: a state is NaN or infinite.
        """
        parts: list[Tensor] = []
        missing = count
        while missing > 0:
            parts.append(self._run(missing, draw)[:, :, :missing])
            missing -= parts[-1].shape[2]
        read, written = torch.cat(parts, 2)
        if not bool(read.isfinite().all() and written.isfinite().all()):
            raise NotFinite(f"MLPs of {self.model.name!r} read or write numbers that are NaN or infinite")
        return read, written

    def _run(self, count: int, draw: torch.Generator) -> Tensor:
        """States of the tokens of drawn texts with about `count` tokens, [read or written, layer, token, d]."""
        texts: list[Encoded] = []
        while count > 0 and len(texts) < _ROWS:
            rows = self.rows[int(torch.multinomial(self.row_shares, 1, generator=draw))]
            texts.append(rows[int(torch.randint(len(rows), (), generator=draw))])
            count -= _own(texts[-1])
        batch = collate(texts, self.model.pad_id, "right").to(self.model.device)
        real = measured(self.model, batch)
        layers = range(self.model.n_layers)
        seen = tensors(self.model, batch, [(site, layer) for site in ("mlp_in", "mlp_out") for layer in layers])
        return torch.stack(
            [torch.stack([seen[site, layer][real].float() for layer in layers]) for site in ("mlp_in", "mlp_out")]
        )


def checked_shares(corpora: Sequence[Corpus], shares: Sequence[float] | None) -> list[float]:
    """How often a token comes from each corpus; they sum to 1.

    Raises:
        BadArgument: another number of shares than of corpora, or one that is not positive.
    """
    if not corpora:
        raise BadCorpus("there is no corpus to train on")
    given = [1.0] * len(corpora) if shares is None else list(shares)
    if len(given) != len(corpora):
        raise BadArgument(f"shares={shown(given)}, but there are {len(corpora)} corpora: give a share for each")
    return [finite("shares", share, above=0) / sum(given) for share in given]


def _own(text: Encoded) -> int:
    """Tokens of the text itself: without a chat template, and without those before every text."""
    return len(text.ids) - text.front if text.counted is None else len(text.counted)


def _pieces(model: Model, corpus: Corpus, length: int) -> list[Encoded]:
    """The texts of a corpus in pieces of at most `length` tokens, each with what the tokenizer puts before a text."""
    pieces, count = [], len(model.front)
    for text in model.encode(corpus, truncate=True):
        front, rest = text.ids[:count], text.ids[count:]
        for start in range(0, len(rest), length):
            ids, counted = [*front, *rest[start : start + length]], text.counted
            if counted is not None:  # in a chat, the piece's part of the text's own tokens
                counted = range(max(counted.start - start, count), min(counted.stop - start, len(ids)))
            if counted is None or counted:
                pieces.append(Encoded(ids, text.language, text.row, counted, text.front))
    return pieces
