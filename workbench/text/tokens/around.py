"""Tokens that a tokenizer adds before and after every text, detected empirically."""

from collections.abc import Sequence
from typing import Any

from workbench.text.tokens.following import token_ids

_PROBES = ("a", "of b", "1 2", "Ω", "day.", "é")  # texts that share neither their first nor their last characters


def around(tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Token ids that the tokenizer adds before and after every text.

    Texts without anything in common are tokenized with and without special tokens: what all have in addition was added
    by the tokenizer, whatever its name (`<s>`, `</s>` in XGLM, `[gMASK]` and `<sop>` in GLM). Special tokens that are
    added even with `add_special_tokens=False` count too.

    Example:
        >>> around(model.tokenizer)                                                              # doctest: +SKIP
        ((1,), ())
    """
    bare, full = ([token_ids(tokenizer, text, special=special) for text in _PROBES] for special in (False, True))
    prefix, suffix = _added(bare, full) or _shared(bare, full)
    named: set[Any] = set(getattr(tokenizer, "all_special_ids", ())) - {getattr(tokenizer, "unk_token_id", None)}
    first, last = (_common([ids[::step] for ids in bare], named) for step in (1, -1))
    if any(
        len(ids) <= len(first) + len(last) for ids in bare
    ):  # nothing else in a text: a probe was not tokenized at all
        return tuple(prefix), tuple(suffix)
    return (*prefix, *first), (*last[::-1], *suffix)


def _added(bare: Sequence[list[int]], full: Sequence[list[int]]) -> tuple[list[int], list[int]] | None:
    """The same tokens before and after the bare ones in every text; None if there are none."""
    known = [(ids, whole) for ids, whole in zip(bare, full, strict=True) if ids]
    if not known:
        return None
    ids, whole = known[0]
    for begin in range(len(whole) - len(ids) + 1):
        prefix, suffix = whole[:begin], whole[begin + len(ids) :]
        if all(other == [*prefix, *inner, *suffix] for inner, other in known):
            return prefix, suffix
    return None


def _shared(bare: Sequence[list[int]], full: Sequence[list[int]]) -> tuple[list[int], list[int]]:
    """The tokens shared by all texts, for tokenizers that tokenize a text differently next to special tokens."""
    prefix, suffix = _common(full), _common([ids[::-1] for ids in full])
    own = len(_common(bare)), len(_common([ids[::-1] for ids in bare]))
    return prefix[: max(0, len(prefix) - own[0])], suffix[: max(0, len(suffix) - own[1])][::-1]


def _common(rows: Sequence[list[int]], among: set[int] | None = None) -> list[int]:
    """The common prefix of all rows, as far as its tokens are in `among`."""
    prefix = []
    for tokens in zip(*rows, strict=False):
        if len(set(tokens)) > 1 or (among is not None and tokens[0] not in among):
            break
        prefix.append(tokens[0])
    return prefix
