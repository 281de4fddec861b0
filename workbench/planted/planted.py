"""A planted model, its corpus and its ground truth."""

from dataclasses import dataclass, field

import pandas as pd
import xarray as xr

from workbench.model.model import Model
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
