"""A task: questions with options and the right answers, by language."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from workbench.errors import BadTask
from workbench.text.characters import tokenizable, tokenizable_cells, tokenizable_texts
from workbench.text.corpus import chosen, digest
from workbench.text.display.naming import quoted, shortened
from workbench.text.tasks.cypher.queries import Queries
from workbench.text.tasks.quotes import opens_quote

Kind = Literal["choice", "generate"]
Context = str | tuple[str, ...]
"""The text before the options; a text for each option where they differ (XWinograd)."""


@dataclass(frozen=True)
class Item:
    """A question in one language.

    Attributes:
        id: joins the languages.
        context: the text before the options.
        options: the options; for a task that is generated, the answers that count.
        gold: places of the right options.
    """

    id: str
    context: Context
    options: tuple[str, ...]
    gold: frozenset[int]


@dataclass(frozen=True)
class Task:
    """Questions with options, by language, joined by their ids; made by `load_task`.

    Attributes:
        name: its source.
        context: language to the text before the options of each item; None where the language lacks the item; a text
            for each option where they differ.
        options: language to the options of each item, empty where the language lacks it. In a task that is generated:
            the answers that count.
        gold: places of each item's right options; any of several counts.
        ids: of the items.
        kind: `"choice"`: options are compared; `"generate"`: the answer is written.
        delimiter: language to what stands between context and option; where a language is not named a space, or
            nothing after an opening quotation mark.
        aligned: whether item i says the same in every language.
        unmatched: items that a language lacks.
        queries: of a task of Cypher queries: questions, prompts in other languages, and the graph.

    Raises:
        BadTask: no language or item, lengths that differ, a gold that no option has.
    """

    name: str
    context: Mapping[str, tuple[Context | None, ...]]
    options: Mapping[str, tuple[tuple[str, ...], ...]]
    gold: tuple[frozenset[int], ...]
    ids: tuple[str, ...]
    kind: Kind = "choice"
    delimiter: Mapping[str, str] = field(default_factory=dict)
    aligned: bool = True
    unmatched: int = 0
    queries: Queries | None = None

    def __post_init__(self) -> None:
        if not self.context or not self.ids or set(self.context) != set(self.options):
            raise BadTask(f"{self.name}: a task needs items, and contexts and options of the same languages")
        if len(set(self.ids)) != len(self.ids) or len(self.gold) != len(self.ids):
            raise BadTask(f"{self.name}: each of {len(self.ids)} items needs an id of its own and a gold")
        for language, contexts in self.context.items():
            if len(contexts) != len(self.ids) or len(self.options[language]) != len(self.ids):
                raise BadTask(f"{self.name}, {language}: {len(contexts)} contexts for {len(self.ids)} items")
            for place, (context, options) in enumerate(zip(contexts, self.options[language], strict=True)):
                if context is not None:
                    self._check(context, options, f"{self.name}, {language}, item {self.ids[place]!r}", place)

    def _check(self, context: Context, options: tuple[str, ...], where: str, place: int) -> None:
        fewest = 2 if self.kind == "choice" else 1
        if len(options) < fewest:
            raise BadTask(f"{where}: {len(options)} options; a task of kind {self.kind!r} takes {fewest} or more")
        if any(not isinstance(option, str) or not option for option in options):
            raise BadTask(f"{where}: an option is empty or no text: {shortened(list(options))}")
        if isinstance(context, tuple) and len(context) != len(options):
            raise BadTask(f"{where}: {len(context)} contexts for {len(options)} options")
        gold = self.gold[place]
        if not gold or not gold <= set(range(len(options))):
            raise BadTask(f"{where}: gold is {sorted(gold)}, and there are options 0 to {len(options) - 1}")

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        form = "aligned" if self.aligned else f"unaligned, {self.unmatched} unmatched"
        return f"Task({self.name}: {len(self)} items in {', '.join(self.languages)}; {self.kind}, {form})"

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages, in the order of every `language` axis."""
        return tuple(self.context)

    @property
    def n_options(self) -> int:
        """Most options of an item."""
        return max(len(options) for rows in self.options.values() for options in rows)

    @property
    def fixed_labels(self) -> bool:
        """Whether the options are the same texts in every item of a language: labels, such as yes and no."""
        sets = ({options for options in rows if options} for rows in self.options.values())
        return all(len(distinct) == 1 for distinct in sets) and len(self) > 1

    @property
    def info(self) -> dict[str, Any]:
        """What provenance records about the task."""
        content = [
            [list(self.context), [list(rows) for rows in self.context.values()]],
            [[list(options) for options in rows] for rows in self.options.values()],
            [sorted(gold) for gold in self.gold],
            list(self.ids),
            [self.separator(language) for language in self.languages],
        ]
        return {
            "source": self.name,
            "hash": digest(content),
            "languages": list(self.languages),
            "items": len(self),
            "kind": self.kind,
            "aligned": self.aligned,
            "unmatched": self.unmatched,
        }

    def separator(self, language: str, context: str = "") -> str:
        """What stands between this context and its option in a language."""
        return self.delimiter.get(language, "" if opens_quote(context) else " ")

    def present(self, language: str) -> list[int]:
        """Places of the items that a language has."""
        return [place for place, context in enumerate(self.context[language]) if context is not None]

    def select(self, languages: str | Sequence[str]) -> "Task":
        """The task in some of its languages, in the requested order; items that none of them has are left out.

        Raises:
            UnknownLanguage: a language that the task lacks.
        """
        tags = chosen(languages, list(self.languages), where="this task")
        places = sorted({place for language in tags for place in self.present(language)})
        return replace(
            self._of(places),
            context={language: tuple(self.context[language][place] for place in places) for language in tags},
            options={language: tuple(self.options[language][place] for place in places) for language in tags},
        )

    def limit(self, items: int | None) -> "Task":
        """The first items; all when None."""
        return self if items is None else self._of(range(min(items, len(self))))

    def without_first(self, items: int) -> "Task":
        """The task without its first items, which serve as shots.

        Raises:
            BadTask: nothing is left.
        """
        return self._of(range(items, len(self)))

    def _of(self, places: Iterable[int]) -> "Task":
        rows = list(places)
        if not rows:
            raise BadTask(f"{self.name}: no item is left of {len(self)}")
        return replace(
            self,
            context={language: tuple(texts[row] for row in rows) for language, texts in self.context.items()},
            options={language: tuple(texts[row] for row in rows) for language, texts in self.options.items()},
            gold=tuple(self.gold[row] for row in rows),
            ids=tuple(self.ids[row] for row in rows),
        )


def joined(
    items: Mapping[str, Sequence[Item]],
    name: str,
    *,
    kind: Kind = "choice",
    delimiter: Mapping[str, str] | None = None,
    native: bool = False,
) -> Task:
    """Join items of several languages by their ids.

    The order is that of the first language, then of the others' further ids. Where the gold of an id differs between
    languages, the items are different ones: each language keeps its own, and the task is unaligned.

    Args:
        items: language to its items.
        name: the task's name.
        kind: of the task.
        delimiter: language to what stands between context and option.
        native: the languages have items of their own (INCLUDE), which no id joins.

    Raises:
        BadTask: no items, or an id twice in a language.
    """
    tokenizable_texts({code: [text for item in own for text in _texts(item)] for code, own in items.items()}, name)
    rows: dict[str, dict[str, Item]] = {}
    for language, own_items in items.items():
        rows[language] = {}
        for item in map(_readable, own_items):
            number = tokenizable(item.id)
            if number in rows[language]:
                raise BadTask(f"{name}, {language}: the id {quoted(number)} comes more than once")
            rows[language][number] = item
    golds: dict[str, set[frozenset[int]]] = {}
    for own in rows.values():
        for number, item in own.items():
            golds.setdefault(number, set()).add(item.gold)
    apart = {number for number, sets in golds.items() if len(sets) > 1}
    if len(rows) > 1 and (native or apart):
        rows = {
            language: {
                f"{number} ({language})" if native or number in apart else number: i for number, i in own.items()
            }
            for language, own in rows.items()
        }
    ids = list(dict.fromkeys(number for own in rows.values() for number in own))
    unmatched = sum(any(number not in own for own in rows.values()) for number in ids)
    gold = {number: item.gold for own in rows.values() for number, item in own.items()}
    return Task(
        name,
        {language: tuple(own[i].context if i in own else None for i in ids) for language, own in rows.items()},
        {language: tuple(own[i].options if i in own else () for i in ids) for language, own in rows.items()},
        tuple(gold[number] for number in ids),
        tuple(ids),
        kind,
        delimiter or {},
        aligned=not native and unmatched == 0,
        unmatched=unmatched,
    )


def _texts(item: Item) -> tuple[str, ...]:
    """All texts of an item that a model may read."""
    texts = (*(item.context if isinstance(item.context, tuple) else (item.context,)), *item.options)
    return tuple(text for text in texts if isinstance(text, str))


def _readable(item: Item) -> Item:
    """An item whose texts a tokenizer can read; see `tokenizable`."""
    context = item.context
    read = tuple(tokenizable_cells(context)) if isinstance(context, tuple) else tokenizable_cells([context])[0]
    return replace(item, context=read, options=tuple(tokenizable_cells(item.options)))
