"""A Schedule: all rows of token ids of a training run, with the kind of documents that each was cut from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from workbench.arguments import checked, finite, one_of, whole_number
from workbench.errors import BadArgument
from workbench.laboratories.pretraining.documents import Document, Sources, plain_text, shipped_sources
from workbench.laboratories.pretraining.order import CONDITIONS, file_documents, file_rows
from workbench.laboratories.pretraining.toy import BATCH, LENGTH, toy_tokenizer

TEXT, FILES = "text", "files"


@dataclass(frozen=True)
class Schedule:
    """What a run reads, and when.

    Attributes:
        condition: its name.
        ids: token ids, [row, token] int64; `batch` rows are a step.
        kinds: of each row, [row] text: `text` or `files`.
        documents: kind to its documents in the order in which they are read; the last of each kind may be cut.
        batch: rows of a step.
        restart: step at which the learning rate starts anew; 0 where it does not.
    """

    condition: str
    ids: np.ndarray
    kinds: np.ndarray
    documents: dict[str, tuple[Document, ...]]
    batch: int
    restart: int = 0

    @property
    def steps(self) -> int:
        """Updates."""
        return len(self.ids) // self.batch

    @property
    def tokens(self) -> dict[str, int]:
        """Tokens that are read of each kind."""
        return {kind: int((self.kinds == kind).sum()) * self.ids.shape[1] for kind in (TEXT, FILES)}

    def rows(self, step: int, *, batch: int, length: int, **_: Any) -> np.ndarray:
        """Rows of a step, [batch, length] int64: what `training.pretrain.Run` asks a mixture for."""
        if (batch, length) != (self.batch, self.ids.shape[1]):
            raise BadArgument(f"{batch} x {length} tokens; this schedule has {self.batch} x {self.ids.shape[1]} a step")
        return self.ids[step * batch : (step + 1) * batch]


@checked
def schedule(
    condition: str,
    *,
    languages: Sequence[str] = ("de", "en", "fr"),
    tokens: int = 200_000,
    share: float = 0.4,
    variant: Literal["ours", "released"] = "ours",
    seed: int = 0,
) -> Schedule:
    """Build what a toy run of `parallel_schedule` reads; nothing is trained.

    Args:
        condition: `none`, `monolingual`, `non_adjacent`, `first`, `spread`, `last`, `last_one_way` or
            `last_one_way_back`.
        languages: at least two; neighbours have a file of pairs.
        tokens: tokens to read in all, rounded down to whole steps of 512.
        share: share of them that is read from the files of pairs, rounded to a row of 128.
        variant: `released` shuffles the last file only, and lets `last` start its learning rate anew.

    Returns:
        The Schedule; the same arguments give the same one.

    Raises:
        BadArgument: an unknown condition, fewer tokens than a step has, or a share that is less than a row.
        TooFewLanguages: fewer than two languages.
    """
    sources = shipped_sources(languages)
    return make_schedule(
        condition,
        sources,
        toy_tokenizer(sources),
        tokens=tokens,
        share=share,
        released=variant == "released",
        seed=seed,
    )


# Long: sources and tokenizer are made once for all conditions.
def make_schedule(
    condition: str,
    sources: Sources,
    tokenizer: Any,
    *,
    tokens: int,
    share: float,
    released: bool = False,
    seed: int = 0,
    batch: int = BATCH,
    length: int = LENGTH,
) -> Schedule:
    """The same from given sources: each kind's documents in a stream that is cut into rows, without padding."""
    one_of("condition", condition, CONDITIONS)
    whole_number("tokens", tokens, at_least=batch * length)
    finite("share", share, above=0, below=1)
    rows = tokens // (batch * length) * batch
    count = round(rows * share)
    if not 0 < count < rows:
        raise BadArgument(f"share={share:g} of {rows} rows is {count}; give a share that leaves rows of both kinds")
    chosen = file_rows(condition, rows, count)
    streams = {
        TEXT: plain_text(sources, np.random.default_rng((seed, 0))),
        FILES: file_documents(condition, sources, np.random.default_rng((seed, 1)), released=released),
    }
    ids, documents = np.empty((rows, length), dtype=np.int64), {}
    for kind, own in ((TEXT, ~chosen), (FILES, chosen)):
        cut, documents[kind] = _rows(streams[kind], tokenizer, int(own.sum()), length)
        ids[own] = cut
    restart = int(np.flatnonzero(chosen)[0]) // batch if released and condition.startswith("last") else 0
    return Schedule(condition, ids, np.where(chosen, FILES, TEXT), documents, batch, restart)


def _rows(
    stream: Iterator[Document], tokenizer: Any, count: int, length: int
) -> tuple[np.ndarray, tuple[Document, ...]]:
    """Rows [row, token] cut from documents, each between `<s>` and `</s>`, and the documents."""
    ids: list[int] = []
    documents = []
    while len(ids) < count * length:
        documents.append(next(stream))
        ids += [*tokenizer(documents[-1].text, verbose=False)["input_ids"], tokenizer.eos_token_id]
    return np.array(ids[: count * length], dtype=np.int64).reshape(count, length), tuple(documents)
