"""One short run on a GPU: `python benchmarks/gpu.py [--limit 470] [--out FILE]`; `--device cpu --quick` tries it out.

Random weights in the shapes of GPT-2 small, Gemma 3 270M and Qwen2-0.5B, in float32 with TF32 off and in bfloat16.
First, each job's results and memory: the largest difference from plain loops beside the largest value, and the highest
memory of ours and of each loop above the weights. Then seconds and ratios as `engine.py` takes them. Every shape and
type has an equal share of the time that is left, and stops with what it has when that is over; what was printed so far
is in the file after each of them, whole. In bfloat16 results round differently, so nothing is called wrong there.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version

import cases  # noqa: F401 - first: it finds the workbench
import peers
import torch
import transformers as hf
from cases import SHAPES, Case, Shape
from engine import JOBS, PEERS, Measured, compare, differs, gap, processor
from growth import forget_peak, resident
from limit import matmul_rate

from workbench.results.files import write_whole

EXACT = 1e-5  # of the largest value, or of 1 where that is less


def gemma() -> hf.Gemma3TextConfig:
    return hf.Gemma3TextConfig(
        vocab_size=262_144,
        hidden_size=640,
        intermediate_size=2048,
        num_hidden_layers=18,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=256,
        query_pre_attn_scalar=256,
        sliding_window=512,
        max_position_embeddings=32_768,
    )


def small_gemma() -> hf.Gemma3TextConfig:
    return hf.Gemma3TextConfig(
        vocab_size=512,
        hidden_size=48,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=16,
        query_pre_attn_scalar=16,
        max_position_embeddings=64,
    )


LARGE = {
    "gpt2s": replace(SHAPES["gpt2s"], batch=(32, 128), pairs=(16, 64)),
    "gemma3-270m": Shape(gemma, (16, 128), (16, 64)),
    "qwen2-0.5b": replace(SHAPES["qwen2"], batch=(16, 128), pairs=(16, 64)),
}
SMALL = {"gemma3-small": Shape(small_gemma, (4, 16), (2, 8))}


class TimeUp(BaseException):
    """A share of the time is over. No Exception: nothing on the way may take it for an error of its own."""


@contextmanager
def within(seconds: float):
    """Raise TimeUp in here after so many seconds."""

    def stop(number, frame):
        raise TimeUp

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.01))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Peak:
    """The highest memory in MB while a block runs, above that before it; nan where it is not counted."""

    def __init__(self, device: str):
        self.cuda, self.megabytes = device != "cpu", float("nan")

    def __enter__(self):
        if self.cuda:
            gc.collect()
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            self.before = torch.cuda.memory_allocated()
        else:
            self.counted = forget_peak()
            self.before = resident("VmRSS") if self.counted else 0.0
        return self

    def __exit__(self, *error):
        if self.cuda:
            torch.cuda.synchronize()
            self.megabytes = (torch.cuda.max_memory_allocated() - self.before) / 2**20
        elif self.counted:
            self.megabytes = resident("VmHWM") - self.before


def exactness(name: str, case: Case) -> str:
    """One job once, and a cell of each loop: differences and memory."""
    job = JOBS[name]
    cells: list = [None]
    if job.columns:  # a cell in the middle, which the pairs do not share
        cells = [(case.model.n_layers // 2, job.columns(case) - 1)]
    case.of(case.target if job.pairs else case.ids)
    with Peak(case.device) as own:
        values = job.ours(case, cells)[0]
    parts, worst, largest = [f"{name:<12} ours {own.megabytes:.0f} MB"], {}, 0.0
    for peer, loop in job.peers.items():
        if loop is None or (peer == "nnsight" and not peers.HAS_NNSIGHT):
            continue
        try:
            with Peak(case.device) as peak:
                found = loop(case, cells)
        except torch.OutOfMemoryError:
            parts.append(f"{peer} out of memory")
            continue
        text = f"{peer} {peak.megabytes:.0f} MB"
        if found is not None:
            worst[peer] = gap(name, case, values, found, cells)
            largest = max(largest, float(found.abs().max())) if name != "firing" else 1.0
            text += f", differs by {worst[peer]:.1e} of {largest:.3g}"
        parts.append(text)
    flag = differs(Measured(0, {}, worst, 0, largest), EXACT * max(1.0, largest)) if case.dtype == torch.float32 else ""
    return "; ".join(parts) + flag


def speed(name: str, case: Case, rate: float, quick: bool) -> str:
    """A line of the table: seconds, ratios, and the share of the limit."""
    job = JOBS[name]
    how = {"repeats": 1 if quick else 3, "peer_cells": 2, "heads": 2, "rate": rate}
    found = compare(name, case, job, **how)
    ratios = [f"{found.ratios[peer]:.2f}x" if peer in found.ratios else "-" for peer in PEERS]
    return f"{job.title:<26}{found.seconds:>12.6f}{''.join(f'{one:>16}' for one in ratios)}{found.limit:>10.0%}"


def each(say: Callable[[str], object], run: Callable[[str], str]) -> None:
    """Every job in turn; one that fails or does not fit says so and the others go on."""
    for name in JOBS:
        try:
            say(run(name))
            continue
        except Exception as error:
            say(f"{name}: {type(error).__name__}: {(str(error).splitlines() or ['-'])[0][:200]}")
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def measure(label: str, shape: Shape, device: str, dtype: torch.dtype, quick: bool, say: Callable) -> None:
    """One shape in one type: what agrees, then what it takes."""
    (texts, tokens), (pairs, positions) = shape.batch, shape.pairs
    say(f"\n{label}, {str(dtype).removeprefix('torch.')}: batch {texts} x {tokens}, pairs {pairs} x {positions}")
    case = Case(shape, device, dtype)
    try:
        say("results and memory above the weights:")
        each(say, lambda name: exactness(name, case))
        rate = matmul_rate(case.model, texts * tokens)
        say(f"{'job':<26}{'s per cell':>12}{''.join(f'{one:>16}' for one in PEERS)}{'of limit':>10}")
        each(say, lambda name: speed(name, case, rate, quick))
        say(f"matrices at {rate / 1e9:.0f} GFLOP/s")
    finally:
        peers.forget()


def where(device: str) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "transformer-lens"))
    name = processor() if device == "cpu" else torch.cuda.get_device_name(device)
    return f"{time.strftime('%Y-%m-%d %H:%M')}; {name}; {packages}; TF32 off; load average {os.getloadavg()[0]:.2f}"


def main() -> None:
    """Every shape and type within the limit; the file is written anew after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="a tiny shape, to see that everything runs")
    parser.add_argument("--shapes", nargs="+", choices=list(LARGE), help="default: all")
    parser.add_argument("--limit", type=float, default=440, help="seconds in all, imports left out")
    parser.add_argument("--out", help="also write what is printed to this file")
    options = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    began, said = time.perf_counter(), []

    def say(text: str) -> None:
        print(text, flush=True)
        said.append(text)

    shapes = SMALL if options.quick else {name: LARGE[name] for name in options.shapes or LARGE}
    runs = [(name, dtype) for dtype in (torch.float32, torch.bfloat16) for name in shapes]
    say(where(options.device))
    for i, (name, dtype) in enumerate(runs):
        share = (options.limit - (time.perf_counter() - began)) / (len(runs) - i)
        try:
            with within(share):
                measure(name, shapes[name], options.device, dtype, options.quick, say)
        except TimeUp:
            say(f"stopped after its share of the time, {share:.0f} s")
        except torch.OutOfMemoryError as error:
            say(f"the weights do not fit: {str(error).splitlines()[0]}")
        gc.collect()
        if options.device != "cpu":
            torch.cuda.empty_cache()
        if options.out:
            write_whole(options.out, "\n".join(said) + "\n")
    say(f"\n{time.perf_counter() - began:.0f} s in all")
    if options.out:
        write_whole(options.out, "\n".join(said) + "\n")


if __name__ == "__main__":
    main()
