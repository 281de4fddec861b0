"""Prompt pairs: a source prompt, the target prompt that is patched with it, and the answers of both."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.arguments import checked, expect
from workbench.errors import BadPairs, warn
from workbench.text.characters import composed, normalized, plain, tokenizable, tokenizable_texts
from workbench.text.clusters import numbered, repeats_record
from workbench.text.corpus import digest
from workbench.text.display.naming import quoted
from workbench.text.display.overview import Part, as_html
from workbench.text.formats.decoding import Table, frame_table, kind, read_json_lines
from workbench.text.formats.delimited import read_table
from workbench.text.tokens.following import token_ids

FIELDS = ("source", "target", "answer", "foil")
_SHOWN = 10  # pairs in a notebook


@dataclass(frozen=True)
class Pair:
    """Two prompts and two answers.

    Attributes:
        source: the prompt whose activations are taken; a model should continue it with `answer`.
        target: the prompt whose run is patched; a model should continue it with `foil`.
        answer: the answer that the patch should produce; the logit difference is answer - foil.
        foil: the answer of the unpatched target run.
        roles: token positions by role ("subject": 7), counted in the tokens that the model reads (in a chat,
            including the template's), or None.
        name: label in tables and figures.
    """

    source: str
    target: str
    answer: str
    foil: str
    roles: dict[str, int] | None = None
    name: str = ""


@dataclass(frozen=True)
class Pairs:
    """Pairs in order, with their source and the number left out.

    Attributes:
        items: the pairs.
        name: their source.
        dropped: number of pairs left out.
        chat: whether a prompt is a user turn in a chat, and the answer the beginning of the assistant turn.
    """

    items: tuple[Pair, ...]
    name: str
    dropped: int = 0
    chat: bool = False

    def __post_init__(self) -> None:
        for name, type_of in (("items", Iterable[Any]), ("name", str), ("dropped", int), ("chat", bool)):
            expect(name, getattr(self, name), type_of)
        items = tuple(self.items)
        if not items:
            raise BadPairs(f"{self.name} has no pairs ({self.dropped} were dropped)")
        for number, pair in enumerate(items):
            if not isinstance(pair, Pair):
                raise BadPairs(f"{self.name}, pair {number}: {quoted(pair)} is not a Pair; wb.load_pairs reads dicts")
            for field, text in zip(FIELDS, _texts(pair), strict=True):
                if not isinstance(text, str):
                    raise BadPairs(f"{self.name}, pair {number}: {field!r} is {quoted(text)} and not text")
        columns = {field: tuple(getattr(pair, field) for pair in items) for field in FIELDS}
        object.__setattr__(self, "items", _with_texts(items, tokenizable_texts(columns, self.name)))

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of the content of all pairs."""
        items = [asdict(pair) for pair in self.items]
        return digest(["chat", items] if self.chat else items)

    @cached_property
    def clusters(self) -> np.ndarray:
        """Clusters of pairs with the same two prompts, each one piece of evidence, [pair], numbered from 0."""
        return numbered((plain(pair.source), plain(pair.target)) for pair in self.items)

    @cached_property
    def repeated(self) -> int:
        """Number of repeated pairs; answers and roles are compared too."""
        return len(self) - len(self.distinct())

    def distinct(self) -> "Pairs":
        """Drop and count repeated pairs, ignoring Unicode composition and white space of the prompts."""
        first: dict[tuple[Any, ...], Pair] = {}
        for pair in self.items:
            answers = (composed(pair.answer, "NFC"), composed(pair.foil, "NFC"))  # " a" is another answer than "a"
            roles = tuple(sorted((pair.roles or {}).items()))
            first.setdefault((plain(pair.source), plain(pair.target), *answers, roles), pair)
        return replace(self, items=tuple(first.values()), dropped=self.dropped + len(self) - len(first))

    def distinct_count(self, name: str) -> dict[str, int]:
        """Number of pairs with distinct prompts under this name, for a Result; empty if all are distinct."""
        distinct = int(self.clusters.max()) + 1
        return {name: distinct} if distinct < len(self) else {}

    @property
    def info(self) -> dict[str, Any]:
        """What a Result records of its pairs."""
        about = {"source": self.name, "hash": self.hash, "counts": {"pairs": len(self)}, "dropped": self.dropped}
        if distinct := self.distinct_count("pairs"):
            about |= {"distinct": distinct, "same_as": repeats_record(self.clusters[None], ["pairs"])}
        return {**about, "chat": True} if self.chat else about

    def to_frame(self) -> pd.DataFrame:
        """A row per pair: `source`, `target`, `answer`, `foil`, `roles` (token positions by role, or None) and `name`.

        `load_pairs` reads the frame back.

        Example:
            >>> import workbench as wb
            >>> row = {"source": "Rome is in", "target": "Paris is in", "answer": " Italy", "foil": " France"}
            >>> wb.load_pairs([row]).to_frame().loc[0, "foil"]
            ' France'
        """
        rows = [[*_texts(pair), pair.roles, pair.name] for pair in self.items]
        index = pd.RangeIndex(len(rows), name="pair")
        return pd.DataFrame(rows, columns=pd.Index([*FIELDS, "roles", "name"]), index=index, dtype=object)

    def __repr__(self) -> str:
        dropped = f", {self.dropped} dropped" if self.dropped else ""
        return f"Pairs({self.name}: {len(self)} pair{'s' * (len(self) != 1)}{dropped}{', chat' * self.chat})"

    def _repr_html_(self) -> str:
        first = enumerate(self.items[:_SHOWN])  # with repr, so that leading spaces are visible
        rows = tuple((number, *map(repr, _texts(pair)), pair.roles or "") for number, pair in first)
        more = (f"and {len(self) - _SHOWN} more; to_frame() has all",) if len(self) > _SHOWN else ()
        return as_html([Part(repr(self), ("pair", *FIELDS, "roles"), rows, more)])

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.items)

    def __getitem__(self, index: int) -> Pair:
        return self.items[index]


@checked
def load_pairs(source: Any, *, chat: bool = False, deduplicate: bool = False, normalize: str | None = "NFC") -> Pairs:
    r"""Load prompt pairs.

    Args:
        source: a TSV, CSV or JSONL file, a pandas frame, a list of dicts or of Pair, or Pairs (returned as they are),
            with `source`, `target`, `answer`, `foil`, and optionally `roles` (a dict of token positions; JSON in a
            table) and `name`. In a TSV, \n in a prompt stands for a line break.
        chat: each prompt is a user turn in the model's chat template, and the answer and the foil are beginnings of the
            assistant turn. False leaves Pairs as they are.
        deduplicate: drop repeated pairs, also those that differ only in Unicode composition or in the white space of
            their prompts; `Pairs.dropped` counts them.
        normalize: the Unicode form to which texts are converted, with a warning; None leaves them as they are. Pairs
            keep their form.

    Raises:
        BadPairs: missing, empty, not UTF-8, a field that is missing or blank, answer and foil equal apart
            from Unicode composition; names the place.
        BadArgument: unknown `normalize`.

    Example:
        >>> import workbench as wb
        >>> row = {"source": "Rome is in", "target": "Paris is in", "answer": " Italy", "foil": " France"}
        >>> pairs = wb.load_pairs([row])
        >>> len(pairs)
        1
    """
    composed("", normalize)
    pairs = source if isinstance(source, Pairs) else _read(source, normalize)
    if chat:
        pairs = replace(pairs, chat=True)
    if deduplicate and pairs.repeated:
        pairs = pairs.distinct()
    if pairs.repeated and pairs is not source:
        warn(
            f"{pairs.name}: pairs that come again are no further evidence: {pairs.repeated} of {len(pairs)}; "
            "deduplicate=True drops them"
        )
    return pairs


def _read(source: Any, form: str | None) -> Pairs:
    """Pairs of any source but Pairs, in one Unicode form."""
    rows, name = _rows(source)
    items = [_pair(item, f"{name}, {place}") for place, item in rows]
    columns = {field: [getattr(pair, field) for pair in items] for field in FIELDS}
    converted = _with_texts(items, normalized(columns, form, name))
    for (place, _), pair in zip(rows, converted, strict=True):
        if composed(pair.answer, "NFC") == composed(pair.foil, "NFC"):
            raise BadPairs(
                f"{name}, {place}: answer and foil are both {quoted(pair.answer)}; their difference is always 0"
            )
    return Pairs(tuple(replace(pair, name=composed(tokenizable(pair.name), form)) for pair in converted), name)


def _with_texts(items: Sequence[Pair], columns: Mapping[str, Sequence[str]]) -> tuple[Pair, ...]:
    """The pairs with their texts replaced, [pair] by field."""
    rows = zip(*(columns[field] for field in FIELDS), strict=True)
    return tuple(
        pair if texts == _texts(pair) else replace(pair, **dict(zip(FIELDS, texts, strict=True)))
        for pair, texts in zip(items, rows, strict=True)
    )


def _texts(pair: Pair) -> tuple[str, str, str, str]:
    """Texts of a pair in the order of `FIELDS`."""
    return pair.source, pair.target, pair.answer, pair.foil


def first_tokens(tokenizer: Any, word: str) -> frozenset[int]:
    """Possible first tokens of a word: after an opening quote or at the start, with and without a space.

    The quote matters for SentencePiece tokenizers, which add a space at the start of a text. A token that is only a
    space does not identify the word and is left out.
    """
    quote, word = token_ids(tokenizer, '"'), tokenizable(word)
    tokens = set()
    for text in (word, f" {word}"):
        tokens.update(token_ids(tokenizer, text)[:1])
        after = token_ids(tokenizer, f'"{text}')
        if after[: len(quote)] == quote:
            tokens.update(after[len(quote) : len(quote) + 1])
    return frozenset(token for token in tokens if tokenizer.decode([token]).strip())


def _rows(source: Any) -> tuple[list[tuple[str, Any]], str]:
    if isinstance(source, pd.DataFrame):
        return _table_rows(frame_table(source, BadPairs)), "frame"
    if isinstance(source, str | Path):
        path = Path(source)
        suffix = kind(path)
        if suffix in (".jsonl", ".ndjson"):
            return list(read_json_lines(path, BadPairs)), str(source)
        if suffix in (".tsv", ".tab", ".csv"):
            rows = _table_rows(read_table(path, BadPairs))
            return (rows if suffix == ".csv" else [(place, _with_line_breaks(item)) for place, item in rows]), str(
                source
            )
        raise BadPairs(f"cannot tell what {str(source)!r} is; pairs are .tsv, .csv, .jsonl, a frame or a list of dicts")
    if isinstance(source, Sequence):
        return [(f"pair {number}", item) for number, item in enumerate(source)], "list"
    raise BadPairs(f"cannot read pairs from {type(source).__name__}; give a path, a frame or a list of dicts")


def _table_rows(table: Table) -> list[tuple[str, dict[str, Any]]]:
    return [
        (place, {name: cells[row] for name, cells in table.columns.items()}) for row, place in enumerate(table.places)
    ]


def _with_line_breaks(item: dict[str, Any]) -> dict[str, Any]:
    return {name: cell.replace("\\n", "\n") if name in FIELDS and cell else cell for name, cell in item.items()}


def _pair(item: Any, place: str) -> Pair:
    if isinstance(item, Pair):
        item = asdict(item)
    if not isinstance(item, Mapping):
        raise BadPairs(f"{place}: {type(item).__name__} instead of a dict with {', '.join(FIELDS)}")
    for field in FIELDS:
        value = item.get(field)
        if not isinstance(value, str) or not value.strip():
            what = quoted(value) if field in item else "nothing"
            raise BadPairs(f"{place}: {field!r} is {what}; each pair needs text in {', '.join(FIELDS)}")
    return Pair(
        *(item[field] for field in FIELDS), roles=_roles(item.get("roles"), place), name=str(item.get("name") or "")
    )


def _roles(value: Any, place: str) -> dict[str, int] | None:
    if value is None or value == "":
        return None
    try:
        roles = json.loads(value) if isinstance(value, str) else value
        if not isinstance(roles, Mapping) or not all(type(position) is int for position in roles.values()):
            raise ValueError("not positions by name")
    except (ValueError, RecursionError) as error:
        raise BadPairs(
            f"{place}: 'roles' is {quoted(value)}; it takes token positions by name, such as {{\"subject\": 3}}"
        ) from error
    return {str(role): position for role, position in roles.items()}
