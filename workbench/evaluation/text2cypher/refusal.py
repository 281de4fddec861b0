"""Refuse generated queries that could write, chain statements, or leave the database."""

import re
import unicodedata

from workbench.evaluation.text2cypher.scan import Token, keyword_at, scan

LONGEST = 10_000  # characters
FIRST = ("MATCH", "OPTIONAL", "WITH", "UNWIND", "RETURN")
FORBIDDEN = (
    *("COPY", "EXPORT", "IMPORT", "LOAD", "INSTALL", "ATTACH", "USE", "CALL"),
    *("CREATE", "MERGE", "SET", "DELETE", "REMOVE", "DROP", "ALTER"),
)
_ESCAPED_QUOTE = re.compile(r"\\[uU]0*(22|27|5[cC]|60)(?![0-9a-fA-F])|\\[uU]\{")


def refusal(query: str) -> str:
    """Why a query must not run, or "" where it may.

    A query may run if it begins with a clause that reads, and has no comment, no `;`, no number that goes on in
    letters, and no keyword that writes, loads, calls or attaches.
    Strings, names in backticks, and words after a `.` or `:` (properties
    and labels) are not keywords. In doubt a query is refused: this is the first of two barriers, see `Engine` for the
    second.

    Args:
        query: the text as it would be sent to the database.
    """
    if len(query) > LONGEST:
        return f"{len(query):,} characters, at most {LONGEST:,} are run"
    if control := next((c for c in query if unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\n\r"), ""):
        return f"a control character, U+{ord(control):04X}"
    tokens = scan(query)
    if not tokens or tokens[0].keyword not in FIRST:
        return f"it begins with {tokens[0].text[:20]!r}, not with {', '.join(FIRST)}" if tokens else "it is empty"
    reasons = (_reason(tokens, place) for place in range(len(tokens)))
    return next((reason for reason in reasons if reason), "")


def _reason(tokens: list[Token], place: int) -> str:
    """Why one token is refused."""
    token = tokens[place]
    if token.kind == "comment":
        return "a comment"
    if token.kind == "open":
        return f"{token.text} is not closed"
    if token.kind == "glued":  # the engine ends the number there, and reads on with a keyword: LIMIT 1SET
        return f"{token.text[:20]!r}, a number that goes on in letters"
    if token.kind == "string" and _ESCAPED_QUOTE.search(token.text):
        return "an escaped quote in a string"
    if token.kind == "symbol" and (
        unicodedata.normalize("NFKC", token.text) in (";", "\\") or unicodedata.category(token.text) == "Cf"
    ):
        return f"{token.text!r} outside a string"
    if (keyword := keyword_at(tokens, place)) in FORBIDDEN:
        return f"the keyword {keyword}"
    return ""
