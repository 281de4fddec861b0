"""From texts to padded batches of token ids, with a mask of the real positions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from workbench.arguments import whole_number
from workbench.errors import BadArgument, BadCorpus, TooLarge, WorkbenchError, warn
from workbench.text.chat import Chat
from workbench.text.corpus import Corpus, place
from workbench.text.tokens.spans import Divider

_WINDOW = 128  # rows tokenized at once


@dataclass(frozen=True)
class Encoded:
    """Token ids of one text, its language and its row in that language.

    Attributes:
        ids: token ids, including those of a chat template.
        language: language of the text.
        row: row of the text in its language.
        counted: in a chat, the text's own tokens, which enter statistics; all tokens when None.
        front: number of tokens that the tokenizer added before the text; if `counted` is None, only the first of them
            enters statistics, as BOS does.
    """

    ids: list[int]
    language: str
    row: int
    counted: range | None = None
    front: int = 0

    def opening(self, tokens: int | None = None) -> "Encoded":
        """The first tokens of the text, all when None, for a model to continue.

        In a chat, the template text before the answer stays and that after it is dropped.
        """
        if self.counted is None:
            return replace(self, ids=self.ids[:tokens])
        own = self.counted[:tokens]
        return replace(self, ids=self.ids[: own.stop], counted=own)


@dataclass(frozen=True, eq=False)
class Batch:
    """A batch of padded texts.

    Attributes:
        ids: [sample, position] int64, token ids, `pad_id` where the mask is 0.
        mask: [sample, position] int64, 1 for real tokens and 0 for padding.
        languages: the language of each sample.
        rows: the row of each sample in its language.
        counted: [sample, position] int64, 1 for the tokens that enter statistics: the real ones; in a chat only the
            text's own; of several tokens that a tokenizer adds before every text only the first. Equal to the mask by
            default.
    """

    ids: Tensor
    mask: Tensor
    languages: tuple[str, ...]
    rows: tuple[int, ...]
    counted: Tensor = None  # pyright: ignore[reportAssignmentType]  (never None after __post_init__)

    def __post_init__(self) -> None:
        if self.counted is None:
            object.__setattr__(self, "counted", self.mask)

    @property
    def lengths(self) -> Tensor:
        """Real tokens of each sample: [sample] int64."""
        return self.mask.sum(dim=1)

    def to(self, device: torch.device | str) -> "Batch":
        """Move ids and masks to a device."""
        return replace(self, ids=self.ids.to(device), mask=self.mask.to(device), counted=self.counted.to(device))

    def __len__(self) -> int:
        return len(self.rows)


def encode(
    tokenizer: Any, corpus: Corpus, *, max_length: int, n_embedded: int | None = None, truncate: bool = False
) -> list[Encoded]:
    """Tokenize every text of a corpus, language by language, in row order.

    Tokens that the tokenizer adds before every text (mostly BOS) stay; those added after it are removed, since nothing
    is predicted from them. Both are detected empirically (see `text.tokens.around`). Texts of a chat corpus are
    rendered with the tokenizer's chat template (see `text.chat`); tokens before the text never appear twice.

    Args:
        tokenizer: a transformers tokenizer.
        corpus: the texts.
        max_length: most tokens of a text, the model's context.
        n_embedded: rows of the model's embedding; larger token ids are rejected.
        truncate: cut longer texts instead of refusing them.

    Raises:
        TooLarge: a text is longer than `max_length` tokens.
        BadCorpus: a text has fewer than two tokens, so that there is nothing to predict, or a token outside the model's
            embedding; in a chat, it has no tokens of its own, or the template changes it.
        BadArgument: a chat corpus, but the tokenizer has no chat template.
        UnsupportedSite: a chat corpus, but the tokenizer gives no character offsets.
    """
    encoder = _Encoder(tokenizer, corpus, max_length, n_embedded, truncate)
    encoded = [
        text
        for language, texts in corpus.texts.items()
        for start in range(0, len(texts), _WINDOW)
        for text in encoder(language, texts[start : start + _WINDOW], start)
    ]
    encoder.warn()
    return encoded


def stream(
    tokenizer: Any, corpus: Corpus, *, max_length: int, n_embedded: int | None = None, truncate: bool = False
) -> Iterator[list[Encoded]]:
    """Tokenize a corpus by windows of rows, all languages at once, so that memory does not grow with the corpus.

    The whole corpus is tokenized once before the first window, so that an invalid text is rejected before anything is
    computed. Arguments and errors as of `encode`.
    """
    encoder = _Encoder(tokenizer, corpus, max_length, n_embedded, truncate)
    longest = max(corpus.counts.values())

    def window(start: int) -> list[Encoded]:
        return [
            text
            for language, texts in corpus.texts.items()
            for text in encoder(language, texts[start : start + _WINDOW], start)
        ]

    for start in range(0, longest, _WINDOW):
        window(start)
    encoder.warn()
    for start in range(0, longest, _WINDOW):
        yield window(start)


class _Encoder:
    """Tokenizes rows of one language and rejects texts that the model cannot read."""

    def __init__(self, tokenizer: Any, corpus: Corpus, max_length: int, n_embedded: int | None, truncate: bool):
        self.tokenizer, self.max_length, self.truncate = tokenizer, max_length, truncate
        self.n_embedded, self.user = n_embedded, corpus.user
        self.chat = Chat(tokenizer) if corpus.chat else None
        self.divider = Divider(tokenizer)
        self.special = set(getattr(tokenizer, "all_special_ids", ())) - {getattr(tokenizer, "unk_token_id", None)}
        self.spelled: dict[tuple[str, int], list[int]] = {}  # special tokens spelled out, by language and row

    def __call__(self, language: str, texts: Sequence[str], start: int) -> Iterator[Encoded]:
        if not texts:
            return
        rows = self._plain(texts) if self.chat is None else self._chat(self.chat, language, texts, start)
        for row, (ids, own) in enumerate(rows, start):
            if len(ids) > self.max_length and not self.truncate:
                change = "truncate=True would cut it, or split the text" if language else "shorten it"
                raise TooLarge(
                    f"{place(language, row)} has {len(ids)} tokens, the model takes {self.max_length}; {change}"
                )
            ids = ids[: self.max_length]
            if len(ids) < 2:
                raise BadCorpus(f"{place(language, row)} has {len(ids)} token(s); predicting one takes at least 2")
            check_ids(self.tokenizer, ids, self.n_embedded, place(language, row))
            if own is not None:
                own = range(own.start, min(own.stop, len(ids)))
                if not own or own.stop < 2:
                    raise BadCorpus(
                        f"{place(language, row)} has no token of its own to predict, within the first "
                        f"{self.max_length} tokens: the chat template takes them up, or its only token is merged with "
                        "the template's; give a longer text or a model with a longer context"
                    )
            if own is None and (inside := self.special.intersection(ids[len(self.divider.prefix) :])):
                self.spelled[language, row] = sorted(inside)
            yield Encoded(ids, language, row, own, len(self.divider.prefix) if own is None else 0)

    def warn(self) -> None:
        """Warn of texts that spell out special tokens, which the tokenizer reads as those tokens."""
        if self.spelled:
            (language, row), ids = next(iter(self.spelled.items()))
            names = ", ".join(self.tokenizer.convert_ids_to_tokens(ids))
            warn(
                f"{len(self.spelled)} texts spell out special tokens, which the tokenizer reads as such and which are "
                f"counted (first: {place(language, row)}: {names}); take them out of the texts if they are no part "
                "of the language"
            )

    def _plain(self, texts: Sequence[str]) -> Iterator[tuple[list[int], None]]:
        rows = self.tokenizer(list(texts), add_special_tokens=True, truncation=False, padding=False, verbose=False)
        for ids in rows["input_ids"]:
            yield self.divider.read(ids), None

    def _chat(self, chat: Chat, language: str, texts: Sequence[str], start: int) -> Iterator[tuple[list[int], range]]:
        for row, text in enumerate(texts, start):
            where = place(language, row)
            ids, _, own = chat.tokens(chat.answer(text, self.user.get(language, ""), where))
            yield ids, own


def check_ids(
    tokenizer: Any,
    ids: Sequence[int],
    n_embedded: int | None,
    what: str,
    error: type[WorkbenchError] = BadCorpus,
) -> None:
    """Reject token ids outside the model's embedding.

    Raises:
        WorkbenchError: of the given class; names the token, its id and the text.
    """
    if n_embedded is not None and ids and max(ids) >= n_embedded:
        raise error(
            f"{what} has the token {tokenizer.decode([max(ids)])!r} (id {max(ids)}), and the model's embedding has "
            f"{n_embedded} rows; take the token out, or load the tokenizer that the model was trained with"
        )


def pad(sequences: Sequence[Sequence[int]], pad_id: int, side: str = "right") -> tuple[Tensor, Tensor]:
    """Pad token ids to one length on one side: (ids, mask), both [sample, position] int64."""
    if side not in ("left", "right"):
        raise BadArgument(f"side={side!r}; padding goes on the 'left' or on the 'right'")
    width = max(len(sequence) for sequence in sequences)
    ids = torch.full((len(sequences), width), pad_id, dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for sample, sequence in enumerate(sequences):
        start = 0 if side == "right" else width - len(sequence)
        ids[sample, start : start + len(sequence)] = torch.tensor(sequence, dtype=torch.int64)
        mask[sample, start : start + len(sequence)] = 1
    return ids, mask


def batches(encoded: Sequence[Encoded], *, batch_size: int, pad_id: int, side: str = "right") -> Iterator[Batch]:
    """Yield batches of texts of similar length (sorted, shortest first; ties keep their order).

    A batch may mix languages; its `languages` and `rows` identify the samples.
    """
    whole_number("batch_size", batch_size, at_least=1)
    ordered = sorted(encoded, key=lambda text: len(text.ids))
    for start in range(0, len(ordered), batch_size):
        yield collate(ordered[start : start + batch_size], pad_id, side)


def collate(texts: Sequence[Encoded], pad_id: int, side: str = "right") -> Batch:
    """One batch of the texts, in their order, padded on one side."""
    ids, mask = pad([text.ids for text in texts], pad_id, side)
    counted = mask
    if any(text.counted is not None or text.front > 1 for text in texts):
        counted = mask.clone()
        for sample, text in enumerate(texts):
            begin = 0 if side == "right" else ids.shape[1] - len(text.ids)
            if text.counted is None:
                counted[sample, begin + 1 : begin + text.front] = 0
            else:
                counted[sample] = 0
                counted[sample, begin + text.counted.start : begin + text.counted.stop] = 1
    return Batch(ids, mask, tuple(text.language for text in texts), tuple(text.row for text in texts), counted)
