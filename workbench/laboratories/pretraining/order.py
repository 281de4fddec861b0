"""In which order documents are read: which row is of the files of pairs, whose turn it is, which language is first."""

from collections.abc import Iterator, Sequence

import numpy as np

from workbench.laboratories.pretraining.documents import Document, Sources, line

TURN = 16  # pairs of a file before the next has its turn; 1,000 as released
SINGLE_DIRECTION = {"last_one_way": False, "last_one_way_back": True}
CONDITIONS = ("none", "monolingual", "non_adjacent", "first", "spread", "last", *SINGLE_DIRECTION)


def file_rows(condition: str, rows: int, count: int) -> np.ndarray:
    """Which rows of a run are read from the files of pairs, [row] bool.

    Args:
        condition: one of CONDITIONS.
        rows: of the run.
        count: rows from the files; 0 of them in the condition `none`.
    """
    chosen = np.zeros(rows, dtype=bool)
    if condition == "none":
        return chosen
    if condition == "first":
        chosen[:count] = True
    elif condition.startswith("last"):
        chosen[rows - count :] = True
    else:  # evenly spaced, the first row among them, as `interleave` of the released code
        ratio = (rows - count) / count
        chosen[[number + round(ratio * number) for number in range(count)]] = True
    return chosen


def turns(
    files: Sequence[Sequence[int]],
    rng: np.random.Generator,
    *,
    turn: int = TURN,
    flips: bool = True,
    flipped: bool = False,
    shuffled: Sequence[bool] | None = None,
) -> Iterator[tuple[int, list[int], bool]]:
    """Turns of the files without end: the number of the file, its next items, and whether languages are flipped.

    Every file has a turn, then the order of the languages flips. When all items of all files were read, they are
    shuffled again.

    Args:
        files: items of each.
        rng: shuffles them.
        turn: items of a turn.
        flips: whether the order flips.
        flipped: whether it is flipped at first.
        shuffled: whether each file is read in random order; all when None.
    """
    shuffled = [True] * len(files) if shuffled is None else shuffled
    while True:
        orders = [
            rng.permutation(items).tolist() if random else list(items)
            for items, random in zip(files, shuffled, strict=True)
        ]
        for start in range(0, max(map(len, orders)), turn):
            for number, order in enumerate(orders):
                if part := order[start : start + turn]:
                    yield number, part, flipped
            flipped ^= flips


def file_documents(
    condition: str, sources: Sources, rng: np.random.Generator, *, released: bool = False
) -> Iterator[Document]:
    """Documents of the files of pairs without end, as a condition reads them.

    `monolingual`: every item in one language only. `non_adjacent`: the items of a turn in one language, then in the
    other. Else pairs. As released, of several files only the last is shuffled.
    """
    items, codes = sources.items, sources.languages
    if condition == "monolingual":
        while True:
            for item in rng.permutation(len(items)).tolist():
                language = codes[item % len(codes)]
                yield Document(line(language, items.at[item, language]), (language,), item)
    pairs, last = sources.pairs, -1
    for file, part, flipped in turns(
        [sources.file(pair) for pair in pairs],
        rng,
        flips=condition not in SINGLE_DIRECTION,
        flipped=SINGLE_DIRECTION.get(condition, False),
        shuffled=[not released or number == len(pairs) - 1 for number in range(len(pairs))],
    ):
        order = pairs[file][::-1] if flipped else pairs[file]
        if condition == "non_adjacent":
            for language in order:
                if part[0] == last:  # the other file's turn ended with this item
                    part = [*part[1:], part[0]]
                last = part[-1]
                for item in part:
                    yield Document(line(language, items.at[item, language]), (language,), item)
        else:
            for item in part:
                yield Document("\n".join(line(code, items.at[item, code]) for code in order), order, item)
