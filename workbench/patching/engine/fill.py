"""Fill a table, batch of pairs by batch of pairs; a bar counts its cells, and a stop leaves what is finished."""

from collections.abc import Callable, Mapping
from typing import Any

from workbench.model.model import Model
from workbench.patching.engine.prompts import PairBatch, batches
from workbench.patching.engine.table import Table
from workbench.results.resuming.progress import resumed
from workbench.results.resuming.stoppable import Stoppable


def fill(
    table: Table,
    model: Model,
    run: Callable[[PairBatch], None],
    *,
    what: str,
    unit: str,
    total: int | None = None,
    rows: str = "layers",
    state: Mapping[str, Any] | None = None,
    progress: bool,
    batch_size: int | str,
) -> Stoppable:
    """Run every batch of pairs that is not finished yet.

    Args:
        table: what is filled.
        model: the model.
        run: begins a batch and puts its cells into the table.
        what: what is computed, in words, for the bar.
        unit: what the bar counts. A cell counts as far as it is measured in all pairs.
        total: how many of them there are; the cells of a pair by default.
        rows: the table's first axis in words.
        state: what `run` fills beside the table.
        progress: show the bar.
        batch_size: pairs per forward pass.

    Returns:
        The loop, whose `result` raises what is finished where Ctrl-C stopped it.
    """
    every = list(batches(model, table.prompts, batch_size))
    counted = table.values[0].size if total is None else total
    pairs = f"{len(table.prompts)} pair{'s' * (len(table.prompts) != 1)}"
    with Stoppable(f"{what}, {pairs}", counted, unit, lambda: table.stopped(rows), progress=progress) as loop:

        def show(*_: Any) -> None:
            loop.bar.update(int(counted * table.share + 1e-9) - loop.bar.n)

        table.on_put = show
        for batch in resumed(every, {**table.state(), **(state or {})}, skip=show):
            run(batch)
            table.end()
            show()
    return loop
