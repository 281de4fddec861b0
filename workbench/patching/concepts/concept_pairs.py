"""Pairs of concepts for the concept and language experiments: their prompts, and the tokens that answer them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import BadArgument, BadPairs
from workbench.text.clusters import word_clusters
from workbench.text.languages import known, meaning, required
from workbench.text.pairs import first_tokens
from workbench.text.words import load_words, translation_prompts

SHOWN_FIRST = ("en", "de", "fr", "es")  # languages to show words in by default


@dataclass(frozen=True)
class Route:
    """The languages of a prompt: of the word that it shows, and of the answer that it asks for."""

    shown: str
    answer: str

    def __str__(self) -> str:
        return f"{self.shown}-{self.answer}"


@dataclass(frozen=True)
class ConceptPair:
    """One source concept and one target concept.

    Attributes:
        source: the concept whose activations are taken.
        target: the concept of the run that is patched.
        controls: concepts unrelated to both, one per source prompt.
        prompt: the target prompt, and the word it shows.
        sources: (prompt, shown word) of the source concept, one per route.
        random: the same of the control concepts.
        tokens: first tokens of each answer.
    """

    source: str
    target: str
    controls: tuple[str, ...]
    prompt: tuple[str, str]
    sources: tuple[tuple[str, str], ...]
    random: tuple[tuple[str, str], ...]
    tokens: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class ConceptPairs:
    """All pairs of an experiment.

    Attributes:
        items: the pairs.
        answers: (whose concept, language), source first.
        routes: of the source prompts.
        target: route of the target prompts.
        collided: concepts whose first tokens collide.
        frame: the words.
    """

    items: tuple[ConceptPair, ...]
    answers: tuple[tuple[str, str], ...]
    routes: tuple[Route, ...]
    target: Route
    collided: int
    frame: pd.DataFrame

    @cached_property
    def clusters(self) -> np.ndarray:
        """Pairs whose source concepts have the same words in every language share a cluster: [pair].

        Every concept is the source of at most one pair.
        """
        return word_clusters(self.frame, [pair.source for pair in self.items])

    def __len__(self) -> int:
        return len(self.items)


def make_pairs(
    tokenizer: Any,
    words: pd.DataFrame | str,
    *,
    source: str | Sequence[str],
    target: str | Sequence[str],
    mean_over: Sequence[str | Sequence[str]] = (),
    shots: int,
    seed: int,
    limit: int | None,
) -> ConceptPairs:
    """Match every concept with another, and write their prompts.

    A concept whose first tokens are the same in both languages is left out and counted, and so is one for which no
    partner has other first tokens. The shots of a prompt never show a concept of the pair. Which concepts are matched
    does not depend on `mean_over`, so that single and mean sources are measured on the same pairs.

    Raises:
        UnknownLanguage: a language is not among the words.
        BadArgument: too few concepts for `shots`, or numbers below their least.
        BadPairs: every concept collides.
    """
    frame = words if isinstance(words, pd.DataFrame) else load_words(words)
    if shots < 0 or (limit is not None and limit < 1):
        raise BadArgument(f"shots={shots!r}, limit={limit!r}; shots start at 0 and limit at 1")
    given, wanted, *means = check_routes(frame, source, target, mean_over)
    means = tuple(means) or (given,)
    languages = list(dict.fromkeys((given.answer, wanted.answer)))
    tokens = {language: [_first_tokens(tokenizer, str(word)) for word in frame[language]] for language in languages}
    table = frame.to_numpy()
    bare = pd.DataFrame(table, frame.index, frame.columns)  # pandas would copy the attributes with every row
    alike = (table[:, None] == table[None]).any(-1)  # [concept, concept]: the same word in some language
    order = random.Random(seed).sample(range(len(frame)), len(frame))
    free = [row for row in order if _apart([of[row] for of in tokens.values()])]
    items, alone = [], 0
    for place, first in enumerate(free):
        around = free[place + 1 :] + free[:place]
        fits = (row for row in around if not alike[first, row] and _separate(tokens, first, row))
        second = next(fits, None)
        if second is None:
            alone += 1
            continue
        shown = _draw(alike, (first, second), shots, len(means), f"{seed} {place}")
        items.append(_pair(bare, tokens, (first, second), means, wanted, shown))
        if len(items) == limit:
            break
    if not items:
        raise BadPairs(
            f"in all {len(frame)} concepts the first tokens of {given.answer} and {wanted.answer} collide, or no two "
            "concepts begin with other tokens; choose languages of other scripts"
        )
    answers = tuple((whose, language) for whose in ("source", "target") for language in languages)
    return ConceptPairs(tuple(items), answers, means, wanted, len(order) - len(free) + alone, frame)


def check_routes(
    frame: pd.DataFrame,
    source: str | Sequence[str],
    target: str | Sequence[str],
    mean_over: Sequence[str | Sequence[str]] = (),
) -> list[Route]:
    """The routes of source and target prompt, and those to average over.

    Raises:
        UnknownLanguage: a language is not among the words.
        BadArgument: not a route.
    """
    given, wanted = routes(frame, source, target)
    return [given, wanted, *(_route(frame, route, given.answer) for route in mean_over)]


def routes(frame: pd.DataFrame, source: str | Sequence[str], target: str | Sequence[str]) -> tuple[Route, Route]:
    """The routes of source and target prompt; a code alone is the language asked for, shown in a third language."""
    present = list(frame.columns)
    answer_languages = {_codes(route, present)[-1] for route in (source, target)}
    free = [code for code in (*SHOWN_FIRST, *frame.columns) if code in frame.columns and code not in answer_languages]
    fallback = free[0] if free else None
    chosen = []
    for route in (source, target):
        codes = _codes(route, present)
        if len(codes) == 1:
            if fallback is None:
                raise BadArgument(
                    f"{route!r} names the language asked for; with these words name both, such as 'de-fr'"
                )
            codes = (fallback, codes[0])
        chosen.append(Route(*codes))
    return chosen[0], chosen[1]


def _route(frame: pd.DataFrame, route: str | Sequence[str], answer_language: str) -> Route:
    """A route of `mean_over`: a code alone is the language in which the word is shown."""
    codes = _codes(route, list(frame.columns))
    codes = codes if len(codes) == 2 else (codes[0], answer_language)
    if codes[0] == codes[1]:
        raise BadArgument(f"mean_over has {codes[0]!r}, the language asked for; a word is shown in another one")
    return Route(*codes)


def _codes(route: str | Sequence[str], present: Sequence[str]) -> tuple[str, ...]:
    """The one or two languages that a route names: 'fr', 'de-fr', 'zh-Hant-en' or ('de', 'fr').

    A hyphen also stands inside codes, so every place to divide a text is tried against the languages of the words.

    Raises:
        UnknownLanguage: a language is not among the words.
        BadArgument: neither one language nor two different ones, or a text that can be divided in several ways.
    """
    codes = tuple(route) if not isinstance(route, str) else _divided(route, present)
    if len(codes) in (1, 2) and all(codes):
        names = tuple(required(code, present, "is not in this word list") for code in codes)
        if len(set(names)) == len(names):
            return names
    raise BadArgument(f"{route!r} is not a language or two different ones, such as 'fr', 'de-fr' or ('de', 'fr')")


def _divided(text: str, present: Sequence[str]) -> tuple[str, ...]:
    """A route's text as one or two of the languages of the words."""
    parts = text.split("-")
    ways = [("-".join(parts[:i]), "-".join(parts[i:])) for i in range(1, len(parts))]
    readings: dict[bool, dict[tuple[str, ...], tuple[str, ...]]] = {True: {}, False: {}}
    for way in [(text,), *ways]:
        meanings = [meaning(code, present) for code in way]
        names = tuple(name for name, _ in meanings if name is not None)
        same_language, exact = len(set(names)) < len(names), all(sure for _, sure in meanings)
        if same_language and exact:
            return way  # 'de-de', which is also German as in Germany
        if len(names) == len(way) and not same_language:
            readings[exact][names] = way
    # 'de-it' is also German as in Italy, but not where it names two languages and one of them is not among the words.
    stated = [way for way in ways if all(map(known, way)) or any(meaning(code, present)[1] for code in way)]
    near = {names: way for names, way in readings[False].items() if len(way) == 2 or not stated}
    fitting = readings[True] or near
    if len(fitting) > 1:
        readable = " or ".join(" and ".join(map(repr, names)) for names in fitting)
        raise BadArgument(f"{text!r} can be read as {readable}; give two languages as a pair, such as ('de', 'fr')")
    return next(iter([*fitting.values(), *stated]), tuple(parts))


@lru_cache(maxsize=2**16)
def _first_tokens(tokenizer: Any, word: str) -> tuple[int, ...]:
    """First tokens of a word, cached: a matrix of languages needs the same words many times."""
    return tuple(sorted(first_tokens(tokenizer, word)))


def _apart(tokens: Sequence[tuple[int, ...]]) -> bool:
    """Whether no token begins two of these words, and each has one."""
    joined = [token for of_word in tokens for token in of_word]
    return all(tokens) and len(joined) == len(set(joined))


def _separate(tokens: dict[str, list[tuple[int, ...]]], first: int, second: int) -> bool:
    return _apart([of[row] for of in tokens.values() for row in (first, second)])


def _draw(
    alike: np.ndarray, rows: tuple[int, int], shots: int, controls: int, seed: str
) -> tuple[list[int], list[int], list[int]]:
    """Concepts for the shots of the source prompts, of the target prompt, and for the controls, unlike the pair.

    Controls are drawn last, so that their number changes nothing else.
    """
    others = [row for row in range(len(alike)) if not alike[row, list(rows)].any()]
    rng = random.Random(seed)
    first, second = (_unlike(alike, rng.sample(others, len(others)), shots) for _ in range(2))
    left = [row for row in others if not alike[row, first].any()]
    if min(len(first), len(second)) < shots or len(left) < controls:
        raise BadArgument(f"{len(alike)} concepts are too few for {shots} shots and {controls} control(s); lower shots")
    return first, second, rng.sample(left, controls)


def _unlike(alike: np.ndarray, rows: list[int], count: int) -> list[int]:
    """The first rows that have no word in common."""
    taken: list[int] = []
    for row in rows:
        if len(taken) == count:
            break
        if not alike[row, taken].any():
            taken.append(row)
    return taken


def _pair(
    frame: pd.DataFrame,
    tokens: dict[str, list[tuple[int, ...]]],
    rows: tuple[int, int],
    means: tuple[Route, ...],
    wanted: Route,
    drawn: tuple[list[int], list[int], list[int]],
) -> ConceptPair:
    names = frame.index

    def prompt(row: int, route: Route, shots: list[int]) -> tuple[str, str]:
        part = frame.iloc[[row, *shots]]
        made = translation_prompts(part, source=route.shown, target=route.answer, shots=len(shots), seed=0)
        return made[str(names[row])], str(frame[route.shown].iloc[row])

    return ConceptPair(
        str(names[rows[0]]),
        str(names[rows[1]]),
        tuple(str(names[row]) for row in drawn[2]),
        prompt(rows[1], wanted, drawn[1]),
        tuple(prompt(rows[0], route, drawn[0]) for route in means),
        tuple(prompt(row, route, drawn[0]) for row, route in zip(drawn[2], means, strict=True)),
        tuple(of[row] for row in rows for of in tokens.values()),
    )
