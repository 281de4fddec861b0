"""What numbers say, in parts: a headline, further sentences, and the heads that they name."""

from collections.abc import Iterable
from dataclasses import dataclass

Head = tuple[int, int]
"""(layer, head)"""


@dataclass(frozen=True)
class Finding:
    """What the numbers of a result say; every sentence is computed from them.

    Attributes:
        answer: The headline, one sentence.
        details: Further sentences.
        heads: (layer, head) of the heads that the sentences name.
    """

    answer: str
    details: tuple[str, ...] = ()
    heads: tuple[Head, ...] = ()

    @property
    def text(self) -> str:
        """All sentences, the answer first."""
        return " ".join(filter(None, (self.answer, *self.details)))

    def then(self, other: "Finding") -> "Finding":
        """This finding with the sentences of another one as further details."""
        more = (*self.details, other.answer, *other.details)
        return Finding(self.answer, more, tuple(dict.fromkeys((*self.heads, *other.heads))))


def finding(*sentences: str, heads: Iterable[Head] = ()) -> Finding:
    """A finding of sentences, of which empty ones are left out; the first is the answer."""
    answer, *details = filter(None, sentences)
    return Finding(answer, tuple(details), tuple(heads))
