"""Likeness of two queries as texts: exact match, Google-BLEU and ROUGE-L."""

import re
from collections import Counter
from collections.abc import Sequence

from workbench.evaluation.text2cypher.scan import single_spaced

_TOKEN = re.compile(r"\w+|[^\w\s]")
_FENCE = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)
_LONGEST = 4  # tokens of an n-gram


def query_of(text: str) -> str:
    """The query in a model's answer: without fences, the text after a blank line, and a final `;`.

    What is left is as it was written. For answers alone: a right query is never cut.
    """
    fenced = _FENCE.search(text)
    first = fenced[1] if fenced else re.split(r"\n[ \t]*\n", text.strip(), maxsplit=1)[0]
    return first.strip().removesuffix(";").rstrip()


def comparable(query: str) -> str:
    """A query as it is compared, not as it is run: without a final `;`, and with single spaces outside strings."""
    return single_spaced(query).removesuffix(";").rstrip()


def exact(query: str, gold: str) -> bool:
    """Whether two queries are the same text, but for a final `;` and repeated spaces outside strings."""
    return comparable(query) == comparable(gold)


def gleu_counts(query: str, gold: str) -> tuple[int, int]:
    """Matching n-grams of 1 to 4 tokens, and the larger of the two queries' totals.

    Google-BLEU of a corpus is the sum of the first over the sum of the second (Wu et al. 2016, arXiv 1609.08144).
    """
    grams, gold_grams = _grams(_tokens(query)), _grams(_tokens(gold))
    return (grams & gold_grams).total(), max(grams.total(), gold_grams.total())


def gleu(query: str, gold: str) -> float:
    """Google-BLEU of one query; 0 where both are empty."""
    matching, total = gleu_counts(query, gold)
    return matching / total if total else 0.0


def rouge_l(query: str, gold: str) -> float:
    """F1 of the longest common subsequence of tokens (Lin 2004); 0 where either is empty."""
    tokens, gold_tokens = _tokens(query), _tokens(gold)
    common = _common(tokens, gold_tokens)
    return 2 * common / (len(tokens) + len(gold_tokens)) if common else 0.0


def _tokens(query: str) -> list[str]:
    return _TOKEN.findall(query)


def _grams(tokens: Sequence[str]) -> Counter[tuple[str, ...]]:
    return Counter(
        tuple(tokens[start : start + length])
        for length in range(1, _LONGEST + 1)
        for start in range(len(tokens) - length + 1)
    )


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    lengths = [0] * (len(second) + 1)
    for token in first:
        before = lengths[:]
        for place, other in enumerate(second):
            lengths[place + 1] = before[place] + 1 if token == other else max(before[place + 1], lengths[place])
    return lengths[-1]
