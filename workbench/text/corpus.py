"""A corpus: texts by language, aligned (row i says the same in every language) or not."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from workbench.arguments import checked, expect, shown, whole_number
from workbench.errors import BadArgument, BadCorpus, UnknownLanguage
from workbench.text.characters import repeats, tokenizable, tokenizable_texts
from workbench.text.clusters import joined, numbered, repeats_record, text_clusters
from workbench.text.display.naming import quoted, shortened
from workbench.text.display.overview import Part, as_html
from workbench.text.languages import language_list, match

_KINDS = {
    "texts": Mapping[str, Sequence[Any]],
    "aligned": bool,
    "source": str,
    "dropped": int,
    "ids": Sequence[Any],
    "chat": bool,
    "user": Mapping[str, str],
    "ignored": Sequence[Any],
}


def place(language: str, row: int) -> str:
    """A text in messages: its row and its language; the row alone of texts whose language is not given ("")."""
    return f"text {row} in {language!r}" if language else f"text {row}"


@dataclass(frozen=True)
class Corpus:
    """Texts by language, with their source.

    Attributes:
        texts: language code to its texts; the order of the languages is the order of every `language` axis.
        aligned: whether row i says the same in every language.
        source: origin of the texts, for the provenance.
        dropped: number of rows left out because of a missing cell.
        ids: one id per row of an aligned corpus, or none.
        chat: whether the texts are the assistant's answers in a chat; see `as_chat`.
        user: in a chat, the user turn before every text, by language; may be empty.
        ignored: columns of its source left out because they contain no language.

    Raises:
        BadCorpus: no language, a language without texts, a blank text, or an aligned corpus of unequal lengths.
        BadArgument: an attribute of the wrong type.
    """

    texts: dict[str, tuple[str, ...]]
    aligned: bool
    source: str
    dropped: int = 0
    ids: tuple[str, ...] = ()
    chat: bool = False
    user: dict[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, kind in _KINDS.items():
            expect(name, getattr(self, name), kind)
        texts = {language: tuple(rows) for language, rows in self.texts.items()}
        object.__setattr__(self, "ids", tuple(self.ids))
        if not texts:
            raise BadCorpus(f"{self.source} has no language; a corpus needs at least one text in one language")
        for language, rows in texts.items():
            if not rows:
                raise BadCorpus(f"{self.source} has no text in {language!r}")
            for row, text in enumerate(rows):
                if text is not None and not isinstance(text, str):
                    kind = type(text).__name__
                    raise BadCorpus(f"{self.source}: {place(language, row)} is {quoted(text)}, {kind} and not text")
                if not text or not text.strip():
                    raise BadCorpus(f"{self.source}: {place(language, row)} is blank; remove it or fill it in")
        texts = tokenizable_texts(texts, self.source)
        object.__setattr__(self, "texts", texts)
        object.__setattr__(self, "user", {language: tokenizable(turn) for language, turn in self.user.items()})
        if self.aligned and len(set(self.counts.values())) > 1:
            counted = shortened([f"{language} {count}" for language, count in self.counts.items()])
            raise BadCorpus(f"{self.source} should be aligned, but its languages differ in length: {counted}")
        if self.ids and (not self.aligned or len(self.ids) != len(next(iter(texts.values())))):
            raise BadCorpus(f"{self.source}: {len(self.ids)} ids for the rows; an aligned corpus needs one id per row")

    @property
    def languages(self) -> tuple[str, ...]:
        """Language codes, in the order of the axis."""
        return tuple(self.texts)

    @property
    def counts(self) -> dict[str, int]:
        """Number of texts of each language."""
        return {language: len(rows) for language, rows in self.texts.items()}

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of languages, texts and user turns; independent of the order of the languages."""
        texts = sorted(self.texts.items())
        return digest(["chat", sorted(self._turns.items()), texts] if self.chat else texts)

    @cached_property
    def repeated(self) -> dict[str, int]:
        """Number of repeated texts of each language, ignoring white space and Unicode composition."""
        return repeats(self.texts)

    @cached_property
    def clusters(self) -> np.ndarray:
        """Clusters of equal texts of each language: [language, sample] from 0; -1 where a language has no text.

        Statistics of one language resample these: a repeated text is no further evidence.
        """
        return text_clusters(self.texts)

    @cached_property
    def row_clusters(self) -> np.ndarray:
        """Clusters for statistics of several languages: in an aligned corpus, rows that are equal in any language."""
        return np.broadcast_to(joined(self.clusters), self.clusters.shape) if self.aligned else self.clusters

    def distinct(self) -> "Corpus":
        """Drop repeated texts; of an aligned corpus, rows that are repeated in every language."""
        if not self.aligned:
            rows = {code: _firsts(labels[labels >= 0]) for code, labels in zip(self.texts, self.clusters, strict=True)}
        else:
            rows = dict.fromkeys(self.texts, _firsts(numbered(map(tuple, self.clusters.T.tolist()))))
        texts = {code: tuple(self.texts[code][row] for row in each) for code, each in rows.items()}
        ids = tuple(self.ids[row] for row in next(iter(rows.values()))) if self.ids else ()
        return replace(self, texts=texts, ids=ids)

    @property
    def info(self) -> dict[str, Any]:
        """What a Result records of its corpus."""
        return {
            "source": self.source,
            "hash": self.hash,
            "languages": list(self.languages),
            "counts": self.counts,
            "aligned": self.aligned,
            "dropped": self.dropped,
            **({"ignored": list(self.ignored)} if self.ignored else {}),
            **self._repeats,
            **({"chat": True, "user": self._turns} if self.chat else {}),
        }

    @property
    def _repeats(self) -> dict[str, Any]:
        """Counts of repeated and of distinct texts, and the row that each repeat repeats."""
        if not self.repeated:
            return {}
        counts = self.counts
        return {
            "repeated": self.repeated,
            "distinct": {language: counts[language] - self.repeated.get(language, 0) for language in counts},
            "same_as": repeats_record(self.clusters, self.languages),
        }

    @property
    def _turns(self) -> dict[str, str]:
        return {language: self.user.get(language, "") for language in self.texts}

    @checked
    def as_chat(self, user: str | Mapping[str, str] = "") -> "Corpus":
        """Read the texts as a chat model's answers, in its tokenizer's chat template.

        Each text becomes the assistant turn, after a user turn that is the same for every text; by default it is empty,
        so that it favours no language. Statistics count only the tokens of the text; those of the template are context.

        Args:
            user: the user turn: one for all languages, or one for each.

        Raises:
            UnknownLanguage: turns by language, but a language of the corpus has none.

        Example:
            >>> chat = corpus.as_chat({"de": "Sag etwas.", "fr": "Dis quelque chose."})          # doctest: +SKIP
        """
        turns = dict.fromkeys(self.texts, user) if isinstance(user, str) else dict(user)
        named = {language: match(language, list(turns)) for language in self.texts}
        missing = [language for language, code in named.items() if code is None]
        if missing:
            raise UnknownLanguage(f"no user turn is given for {shortened(missing)} (has: {shortened(turns)})")
        return replace(
            self, chat=True, user={language: turns[code] for language, code in named.items() if code is not None}
        )

    @checked
    def select(self, languages: str | Sequence[str]) -> "Corpus":
        """Keep these languages (codes, or one string with commas), in this order.

        Raises:
            UnknownLanguage: one of them is not in this corpus.
        """
        return replace(self, texts={language: self.texts[language] for language in chosen(languages, self.languages)})

    def limit(self, n: int) -> "Corpus":
        """Keep the first `n` texts of each language (rows, when aligned)."""
        n = whole_number("limit", n, at_least=1)
        return replace(self, texts={language: rows[:n] for language, rows in self.texts.items()}, ids=self.ids[:n])

    @checked
    def split(self, name: str) -> "Corpus":
        """Take one half, 'train' or 'test': of rows 2i and 2i + 1, a hash of i selects the one for training.

        The halves depend on the row number alone, so an aligned corpus is split alike in every language, and a growing
        corpus keeps its halves. A repeated row is not numbered; it goes to the half of the row that it repeats.

        Raises:
            BadArgument: another name.
            BadCorpus: a language has only one text.
        """
        if name not in ("train", "test"):
            raise BadArgument(f"split={name!r} does not exist here; a corpus splits into 'train' and 'test'")
        clusters = self.row_clusters
        few = [language for language, own in zip(self.texts, clusters, strict=True) if own.max() < 1]
        if few:
            raise BadCorpus(
                f"{self.source} has one text in {shortened(few)}: a split into train and test needs two different texts"
            )
        mine = {
            language: tuple(text for text, row in zip(rows, own.tolist(), strict=False) if _half(row) == name)
            for (language, rows), own in zip(self.texts.items(), clusters, strict=True)
        }
        ids = tuple(
            identifier for identifier, row in zip(self.ids, clusters[0].tolist(), strict=False) if _half(row) == name
        )
        return replace(self, texts=mine, ids=ids, source=f"{self.source}[{name}]")

    def frame(self) -> pd.DataFrame:
        """One row per item, one column per language (aligned corpora only)."""
        if not self.aligned:
            raise BadCorpus(f"{self.source} is not aligned: its languages have no rows in common to make a table of")
        return pd.DataFrame(self.texts, index=pd.Index(self.ids, name="id") if self.ids else None)

    def to_frame(self) -> pd.DataFrame:
        """One row per text, language by language: `language` and `text`, indexed by `sample` (from 0 in each language).

        `load_corpus` reads the frame back, with `aligned=True` if this corpus is aligned; `frame` has one column per
        language.

        Example:
            >>> import workbench as wb
            >>> wb.load_corpus("parallel", languages=["de", "ja"], limit=10).to_frame().shape
            (20, 2)
        """
        rows = [(language, row, text) for language, texts in self.texts.items() for row, text in enumerate(texts)]
        return pd.DataFrame(rows, columns=pd.Index(["language", "sample", "text"])).set_index("sample")

    def __len__(self) -> int:
        return sum(self.counts.values())

    def __repr__(self) -> str:
        counts = shortened([f"{language} {count}" for language, count in self.counts.items()])
        return f"Corpus({self.source}, {'aligned' if self.aligned else 'not aligned'}{', chat' * self.chat}: {counts})"

    def _repr_html_(self) -> str:
        rows = tuple((language, len(texts), texts[0]) for language, texts in self.texts.items())
        return as_html([Part(repr(self), ("language", "texts", "the first"), rows)])


def chosen(languages: str | Sequence[str], present: Sequence[str], *, where: str = "this corpus") -> list[str]:
    """Match the requested languages to those present, in the requested order."""
    wanted = language_list(languages)
    if not wanted:
        raise BadArgument(f"languages={shown(languages)} names none; {where} has: {shortened(present)}")
    tags = []
    for code in wanted:
        tag = match(code, present)
        if tag is None:
            raise UnknownLanguage(f"{code!r} is not in {where} (has: {shortened(present)})")
        tags.append(tag)
    twice = [code for code in dict.fromkeys(tags) if tags.count(code) > 1]
    if twice:
        raise BadArgument(f"languages={shown(languages)} has {', '.join(twice)} twice; name each language once")
    return tags


def digest(value: Any) -> str:
    """SHA-256 (hex) of a value's JSON."""
    return hashlib.sha256(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()


def _firsts(clusters: np.ndarray) -> list[int]:
    """The first row of each cluster."""
    return np.unique(clusters, return_index=True)[1].tolist()


def _half(row: int) -> str:
    odd_trains = hashlib.sha256(f"workbench split {row // 2}".encode()).digest()[0] & 1
    return "train" if row % 2 == odd_trains else "test"
