"""Readings: what every head does on one typed text, computed once."""

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from workbench.errors import BadArgument, TooLarge
from workbench.heads.attention.kinds import KINDS
from workbench.heads.attention.patterns import patterns
from workbench.model.model import Model
from workbench.text.corpus import Corpus

MOST_TOKENS = 160  # of a pattern that a browser still draws at once
MEASURES = ("previous", "first", "current", "distance", "entropy")
_REMEMBERED = 8  # texts; a long one of a large model has 100 MB of patterns


@dataclass(frozen=True, eq=False)
class Reading:
    """One text as the model reads it.

    Attributes:
        text: as it was typed.
        tokens: what each token adds to the text.
        pattern: [layer, head, query, key], shares of the attention.
    """

    text: str
    tokens: tuple[str, ...]
    pattern: np.ndarray

    @cached_property
    def habits(self) -> xr.Dataset:
        """`previous`, `first`, `current`, `distance` and `entropy` of this text alone, [layer, head].

        They are those of `heads.kinds`: means over the positions of the text without its first.
        """
        attention = self.pattern[:, :, 1:].astype(float)  # [layer, head, query, key]
        query, key = np.arange(1, attention.shape[3]), np.arange(attention.shape[3])
        measures = {
            "previous": attention[:, :, query - 1, query - 1],
            "first": attention[:, :, :, 0],
            "current": attention[:, :, query - 1, query],
            "distance": (attention * (query[:, None] - key)).sum(3),
            "entropy": -(attention * np.log(attention, where=attention > 0, out=np.zeros_like(attention))).sum(3),
        }
        return xr.Dataset({name: _described(name, values.mean(2)) for name, values in measures.items()})


class Reader:
    """Reads texts with a model, each once.

    Example:
        >>> Reader(model)("Guten Tag").tokens                                                    # doctest: +SKIP
        ('<s>', 'Guten', ' Tag')
    """

    def __init__(self, model: Model):
        self.model = model
        self._readings: OrderedDict[str, Reading] = OrderedDict()

    def __call__(self, text: str) -> Reading:
        """The reading of a text.

        Raises:
            BadArgument: no text, or of a single token.
            TooLarge: more tokens than the model takes, or than can be drawn.
        """
        if text in self._readings:
            self._readings.move_to_end(text)
            return self._readings[text]
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # no tokenizer takes half an emoji
        count = self._count(whole)
        if count < 2:
            raise BadArgument("Type a sentence: it takes two tokens or more to look from one to another")
        if count > self.most:
            raise TooLarge(f"This text has {count} tokens; up to {self.most} can be shown, so make it shorter")
        typed = Corpus({"": (whole,)}, aligned=False, source="typed")
        result = patterns(self.model, typed, sentences=[0], progress=False).isel(sentence=0, language=0)
        reading = self._readings[text] = Reading(text, tuple(result.token.values.tolist()), result.pattern.values)
        if len(self._readings) > _REMEMBERED:
            self._readings.popitem(last=False)
        return reading

    @property
    def most(self) -> int:
        """Tokens that a text may have."""
        return min(MOST_TOKENS, self.model.n_context)

    def short(self, corpus: Corpus) -> Corpus:
        """The rows of a corpus that can be read in every language.

        Raises:
            BadArgument: the corpus is a chat; what is typed here is not.
            TooLarge: there are none.
        """
        if corpus.chat:
            raise BadArgument("the live explorer reads texts as they are typed; give a corpus without chat=True")
        count = min(corpus.counts.values())
        every = list(zip(*(texts[:count] for texts in corpus.texts.values()), strict=True))
        rows = [row for row, texts in enumerate(every) if all(2 <= self._count(text) <= self.most for text in texts)]
        if not rows:
            raise TooLarge(f"{corpus.source}: all of {count} texts are longer than {self.most} tokens; give sentences")
        short = {code: tuple(texts[row] for row in rows) for code, texts in corpus.texts.items()}
        return Corpus(short, corpus.aligned, corpus.source)

    def _count(self, text: str) -> int:
        return len(self.model.tokenizer(text)["input_ids"]) if text.strip() else 0


def _described(name: str, values: np.ndarray) -> tuple[tuple[str, str], np.ndarray, dict[str, str]]:
    words, unit = KINDS[name].removesuffix("]").split(" [")
    return ("layer", "head"), values, {"long_name": words, "units": unit}
