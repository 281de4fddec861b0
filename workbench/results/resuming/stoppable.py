"""A long loop: it shows a bar, stores its finished steps, and when Ctrl-C stops it, what is finished is not lost."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tqdm.auto import tqdm

from workbench.errors import Interrupted
from workbench.results.resuming.progress import resumed


class Stoppable:
    """A context in which Ctrl-C ends the loop and not the program; `result` then raises what is finished.

    Args:
        what: name of the bar.
        total: its length.
        unit: what it counts.
        finished: says what is finished, when the loop is stopped.
        progress: show the bar.

    Attributes:
        bar: the bar, for loops that move it themselves.
        stopped: what was finished when the loop was stopped; else empty.
    """

    def __init__(self, what: str, total: int, unit: str, finished: Callable[[], str], *, progress: bool):
        self.bar = tqdm(total=total, desc=what, unit=unit, disable=not progress)
        self._finished, self.stopped = finished, ""

    def __enter__(self) -> "Stoppable":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self.bar.close()
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            self.stopped = self._finished()
        return bool(self.stopped)

    def steps(
        self,
        steps: Iterable[Any] | Callable[[], Iterable[Any]],
        state: Mapping[str, Any],
        *,
        size: Callable[[Any], int] = len,
    ) -> Iterator[Any]:
        """The unfinished steps of a loop, as `resumed` gives them; the bar moves by the size of each."""
        for step in resumed(steps, state, skip=lambda step: self.bar.update(size(step))):
            yield step
            self.bar.update(size(step))

    def result(self, result: Any) -> Any:
        """The Result of the loop.

        Raises:
            Interrupted: the loop was stopped; `partial` is the Result.
        """
        if self.stopped:
            raise Interrupted(self.stopped, partial=result)
        return result
