"""Prompt pairs as token ids, and as batches whose last tokens are in one column."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from workbench.errors import BadPairs, TooLarge
from workbench.model import memory
from workbench.model.batching import texts_per_batch
from workbench.model.model import Model
from workbench.text.batches import Batch, Encoded, check_ids, collate
from workbench.text.chat import Chat
from workbench.text.corpus import Corpus
from workbench.text.pairs import Pairs

_AUTO = 16  # pairs in a batch


@dataclass(frozen=True)
class Prompts:
    """Pairs and the token ids of their prompts, BOS exactly where the tokenizer itself adds it.

    In a chat they are the template's turns, up to where the assistant's answer begins; `counted` says by side and pair
    which tokens are the prompt's own.
    """

    pairs: Pairs
    source: tuple[list[int], ...]
    target: tuple[list[int], ...]
    counted: dict[str, tuple[range, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def swapped(self) -> "Prompts":
        """The same pairs with source and target exchanged."""
        counted = {"source": self.counted["target"], "target": self.counted["source"]} if self.counted else {}
        return Prompts(self.pairs, self.target, self.source, counted)

    def some(self, rows: Iterable[int]) -> "Prompts":
        """Some of the pairs, by their numbers."""
        take = list(rows)
        pairs = replace(self.pairs, items=tuple(self.pairs.items[row] for row in take), dropped=0)
        source, target = (tuple(side[row] for row in take) for side in (self.source, self.target))
        counted = {side: tuple(own[row] for row in take) for side, own in self.counted.items()}
        return Prompts(pairs, source, target, counted)

    @property
    def lengths(self) -> tuple[int, ...]:
        """The length of every prompt in tokens, sources first."""
        return tuple(len(ids) for ids in (*self.source, *self.target))

    @property
    def width(self) -> int:
        """The length of the longest target prompt in tokens."""
        return max(len(ids) for ids in self.target)

    def require_equal_lengths(self) -> None:
        """Refuse pairs whose two prompts differ in length.

        Raises:
            BadPairs: names the first such pair and both lengths.
        """
        for row, (source, target) in enumerate(zip(self.source, self.target, strict=True)):
            if len(source) != len(target):
                raise BadPairs(
                    f"{label(self.pairs, row)}: source has {len(source)} tokens and target {len(target)}; a sweep "
                    "needs prompts of one length within each pair (translation_pairs with tokenizer= makes such pairs)"
                )


@dataclass(frozen=True)
class PairBatch:
    """Some pairs, both prompts padded on the left; `rows` are their numbers."""

    rows: tuple[int, ...]
    source: Batch
    target: Batch


def label(pairs: Pairs, row: int) -> str:
    """How messages call a pair."""
    name = pairs[row].name
    return f"pair {row} ({name})" if name else f"pair {row}"


def encode(model: Model, pairs: Pairs) -> Prompts:
    """Tokenize both prompts of every pair.

    Raises:
        TooLarge: a prompt is longer than the model's context.
        BadArgument: chat pairs, and the tokenizer has no chat template.
        BadPairs: the chat template changes a prompt by more than stripping it.
    """
    if pairs.chat:
        return _chat(model, pairs)
    texts = {"source": tuple(pair.source for pair in pairs), "target": tuple(pair.target for pair in pairs)}
    ids: dict[str, list[list[int]]] = {"source": [], "target": []}
    for text in model.encode(Corpus(texts, aligned=True, source=pairs.name)):
        ids[text.language].append(text.ids)
    return Prompts(pairs, tuple(ids["source"]), tuple(ids["target"]))


def _chat(model: Model, pairs: Pairs) -> Prompts:
    """Both prompts of every pair as a user's turn."""
    chat = Chat(model.tokenizer)
    ids: dict[str, list[list[int]]] = {"source": [], "target": []}
    own: dict[str, list[range]] = {"source": [], "target": []}
    for row, pair in enumerate(pairs):
        for side, text in (("source", pair.source), ("target", pair.target)):
            where = f"{label(pairs, row)}, {side}"
            tokens, _, counted = chat.tokens(chat.prompt(text, where))
            if len(tokens) > model.n_context:
                raise TooLarge(f"{where}: {len(tokens)} tokens, the model takes {model.n_context}; shorten the prompt")
            check_ids(model.tokenizer, tokens, model.n_embedded, where)
            ids[side].append(tokens)
            own[side].append(counted)
    counts = {side: tuple(ranges) for side, ranges in own.items()}
    return Prompts(pairs, tuple(ids["source"]), tuple(ids["target"]), counts)


def batches(model: Model, prompts: Prompts, batch_size: int | str, *, passes: int = 2) -> Iterator[PairBatch]:
    """Yield the pairs in batches of about one length, shortest first; both prompts of a pair in the same row.

    A batch has no more pairs than fit into memory with the recordings of so many passes.
    """
    size = _size(model, prompts, batch_size, passes)
    order = sorted(range(len(prompts)), key=lambda row: (len(prompts.target[row]), len(prompts.source[row])))
    for start in range(0, len(order), size):
        rows = tuple(order[start : start + size])
        yield PairBatch(rows, _padded(model, prompts, "source", rows), _padded(model, prompts, "target", rows))


def first_difference(source: Batch, target: Batch) -> int:
    """The first column in which some pair's prompts differ; the last where none do. Before it, both runs are equal."""
    differ = (source.ids != target.ids.to(source.ids.device)).any(0).nonzero()
    return int(differ[0]) if len(differ) else source.ids.shape[1] - 1


def cells_at_once(model: Model, samples: int, suffix: int, columns: int) -> int:
    """How many cells to stack: runs of `samples` prompts, `suffix` positions that attend to `columns`."""
    return memory.cells_at_once(model, samples, suffix, columns, logits=True)


def _size(model: Model, prompts: Prompts, batch_size: int | str, passes: int) -> int:
    """Pairs of a batch: the requested number, or what fits into memory where that is less."""
    fits = memory.texts_at_once(model, max(prompts.lengths), passes=passes)
    return min(texts_per_batch(batch_size, auto=_AUTO), fits)


def _padded(model: Model, prompts: Prompts, side: str, rows: tuple[int, ...]) -> Batch:
    ids, counted = getattr(prompts, side), prompts.counted.get(side)
    if counted is None:
        texts = [Encoded(ids[row], "", row, front=len(model.front)) for row in rows]
    else:
        texts = [Encoded(ids[row], "", row, counted[row]) for row in rows]
    return collate(texts, model.pad_id, "left").to(model.device)
