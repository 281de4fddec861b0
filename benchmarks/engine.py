"""The engine against other libraries: `python benchmarks/engine.py [--quick] [--threads 1 2]`.

Sweeps over heads and positions, gradients and counts, on random weights. Prints a table and asserts nothing. In every
repetition the engine and each peer run one after the other, and the ratio is the median over repetitions of the ratio
within one, so that a machine that others use shifts both. Peers run a few cells (drawn anew each repetition) and are
scaled, since each cell is one whole forward pass for them; the engine runs whole sweeps of patching, and in ablations
`--heads` heads of every layer after one recorded pass, whose cost is spread over all heads. The shape `polyglot` is
there to try things out. `--growth` prints seconds and memory over layers, heads, positions, vocabulary and corpus size.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cases  # first: it finds the workbench
import peers
import torch
from cases import SHAPES, Case, clock
from growth import growth
from limit import Arithmetic, matmul_rate

EXACT = 1e-5


@dataclass(frozen=True)
class Job:
    """A line of the table: its title, ours, the peers by column, the arithmetic of all cells, goals by shape."""

    title: str
    ours: Callable
    peers: dict[str, Callable]
    flops: Callable[[Arithmetic, list], float]
    goals: dict[str, str] = field(default_factory=dict)
    columns: Callable | None = None  # case to the number of columns of a layer; None: one job without cells
    pairs: bool = False


def columns_of(lens, plain, sight=None):
    return {"TransformerLens": lens, "Hugging Face": plain, "nnsight": sight}


def _patched(cost):
    """Two recorded passes, spread over all cells, and the cells."""
    return lambda one, cells: 2 * one.record() / len(cells) + sum(cost(one, *cell) for cell in cells) / len(cells)


def _ablated(last):
    def mean(one, cells):
        return sum(one.head_cell(layer, last=last) for layer, _ in cells) / len(cells) + one.record() / len(cells)

    return mean


JOBS = {
    "residual": Job(
        "layer x position patching",
        cases.residual,
        columns_of(peers.lens_residual, peers.plain_residual, peers.sight_residual),
        # positions that the pairs share are equal in front of every layer: they need no run
        _patched(lambda one, i, at: one.residual_cell(i, at) if at >= one.shared else 0),
        {"tiny": "30x", "gpt2s": "14x"},
        columns=lambda case: case.shape.pairs[1],
        pairs=True,
    ),
    "head": Job(
        "layer x head patching",
        cases.head,
        columns_of(peers.lens_head, peers.plain_head, peers.sight_head),
        _patched(lambda one, i, at: one.head_cell(i, one.shared)),
        {"tiny": "15x", "gpt2s": "10x"},
        columns=lambda case: case.model.n_heads,
        pairs=True,
    ),
    "answer": Job(
        "ablation, answer",
        cases.ablate_answer,
        columns_of(peers.lens_ablation_answer, peers.plain_ablation_answer, peers.sight_ablation_answer),
        _ablated(True),
        {"tiny": "6x", "gpt2s": "4x", "tiny-250k": "40x"},
        columns=lambda case: case.model.n_heads,
    ),
    "nll": Job(
        "ablation, NLL",
        cases.ablate_nll,
        columns_of(peers.lens_ablation_nll, peers.plain_ablation_nll, peers.sight_ablation_nll),
        _ablated(False),
        {"tiny": "1.5x", "gpt2s": "1.5x"},
        columns=lambda case: case.model.n_heads,
    ),
    "lahis": Job(
        "LAHIS per sample",
        cases.gradient,
        columns_of(peers.lens_gradient, peers.plain_gradient),
        lambda one, cells: one.gradient(),
        {"tiny": "2x", "gpt2s": "2x"},
    ),
    "attribution": Job(
        "attribution, heads",
        cases.attribution,
        columns_of(peers.lens_attribution, None),
        lambda one, cells: one.attribution(one.shared),
        {"tiny": "6x", "gpt2s": "3x"},
        pairs=True,
    ),
    "firing": Job(
        "firing counts",
        cases.firing,
        columns_of(peers.lens_firing, peers.plain_bare, peers.sight_firing),
        lambda one, cells: one.firing(),
        {"tiny": "2.9x; HF 0.95x", "gpt2s": "1.5x; HF 0.95x"},
    ),
}
PEERS = ("TransformerLens", "Hugging Face", "nnsight")


def gap(name: str, case: Case, ours, theirs, cells) -> float:
    """Largest difference of the results; of counts, the share of firing decisions that differ."""
    if isinstance(ours, dict):
        ours = torch.stack([ours[cell] for cell in cells])
    difference = (ours.double() - theirs.double()).abs()
    return float(difference.sum() / (ours.numel() * case.ids.numel()) if name == "firing" else difference.max())


@dataclass(frozen=True)
class Measured:
    """What a job and its peers took: seconds of ours, ratios by peer, the largest differences, and the limit."""

    seconds: float  # of a cell, or of a job without cells
    ratios: dict[str, float]  # peer / ours
    worst: dict[str, float]  # by peer, of those that compute the same
    limit: float  # the share of it that is reached
    largest: float  # value of the peers' results, which the differences are to be seen against


def compare(name: str, case: Case, job: Job, *, repeats: int, peer_cells: int, heads: int, rate: float) -> Measured:
    """Run one job and its peers in turn."""
    rng = random.Random(0)
    every = [(i, j) for i in range(case.model.n_layers) for j in range(job.columns(case))] if job.columns else [None]
    ran = every
    if name in ("answer", "nll") and heads:
        chosen = sorted(rng.sample(range(case.model.n_heads), min(heads, case.model.n_heads)))
        ran = [(i, j) for i, j in every if j in chosen]
    case.of(case.target if job.pairs else case.ids)
    loops = {peer: loop for peer, loop in job.peers.items() if loop and (peer != "nnsight" or peers.HAS_NNSIGHT)}
    ratios, worst, seconds, largest = {peer: [] for peer in loops}, {}, [], 0.0
    for repeat in range(repeats + 1):  # the first is not counted: caches and buffers are made
        cells = ran if repeat else ran[:1]
        values, ours = job.ours(case, cells)
        seconds += [ours] if repeat else []
        some = sorted(rng.sample(cells, min(peer_cells, len(cells)))) if job.columns else every
        for peer, loop in loops.items():
            start = clock(case)
            found = loop(case, some)
            if repeat:
                ratios[peer].append((clock(case) - start) / len(some) / ours)
            if found is not None:
                worst[peer] = max(worst.get(peer, 0.0), gap(name, case, values, found, some))
                largest = max(largest, float(found.abs().max()))
    texts, tokens = case.target.shape if job.pairs else case.ids.shape
    floor = texts * job.flops(Arithmetic.of(case.model, tokens, case.shared), every) / rate
    median = statistics.median(seconds)
    middle = {peer: statistics.median(found) for peer, found in ratios.items()}
    return Measured(median, middle, worst, floor / median, largest)


def measure(name: str, case: Case, repeats: int, peer_cells: int, heads: int, rate: float) -> str:
    """Run one job and its peers in turn, and give the line of the table."""
    job = JOBS[name]
    found = compare(name, case, job, repeats=repeats, peer_cells=peer_cells, heads=heads, rate=rate)
    columns = [f"{found.ratios[peer]:.2f}x" if peer in found.ratios else _why(job, peer) for peer in PEERS]
    label = next((key for key, shape in SHAPES.items() if shape is case.shape), "")
    line = f"{job.title:<26}{found.seconds:>10.4f}" + "".join(f"{one:>16}" for one in columns)
    line += f"{job.goals.get(label, '-'):>16}{max(found.worst.values()):>10.1e}{found.limit:>10.0%}"
    return line + differs(found)


def differs(found: Measured, exact: float = EXACT) -> str:
    """A line that says whose results differ, or nothing."""
    inexact = ", ".join(f"{peer} {value:.1e}" for peer, value in found.worst.items() if not value <= exact)
    return f"\n  !!! DIFFERS by more than {exact:g}: {inexact}" if inexact else ""


def _why(job: Job, peer: str) -> str:
    return "not installed" if job.peers.get(peer) else "-"


def main() -> None:
    """Print a table for each shape and number of threads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three repetitions, the tiny shape alone")
    parser.add_argument("--shape", nargs="+", choices=[*SHAPES, "all"], help="all: tiny, tiny-250k, gpt2s")
    parser.add_argument("--jobs", nargs="+", choices=list(JOBS), default=list(JOBS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1])
    parser.add_argument("--repeats", type=int, help="default 7, quick 3")
    parser.add_argument("--heads", type=int, help="heads of a layer that ablations run; 0: all; default 4, quick 2")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--growth", action="store_true", help="the other table")
    options = parser.parse_args()
    if options.growth:
        growth(options.quick, options.threads[0])
        return
    heads = options.heads if options.heads is not None else (2 if options.quick else 4)
    shapes = options.shape or (["tiny"] if options.quick else ["all"])
    shapes = ["tiny", "tiny-250k", "gpt2s"] if "all" in shapes else shapes
    repeats = options.repeats or (3 if options.quick else 7)
    where = torch.cuda.get_device_name() if options.device != "cpu" else processor()
    print(f"{where}; torch {torch.__version__}; {options.dtype}; {repeats} repetitions, medians")
    print(
        "Ratios are peer time / ours; Hugging Face and nnsight loops compute the last logits only where those suffice."
    )
    print("LAHIS: TransformerLens with parameter gradients (the papers' way), Hugging Face with parameters frozen.")
    print("Firing: Hugging Face is a bare forward without logits or counts; difference is a share of decisions.")
    print(
        "Attribution patching: one whole job, both runs included; TransformerLens with hooks and a plain backward pass."
    )
    print("Packed oneDNN products are not used, so not measured; benchmarks/results/engine.md says why.")
    for name in shapes:
        case = Case(SHAPES[name], options.device, getattr(torch, options.dtype))
        for threads in options.threads:
            torch.set_num_threads(threads)
            shape, began = SHAPES[name], time.perf_counter()
            rate = matmul_rate(case.model, shape.batch[0] * shape.batch[1])
            batch, pairs = (f"{texts} x {tokens}" for texts, tokens in (shape.batch, shape.pairs))
            size = f"batch {batch}, pairs {pairs} (first half shared)"
            print(f"\n{name}: {size}, {threads} thread(s), matrices at {rate / 1e9:.0f} GFLOP/s")
            head_line = "".join(f"{one:>16}" for one in (*PEERS, "goal (first)"))
            print(f"{'job':<26}{'s per cell':>10}{head_line}{'differ':>10}{'of limit':>10}")
            for job in options.jobs:
                if name == "tiny-250k" and job not in ("answer", "firing") and options.jobs == list(JOBS):
                    continue
                few = 1 if job in ("answer", "nll") else 4
                print(measure(job, case, repeats, few, heads, rate), flush=True)
            print(f"({time.perf_counter() - began:.0f} s)")
        peers.forget()
        del case


def processor() -> str:
    with Path("/proc/cpuinfo").open() as lines:
        names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {len(os.sched_getaffinity(0))} cores"


if __name__ == "__main__":
    main()
