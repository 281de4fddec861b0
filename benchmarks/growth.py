"""How seconds and memory of the engine's jobs grow: `python benchmarks/engine.py --growth [--quick]`.

One axis at a time leaves a common base. Memory is the highest resident memory during a job above that before it, which
Linux counts; where it does not, the column is a dash.
"""

from __future__ import annotations

import ctypes
import gc
import statistics
from pathlib import Path

import cases
import torch

BASE = {"layers": 6, "heads": 8, "positions": 64, "vocabulary": 8_000, "corpus": 1}
AXES = {
    "layers": (3, 6, 12, 24),
    "heads": (4, 8, 16, 32),
    "positions": (32, 64, 128, 256, 512),
    "vocabulary": (8_000, 32_000, 128_000, 256_000),
    "corpus": (1, 4, 16, 64),
}
JOBS = {
    "position patching": cases.residual,
    "head patching": cases.head,
    "ablation, answer": cases.ablate_answer,
    "ablation, NLL": cases.ablate_nll,
    "LAHIS": cases.gradient,
    "firing": cases.firing,
}


def resident(what: str) -> float:
    """A line of /proc/self/status in MB: VmRSS now, VmHWM at its highest."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(what))


def forget_peak() -> bool:
    """Give freed memory back and let the highest resident memory be counted anew."""
    gc.collect()
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    except (OSError, AttributeError):
        return False
    return True


def measure(case: cases.Case, run, batches: int, repeats: int) -> str:
    """Seconds (of a cell or a job, times batches) and MB."""
    model = case.model
    some = [(layer, head) for layer in range(model.n_layers) for head in range(min(2, model.n_heads))]
    run(case, some)
    counted = forget_peak()
    before = resident("VmRSS")
    seconds = statistics.median(sum(run(case, some)[1] for _ in range(batches)) for _ in range(repeats))
    peak = f"{resident('VmHWM') - before:.0f}" if counted else "-"
    return f"{seconds:>11.4f}{peak:>8}"


def growth(quick: bool, threads: int) -> None:
    """Print the table."""
    torch.set_num_threads(threads)
    print(
        f"Llama, d_model 256, d_mlp 688, batch 8, pairs 4, float32, {threads} thread(s), median of {1 if quick else 5};"
    )
    print("seconds of a cell (patching, ablation) or a batch (LAHIS, firing), times batches of corpus; MB above before")
    print(f"base: {', '.join(f'{name} {value:,}' for name, value in BASE.items())} batch(es); * is the base")
    print(f"\n{'':<20}" + "".join(f"{name:>19}" for name in JOBS))
    print(f"{'':<20}" + f"{'s':>11}{'MB':>8}" * len(JOBS))
    for axis, values in AXES.items():
        for value in values[:-1] if quick else values:
            at = {**BASE, axis: value}
            config = cases.llama(at["vocabulary"], at["layers"], at["heads"])
            shape = cases.Shape(lambda config=config: config, (8, at["positions"]), (4, at["positions"]))
            case = cases.Case(shape, "cpu", torch.float32)
            row = "".join(measure(case, run, at["corpus"], 1 if quick else 5) for run in JOBS.values())
            print(f"{axis:<11}{value:>8,}{'*' if value == BASE[axis] else ' '}{row}", flush=True)
            del case
