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
    |(?P<number>\d+(?:\.\d+)?(?:[eE]-?\d+)?(?!\w))
    |(?P<glued>\d\w*)
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
        kind: comment (its opening mark), string, name (in backticks), open (a quote that nothing closes), number,
            glued (a number that goes on in letters), word or symbol.
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


def single_spaced(query: str) -> str:
    """A query with white space outside strings and names as single spaces, and none around it."""
    matches = _TOKENS.finditer(query)
    return "".join(" " if match.lastgroup == "space" else match[0] for match in matches).strip()


def keyword_at(tokens: list[Token], place: int) -> str:
    """The keyword that a token may be; "" for a label or property, which follows `:` or the `.` after a name.

    The `.` of a number ends a clause, as in `1. SET`.
    """
    before = tokens[place - 1].text if place else ""
    named = before == ":" or (before == "." and place > 1 and tokens[place - 2].kind in ("word", "name"))
    return "" if named else tokens[place].keyword


def is_ordered(query: str) -> bool:
    """Whether the last RETURN of a query, outside braces, brings its rows into an order."""
    tokens, depth, last = scan(query), 0, ""
    for place, token in enumerate(tokens):
        depth += (token.text == "{") - (token.text == "}")
        if depth == 0 and (keyword := keyword_at(tokens, place)) in ("RETURN", "ORDER"):
            last = keyword
    return last == "ORDER"
