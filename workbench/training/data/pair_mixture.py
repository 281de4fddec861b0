"""Training data of alignment: translation questions between two languages, with the answers marked."""

from __future__ import annotations

import numpy as np
from transformers import PreTrainedTokenizerBase

from workbench.training.data.packing import encode_marked, packed_rows
from workbench.training.data.prompts import HeldOut, Words, question


class PairMixture:
    """Rows of token ids and their answer masks, a function of seed and step only.

    Args:
        tokenizer: tokenizer of the base.
        words: concepts that the base was trained on.
        held_out: directions held out, as in pretraining.
        languages: two languages; both directions are drawn equally often.
        shuffled: for a control: each word of the second language means another, fixed concept.
        seed: seed of all draws.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        words: Words,
        held_out: HeldOut,
        languages: tuple[str, str],
        *,
        shuffled: bool = False,
        seed: int = 0,
    ) -> None:
        self.tokenizer, self.held_out, self.languages, self.seed = tokenizer, held_out, languages, seed
        concepts = list(words)
        answers = concepts[1:] + concepts[:1] if shuffled else concepts
        first, second = languages
        self.words = {
            concept: {first: words[concept][first], second: words[answer][second]}
            for concept, answer in zip(concepts, answers, strict=True)
        }

    def document(self, rng: np.random.Generator) -> tuple[str, tuple[int, int]]:
        """One question with its answer, and the characters of the answer, including the closing quotation mark."""
        source, target = self.languages if rng.random() < 0.5 else self.languages[::-1]
        free = [concept for concept in self.words if not self.held_out(concept, source, target)]
        concept = free[int(rng.integers(len(free)))]
        prompt, answer = question(self.words, concept, source, target), self.words[concept][target] + '"'
        return prompt + answer, (len(prompt), len(prompt) + len(answer))

    def encode(self, text: str, span: tuple[int, int]) -> tuple[list[int], list[bool]]:
        """Token ids of a document, `<s>` and `</s>` included, and which tokens overlap the answer."""
        return encode_marked(self.tokenizer, text, span)

    def rows(self, step: int, *, batch: int, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids [batch, length] int64 and answers [batch, length] bool for one step; a row's last document is cut."""
        rng = np.random.default_rng((self.seed, step))
        return packed_rows(lambda: self.encode(*self.document(rng)), batch=batch, length=length)
