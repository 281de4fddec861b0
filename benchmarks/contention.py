"""Other processes and waiting threads: `python benchmarks/contention.py [--quick] [--models polyglot gemma-3-270m]`.

With several OpenMP threads and something else on the machine, a thread that was put aside is waited for by the others,
and a wait that spins takes the core that it waits for. Each setting is a process of its own, since OpenMP reads it when
torch is imported; all settings of a model run in turn, under one load after the other, so that what changes on the
machine meets all of them. Busy processes are endless loops that this script starts and ends. Prints seconds (median,
and in brackets the slowest run), and in the last column the worst ratio of a setting's median to the best in a column.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SETTINGS = {
    "default": {},
    "OMP_WAIT_POLICY=PASSIVE": {"OMP_WAIT_POLICY": "PASSIVE"},
    "GOMP_SPINCOUNT=1000": {"GOMP_SPINCOUNT": "1000"},
    "OMP_NUM_THREADS=1": {"OMP_NUM_THREADS": "1"},
}
ANSWER = "seconds: "  # in front of what a worker says; libraries may print too


def jobs(name: str, quick: bool):
    """In a worker: a model's three jobs, ready to be run."""
    import workbench as wb

    model = wb.load_model(name, device="cpu")
    corpus = wb.load_corpus("parallel", languages=["de", "zh"], limit=2)
    pairs = wb.translation_pairs("words", source="de", target="fr", tokenizer=model.tokenizer, limit=1 if quick else 4)
    heads = [(layer, 0) for layer in range(0, model.n_layers, 6 if quick else 2)]
    return {
        "importance": lambda: wb.heads.importance(model, corpus, progress=False),
        "ablation": lambda: wb.heads.ablate(model, corpus, heads=heads, progress=False),
        "sweep": lambda: wb.patching.sweep(model, pairs, progress=False),
    }


def work(name: str, quick: bool) -> None:
    """Be a worker: run the three jobs for each line that comes in, and say what they took."""
    ready = jobs(name, quick)
    for run in ready.values():
        run()
    print(ANSWER + "{}", flush=True)
    for _ in sys.stdin:
        took = {}
        for job, run in ready.items():
            start = time.perf_counter()
            run()
            took[job] = time.perf_counter() - start
        print(ANSWER + json.dumps(took), flush=True)


class Worker:
    """One process with one setting."""

    def __init__(self, name: str, setting: dict[str, str], quick: bool):
        ours = {key for values in SETTINGS.values() for key in values}
        environment = {key: value for key, value in os.environ.items() if key not in ours}
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--worker", name, *(["--quick"] if quick else [])],
            env={**environment, "HF_HUB_OFFLINE": "1", **setting},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(self) -> dict[str, float]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(ANSWER):
                return json.loads(line.removeprefix(ANSWER))
        raise RuntimeError(f"a worker ended with {self.process.wait()}")

    def run(self) -> dict[str, float]:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self.answer()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def loaded(processes: int):
    """So many endless loops beside what is measured."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


def measure(name: str, settings: list[str], loads: list[int], repeats: int, quick: bool):
    """Seconds of every run: {setting: {(job, load): [seconds]}}."""
    workers: dict[str, Worker] = {}
    found: dict[str, dict[tuple[str, int], list[float]]] = {setting: {} for setting in settings}
    try:
        for setting in settings:
            workers[setting] = Worker(name, SETTINGS[setting], quick)
            workers[setting].answer()  # loaded and warm, one after the other
        for load in loads:
            with loaded(load):
                for _ in range(repeats):
                    for setting, worker in workers.items():
                        for job, seconds in worker.run().items():
                            found[setting].setdefault((job, load), []).append(seconds)
    finally:
        for worker in workers.values():
            worker.end()
    return found


def lines(found) -> list[str]:
    """The table in markdown."""
    columns = sorted({column for values in found.values() for column in values}, key=lambda one: (one[1], one[0]))
    middle = {
        setting: {key: statistics.median(runs) for key, runs in values.items()} for setting, values in found.items()
    }
    best = {column: min(values[column] for values in middle.values()) for column in columns}
    head = [f"{job}, {f'{load} busy' if load else 'quiet'}" for job, load in columns]
    said = [f"| setting | {' | '.join(head)} | worst ratio to the best |", "|---" * (len(columns) + 2) + "|"]
    for setting, values in middle.items():
        cells = [f"{values[column]:.3f} ({max(found[setting][column]):.3f})" for column in columns]
        worst = max(values[column] / best[column] for column in columns)
        said.append(f"| {setting} | {' | '.join(cells)} | {worst:.2f} |")
    return said


def main() -> None:
    """Print a table for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer heads and pairs, two repetitions")
    parser.add_argument("--models", nargs="+", default=["polyglot", "gemma-3-270m"])
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--busy", nargs="+", type=int, default=[0, 1, 2], help="busy processes beside the run")
    parser.add_argument("--repeats", type=int, help="default 5, quick 2")
    parser.add_argument("--out", help="also write what is printed to this file, at the end")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options.quick)
        return
    from real import machine

    from workbench.results.files import write_whole

    said: list[str] = []

    def say(text: str) -> None:
        print(text, flush=True)
        said.append(text)

    repeats = options.repeats or (2 if options.quick else 5)
    say(f"### A run of `benchmarks/contention.py`{' --quick' if options.quick else ''}\n")
    for text in machine("as set"):
        say(f"{text}  ")
    say(f"{repeats} repetitions: median seconds (slowest); busy: endless loops beside the run\n")
    for name in options.models:
        say(f"#### {name}\n")
        for text in lines(measure(name, options.settings, options.busy, repeats, options.quick)):
            say(text)
        say("")
    if options.out:
        write_whole(options.out, "\n".join(said) + "\n")


if __name__ == "__main__":
    main()
