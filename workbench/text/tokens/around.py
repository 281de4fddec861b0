"""Around: the tokens that a tokenizer puts in front of and behind every text, found by looking at what it does."""

from collections.abc import Sequence
from typing import Any

_PROBES = ("a", "of b", "1 2", "Ω", "day.", "é")  # texts that share neither their first nor their last characters


def around(tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Token ids that the tokenizer adds in front of every text, and behind it.

    Texts that have nothing in common are tokenized with and without special tokens: what all have in addition is what
    the tokenizer adds, whatever its name (`<s>`, `</s>` in XGLM, `[gMASK]` and `<sop>` in GLM). Special tokens that it
    adds in any case, asked to or not, count too.

    Example:
        >>> around(model.tokenizer)                                                              # doctest: +SKIP
        ((1,), ())
    """
    bare, full = ([_ids(tokenizer, text, special) for text in _PROBES] for special in (False, True))
    found = _added(bare, full) or _shared(bare, full)
    front, behind = found
    named: set[Any] = set(getattr(tokenizer, "all_special_ids", ())) - {getattr(tokenizer, "unk_token_id", None)}
    first, last = (_common([one[::step] for one in bare], named) for step in (1, -1))
    if any(len(one) <= len(first) + len(last) for one in bare):  # texts of nothing else: a probe was not read at all
        return tuple(front), tuple(behind)
    return (*front, *first), (*last[::-1], *behind)


def _added(bare: Sequence[list[int]], full: Sequence[list[int]]) -> tuple[list[int], list[int]] | None:
    """What stands before and after the bare tokens in every text alike; None where there is no such thing."""
    known = [(one, whole) for one, whole in zip(bare, full, strict=True) if one]
    if not known:
        return None
    one, whole = known[0]
    for begin in range(len(whole) - len(one) + 1):
        front, behind = whole[:begin], whole[begin + len(one) :]
        if all(other == [*front, *inner, *behind] for inner, other in known):
            return front, behind
    return None


def _shared(bare: Sequence[list[int]], full: Sequence[list[int]]) -> tuple[list[int], list[int]]:
    """For tokenizers that read a text otherwise once special tokens stand beside it: what all texts share of them."""
    front, behind = _common(full), _common([one[::-1] for one in full])
    own = len(_common(bare)), len(_common([one[::-1] for one in bare]))
    return front[: max(0, len(front) - own[0])], behind[: max(0, len(behind) - own[1])][::-1]


def _common(rows: Sequence[list[int]], among: set[int] | None = None) -> list[int]:
    """The beginning that all rows share, as far as its tokens are among those given."""
    found = []
    for tokens in zip(*rows, strict=False):
        if len(set(tokens)) > 1 or (among is not None and tokens[0] not in among):
            break
        found.append(tokens[0])
    return found


def _ids(tokenizer: Any, text: str, special: bool) -> list[int]:
    return list(tokenizer(text, add_special_tokens=special)["input_ids"])
