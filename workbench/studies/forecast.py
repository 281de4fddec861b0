"""What a study costs before it runs: the time of a few forward passes, times those that its cells are known to need."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from workbench.model.forward.record import record
from workbench.model.metrics import nll
from workbench.model.model import Model
from workbench.text.batches import Encoded, collate
from workbench.text.corpus import Corpus

Clock = Callable[[], float]
GRADIENT = 3  # passes that a forward and a backward pass take together
_SAMPLE = 32  # texts that are timed at most
_SECONDS = 0.3  # of the timed passes, where one text alone takes no longer
_LONG = 10.0  # seconds; a shorter run's time is not worth a line


@dataclass(frozen=True)
class Work:
    """What a cell runs through its model, as far as it is known before.

    Attributes:
        model: The model.
        texts: What one pass goes over: a corpus, or prompts.
        passes: Forward passes of all these texts through all layers; a part of the layers is a part of a pass.
        readings: How often the loss of all these texts, or a distribution over the vocabulary, is computed.
    """

    model: Model
    texts: Corpus | Sequence[str]
    passes: float
    readings: float

    @property
    def count(self) -> int:
        """Number of texts."""
        return sum(self.texts.counts.values()) if isinstance(self.texts, Corpus) else len(self.texts)


def seconds(works: Sequence[Sequence[Work]], *, clock: Clock = time.perf_counter) -> list[float]:
    """About how long each cell's works take on this machine; a model is timed once, on the first of its texts."""
    timed: dict[int, tuple[float, float]] = {}

    def of(work: Work) -> float:
        sample = _sample(work)
        if id(work.model) not in timed:
            timed[id(work.model)] = seconds_per_token(work.model, _sample(work, languages=1), clock=clock)
        passing, reading = timed[id(work.model)]
        tokens = work.count * sum(len(text.ids) for text in sample) / len(sample)
        return tokens * (work.passes * passing + work.readings * reading)

    return [sum(map(of, cell)) for cell in works]


def _sample(work: Work, *, languages: int | None = None) -> list[Encoded]:
    """The first texts of each language, or of the first ones, as in a sweep's batch; or the first prompts."""
    if isinstance(work.texts, Corpus):
        some = work.texts.select(work.texts.languages[:languages])
        some = some.limit(max(1, _SAMPLE // len(some.languages)))
    else:
        some = Corpus({"": tuple(work.texts[:_SAMPLE])}, aligned=False, source="prompts")
    return work.model.encode(some, truncate=True)[:_SAMPLE]


class Forecast:
    """Time that is left of a run: its cells' expected times, corrected by what the finished ones took.

    Args:
        expected: cell -> seconds.
    """

    def __init__(self, expected: Mapping[str, float]):
        self.expected = dict(expected)
        self.foreseen = self.took = 0.0

    def left(self, finished: str, took: float) -> float:
        """Seconds that the other cells need, now that this one has taken so many.

        The pace of the finished cells counts by their share of the run: a small first one says little of the others.
        """
        self.foreseen += self.expected.pop(finished)
        self.took += took
        rest = sum(self.expected.values())
        return rest * (self.took + rest) / (self.foreseen + rest) if rest else 0.0


@torch.no_grad()
def seconds_per_token(
    model: Model, encoded: Sequence[Encoded], *, clock: Clock = time.perf_counter
) -> tuple[float, float]:
    """Seconds of a forward pass and of reading the loss after it, of as many texts as take about 0.3 s."""

    def run(count: int) -> tuple[float, float]:
        batch = collate(encoded[:count], model.pad_id).to(model.device)
        start = clock()
        states = record(model, batch).residual[-1]
        float(states.sum())  # waits for a GPU
        between = clock()
        float(nll.read(model, states[None], batch).sum())
        return (between - start) / batch.ids.numel(), (clock() - between) / batch.ids.numel()

    run(1)  # the first pass allocates memory
    alone = run(1)
    many = min(len(encoded), int(_SECONDS / max(sum(alone) * len(encoded[0].ids), 1e-9)))
    return run(many) if many > 1 else alone


def duration(seconds: float) -> str:
    """A time in words, in minutes from 90 seconds and in hours from 90 minutes; nothing for a short one."""
    if seconds < _LONG:
        return ""
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * size:
            return f"about {seconds / size:.{1 if seconds < 10 * size else 0}f} {unit}".replace(".0 ", " ")
    return f"about {round(seconds, -1):.0f} seconds"
