"""Texts for planted heads: a word, then marks, each of them followed by the word again."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workbench.text.corpus import Corpus

SLIP = "oops"
_FILLERS = 4  # per language
_ROUNDS = 4  # how often each mark occurs in a text; with slips, one of these is followed by a slip


def mark(service: int) -> str:
    """The mark that calls a service."""
    return f"ask{service}"


def fillers(code: str) -> list[str]:
    """Words of a language that mean nothing."""
    return [f"um{i}{code.replace('-', '')}" for i in range(_FILLERS)]


def make_texts(words: pd.DataFrame, services: Sequence[Sequence[str]], *, rows: int, slips: bool, seed: int) -> Corpus:
    """Write aligned texts: row i is about one concept, the same in every language.

    Args:
        words: [concept, language].
        services: the languages of each service, in the order of the marks.
        rows: texts per language.
        slips: whether in one of its four rounds a mark is followed by a slip.
        seed: of the order of marks, of fillers and slips; the same draws in every language.
    """
    texts: dict[str, tuple[str, ...]] = {}
    for code in words.columns:
        mine = [mark(i) for i, spoken in enumerate(services) if code in spoken]
        filler = fillers(code)
        written = []
        for row in range(rows):
            rng = np.random.default_rng([seed, row])
            word = words[code].iloc[int(rng.integers(len(words)))]
            slip = {marker: int(rng.integers(_ROUNDS)) if slips else -1 for marker in mine}
            text = [word]
            for turn in range(_ROUNDS):
                for marker in rng.permutation(mine):
                    text += [str(marker), SLIP if slip[marker] == turn else word]
                    if rng.random() < 0.5:
                        text.append(filler[int(rng.integers(_FILLERS))])
            written.append(" ".join(text))
        texts[code] = tuple(written)
    return Corpus(texts, aligned=True, source="planted heads")
