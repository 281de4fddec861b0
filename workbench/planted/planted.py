"""A planted model, its corpus and its ground truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import xarray as xr

from workbench.model.model import Model
from workbench.results.make import Variables, make_result
from workbench.text.corpus import Corpus


@dataclass(frozen=True, eq=False)
class Planted:
    """A model, the texts it was made for, and its ground truth.

    Attributes:
        model: the wrapped model; every analysis takes it.
        corpus: texts of the planted grammar, aligned: row i means the same in every language.
        truth: a Result. Its `member` is true where a head, neuron or layer serves a language (or an aspect).
        words: [concept, language], the words of the grammar, with attributes as `load_words` gives them.
    """

    model: Model
    corpus: Corpus
    truth: xr.Dataset
    words: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __repr__(self) -> str:
        axes = ", ".join(f"{axis} {size}" for axis, size in self.truth.member.sizes.items())
        return f"Planted({self.model.name}: {axes}; {len(self.corpus)} texts)"


def make_planted(
    kind: str,
    model: Model,
    corpus: Corpus,
    words: pd.DataFrame,
    truth: Variables,
    coords: Mapping[str, Sequence[str]],
    *,
    parameters: dict[str, Any],
    seed: int,
    **attrs: str | int | float,
) -> Planted:
    """The product of a function of this package, with its truth as a Result.

    Args:
        kind: name of the function.
        model: the wrapped model.
        corpus: its texts.
        words: its words.
        truth: variables of the truth.
        coords: labels of their axes.
        parameters: options of the function.
        seed: of everything that was drawn.
        **attrs: further attributes of the truth.
    """
    result = make_result(
        truth,
        coords,
        method=f"planted.{kind}",
        parameters=parameters,
        model=model.info,
        corpus=corpus.info,
        seed=seed,
        attrs={"planted": kind, **attrs},
    )
    return Planted(model, corpus, result, words)
