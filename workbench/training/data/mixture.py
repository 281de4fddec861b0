"""Pretraining data: text of every language and word-translation prompts, packed into rows of equal length."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerBase

from workbench.training.data.prompts import HeldOut, Words, draw_chains, draw_lines

Lines = dict[str, list[str]]
"""language -> sentences"""


@dataclass(frozen=True)
class Shares:
    """Shares of the kinds of documents.

    Attributes:
        prompts: share of word-translation documents; the rest is text.
        chains: share of the prompts that are chains of one concept through many languages.
        mixed: share of the prompts with a direction for each line; the others have one direction.
        power: a language's text is drawn in proportion to its size to this power.
    """

    prompts: float = 0.75
    chains: float = 0.75
    mixed: float = 0.05
    power: float = 0.3

    def towards(self, last: Shares, progress: float) -> Shares:
        """The shares interpolated linearly to `last` at `progress` in 0..1."""
        return Shares(*(a + (b - a) * progress for a, b in zip(astuple(self), astuple(last), strict=True)))


def read_lines(corpus: Path, languages: Iterable[str], *, part: str = "train") -> Lines:
    """The lines of `<corpus>/text/<language>/<part>.txt` for every language."""
    return {
        language: (corpus / "text" / language / f"{part}.txt").read_text(encoding="utf-8").splitlines()
        for language in languages
    }


class Mixture:
    """Rows of token ids, a function of seed and step only, so that a run can resume anywhere."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        lines: Lines,
        words: Words,
        held_out: HeldOut,
        *,
        shares: Shares,
        seed: int = 0,
    ) -> None:
        self.tokenizer, self.lines, self.words, self.held_out = tokenizer, lines, words, held_out
        self.shares, self.seed = shares, seed
        self.languages = tuple(lines)
        sizes = np.array([sum(len(text) for text in lines[language]) for language in self.languages], dtype=float)
        self.weights = sizes**shares.power / (sizes**shares.power).sum()

    def text(self, rng: np.random.Generator) -> str:
        """One to six neighbouring lines of one language."""
        lines = self.lines[str(rng.choice(self.languages, p=self.weights))]
        start = int(rng.integers(len(lines)))
        return "\n".join(lines[start : start + int(rng.integers(1, 7))])

    def prompt(self, rng: np.random.Generator, words: Words, shares: Shares) -> str:
        """Chains, or lines of question and answer, over `words`."""
        kind = rng.random()
        if kind < shares.chains:
            return draw_chains(rng, words, self.held_out, count=int(rng.integers(1, 4)), longest=8)
        mixed = bool(kind < shares.chains + shares.mixed)
        return draw_lines(rng, words, self.held_out, count=int(rng.integers(2, 11)), mixed=mixed)

    def document(self, rng: np.random.Generator, words: Words, shares: Shares) -> str:
        """A text, or a prompt over `words`."""
        return self.prompt(rng, words, shares) if rng.random() < shares.prompts else self.text(rng)

    def rows(
        self, step: int, *, batch: int, length: int, concepts: int | None = None, shares: Shares | None = None
    ) -> np.ndarray:
        """Rows for one step: [batch, length] int64; each starts with a document, the last document of a row is cut.

        Prompts use the first `concepts` of the words, or all; `shares` default to those of the mixture.
        """
        shares = shares or self.shares
        words = dict(islice(self.words.items(), concepts))
        rng = np.random.default_rng((self.seed, step))
        rows = np.empty((batch, length), dtype=np.int64)
        for row in rows:
            ids: list[int] = []
            while len(ids) < length:
                ids += [
                    *self.tokenizer(self.document(rng, words, shares), verbose=False)["input_ids"],
                    self.tokenizer.eos_token_id,
                ]
            row[:] = ids[:length]
        return rows
