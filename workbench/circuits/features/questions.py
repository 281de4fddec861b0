"""Questions: word translation prompts, and how likely their answers are in two languages."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workbench.errors import BadArgument, BadPairs
from workbench.model.model import Model
from workbench.text.clusters import word_clusters
from workbench.text.languages import required
from workbench.text.pairs import first_tokens
from workbench.text.words import load_words, translation_prompts


@dataclass(frozen=True)
class Questions:
    """Prompts, and the first tokens of the answers.

    Attributes:
        languages: asked for, and swapped to.
        prompts: one for each concept.
        tokens: of each language and concept.
        clusters: of the concepts, those with the same words together.
        dropped: concepts whose words begin alike in both languages.
    """

    languages: tuple[str, str]
    prompts: list[str]
    tokens: tuple[list[frozenset[int]], list[frozenset[int]]]
    clusters: np.ndarray
    dropped: int

    def ask(self, model: Model, size: int) -> np.ndarray:
        """Probabilities of the answers in both languages, and whether the concept stays, [3, concept]."""
        columns = []
        for start in range(0, len(self.prompts), size):
            batch = model.batch(self.prompts[start : start + size])
            logits = model.logits(batch)[torch.arange(len(batch)), batch.lengths - 1]
            columns.append(self._answers(logits.float().softmax(-1).cpu(), start))
        return np.concatenate(columns, 1)

    def _answers(self, probability: Tensor, start: int) -> np.ndarray:
        """Of prompts [prompt, vocabulary] from number `start` on; ties of concepts share."""
        rows = []
        for place, row in enumerate(probability, start):
            own = [float(row[list(of[place])].sum()) for of in self.tokens]
            words = np.array([float(row[list(tokens)].sum()) for tokens in self.tokens[1]])
            best = words >= words.max()
            rows.append([*own, float(best[place]) / float(best.sum())])
        return np.array(rows).T


def read_questions(
    model: Model, words: pd.DataFrame | str, source: str, target: str, to: str, shots: int, limit: int | None, seed: int
) -> Questions:
    """The prompts and answers, in the order of the concepts' names.

    Raises:
        UnknownLanguage, BadArgument, BadPairs: as `swap_language`.
    """
    frame = words if isinstance(words, pd.DataFrame) else load_words(words)
    names = [str(name) for name in frame.columns]
    shown, off, on = (required(code, names, "is not in this word list") for code in (source, target, to))
    if len({shown, off, on}) < 3:
        raise BadArgument(f"source={source!r}, target={target!r}, to={to!r}; give three different languages")
    prompts = translation_prompts(frame, source=shown, target=off, shots=shots, seed=seed, limit=limit)
    table = frame.set_axis([str(name) for name in frame.index], axis=0)
    own: list[tuple[str, frozenset[int], frozenset[int]]] = []
    for concept in sorted(prompts):
        first, second = (first_tokens(model.tokenizer, str(table.at[concept, code])) for code in (off, on))
        if first and second and not first & second:
            own.append((concept, first, second))
    if not own:
        raise BadPairs(f"the words of all {len(prompts)} concepts begin alike in {off!r} and {on!r}")
    concepts = [concept for concept, *_ in own]
    tokens = [tokens for _, tokens, _ in own], [tokens for *_, tokens in own]
    clusters = word_clusters(table, concepts)
    return Questions((off, on), [prompts[c] for c in concepts], tokens, clusters, len(prompts) - len(own))
