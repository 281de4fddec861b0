"""Memory: how many texts and cells run side by side within a budget, and no more than makes them faster.

A model carries its budget (`load_model(..., memory=...)`), so every analysis keeps to it. Half is for the passes that
are recorded and half for the cells that are run again. What does not fit at once is run in slices, with the same
result.
"""

import time
from collections.abc import Callable, Sequence

import psutil
import torch
from einops import rearrange

from workbench.errors import BadArgument, TooLarge
from workbench.model.model import Model

_SHARE = 0.5  # of what is free now, for "auto"
_ROWS_CPU = 8192  # rows of stacked cells: matrix products on a CPU are long at their full speed
_ROWS_MOST = 2**20
_GAIN = 1.05  # twice the rows must be that much faster per row to justify their memory
_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9}


def check_memory(memory: int | str) -> int | str:
    """A budget: `"auto"`, bytes, or a text such as `"4 GB"`; a text becomes bytes.

    Raises:
        BadArgument: neither.
    """
    if memory == "auto":
        return memory
    if isinstance(memory, str):
        number, unit = memory.strip()[:-2].strip(), memory.strip()[-2:].upper()
        if unit in _UNITS and number.replace(".", "", 1).isdecimal():
            memory = int(float(number) * _UNITS[unit])
    if isinstance(memory, bool) or not isinstance(memory, int) or memory < 1:
        raise BadArgument(f"memory={memory!r}; it is 'auto', a number of bytes from 1, or a text such as '4 GB'")
    return memory


def budget(model: Model) -> int:
    """Bytes that activations may take: the model's own limit, or half of what is free on its device now."""
    if isinstance(model.memory, int):
        return model.memory
    if model.device.type == "cuda":
        return int(_SHARE * torch.cuda.mem_get_info(model.device)[0])
    return int(_SHARE * psutil.virtual_memory().available)


def pass_bytes(model: Model, columns: int, keys: int) -> int:
    """About what one row of `columns` positions that attend to `keys` needs while a layer runs."""
    wide = 4 * max(model.n_neurons, 4 * model.d_model) + 10 * model.d_model
    scores = 0 if model.abilities.get("fused") else 3 * model.n_heads * keys
    return columns * (_size(model) * wide + 4 * scores)


def recorded_bytes(model: Model, positions: int) -> int:
    """About what a recorded pass keeps of one row, heads, keys and values included."""
    heads = model.n_heads * model.d_head
    return positions * _size(model) * (model.n_layers * (2 * model.d_model + 3 * heads) + model.d_model)


def texts_at_once(model: Model, positions: int, *, passes: int = 1) -> int:
    """How many texts of `positions` tokens can be recorded and run within the budget.

    Args:
        model: the model.
        positions: the longest text's tokens.
        passes: recordings in memory at the same time.

    Raises:
        TooLarge: not even one fits; names the budget that would suffice.
    """
    per_text = passes * recorded_bytes(model, positions) + pass_bytes(model, positions, positions)
    available = budget(model) // 2
    if available < per_text:
        raise TooLarge(
            f"a text of {positions} tokens needs about {readable(2 * per_text)} in {model.name!r} and the budget is "
            f"{readable(2 * available)}; memory={2 * per_text} would suffice, or shorter texts (truncate=True), or "
            "dtype='bfloat16'"
        )
    return available // per_text


def cells_at_once(model: Model, samples: int, columns: int, keys: int, *, logits: bool = False) -> int:
    """How many cells of one layer to stack: as many as are faster together and fit; at least one.

    Args:
        model: the model.
        samples: texts of the batch.
        columns: positions that each cell runs.
        keys: positions that they attend to.
        logits: the metric needs all logits at one position of each sample.
    """
    per_cell = samples * (pass_bytes(model, columns, keys) + _size(model) * 4 * keys * model.d_model)
    per_cell += samples * model.n_vocabulary * 8 if logits else 0
    return max(1, min(saturating_rows(model) // (samples * columns), budget(model) // 2 // per_cell))


def saturating_rows(model: Model) -> int:
    """Rows of one matrix product from which more rows are no faster per row.

    A constant on a CPU, so that a run there repeats to the bit; measured once for each model on a GPU.
    """
    if model.device.type == "cpu":
        return _ROWS_CPU
    if model.rows_that_saturate is None:
        model.rows_that_saturate = measure_rows(model)
    return model.rows_that_saturate


@torch.no_grad()
def measure_rows(model: Model, *, clock: Callable[[], float] = time.perf_counter) -> int:
    """Double the rows of a product with W_O until the time per row falls by less than 5 %."""
    weight = rearrange(model.output_weight(model.n_layers // 2), "head d_head d_model -> (head d_head) d_model")
    rows, best = 256, float("inf")
    while rows < _ROWS_MOST:
        states = torch.zeros(rows, weight.shape[0], dtype=weight.dtype, device=weight.device)
        seconds = min(_seconds(states, weight, clock) for _ in range(5)) / rows
        if seconds * _GAIN > best:
            return rows // 2
        rows, best = 2 * rows, seconds
    return rows


def sliced(lengths: Sequence[int], most: int, fits: Callable[[int], int]) -> list[int]:
    """Sizes of the batches that texts of these lengths (shortest first) are cut into.

    Args:
        lengths: tokens of each text.
        most: texts of a batch at most.
        fits: a length to the number of texts of that length that fit.
    """
    sizes, start = [], 0
    while start < len(lengths):
        size = 1
        while size < most and start + size < len(lengths) and fits(lengths[start + size]) > size:
            size += 1
        fits(lengths[start + size - 1])  # refuses a text that does not fit alone
        sizes.append(size)
        start += size
    return sizes


def _seconds(states: torch.Tensor, weight: torch.Tensor, clock: Callable[[], float]) -> float:
    begun = clock()
    torch.matmul(states, weight)
    if states.is_cuda:
        torch.cuda.synchronize(states.device)
    return clock() - begun


def _size(model: Model) -> int:
    return torch.finfo(model.dtype).bits // 8


def readable(number: int) -> str:
    """Bytes in KB, MB or GB."""
    unit = next((name for name, size in reversed(_UNITS.items()) if number >= size), "KB")
    return f"{number / _UNITS[unit]:.3g} {unit}"
