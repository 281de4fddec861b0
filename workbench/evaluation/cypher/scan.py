"""Cypher text as tokens: strings, quoted names, comments, words, numbers and symbols."""

import re
import unicodedata
from dataclasses import dataclass

_TOKENS = re.compile(
    r"""
    (?P<comment>//|/\*)
    |(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    |(?P<name>`[^`]*`)
    |(?P<open>['"`])
    |(?P<number>\d[\w]*(?:\.\d\w*)?)
    |(?P<word>[^\W\d]\w*)
    |(?P<space>\s+)
    |(?P<symbol>.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """A piece of a query.

    Attributes:
        kind: comment (its opening mark), string, name (in backticks), open (a quote that nothing closes), number, word
            or symbol.
        text: as it was written.
    """

    kind: str
    text: str

    @property
    def keyword(self) -> str:
        """A word in the capitals that a keyword is compared in; letters of compatible shape count as the plain ones."""
        return unicodedata.normalize("NFKC", self.text).upper() if self.kind == "word" else ""


def scan(query: str) -> list[Token]:
    """The tokens of a query, without white space."""
    matches = _TOKENS.finditer(query)
    return [Token(match.lastgroup or "", match[0]) for match in matches if match.lastgroup != "space"]


def is_ordered(query: str) -> bool:
    """Whether the last RETURN of a query, outside braces, brings its rows into an order."""
    depth, last = 0, False
    for token in scan(query):
        depth += (token.text == "{") - (token.text == "}")
        if depth == 0 and token.keyword in ("RETURN", "ORDER"):
            last = token.keyword == "ORDER"
    return last
