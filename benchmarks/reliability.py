"""What survives kills, signals, damage and hostile files: `python benchmarks/reliability.py [--quick]`.

A run and a study of the shipped model are killed at random moments and run again; their results must equal, bit for
bit, those that nobody disturbed. Saved files are flipped, cut and edited; each must be refused, or give what was saved.
Each row counts what was tried, what survived and what was lost; a result that is wrong without a word is lost.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import psutil
import xarray as xr

import workbench as wb
from benchmarks.reliability_changes import CHANGES
from tests import hostile
from workbench.errors import WorkbenchError
from workbench.results import load_result, provenance, save_result
from workbench.studies.heads.scores import run_heads
from workbench.studies.options import Options
from workbench.studies.report import render

LANGUAGES, TEXTS = ["de", "hi", "ja"], 6
_MEMORY, _SECONDS = 10**9, 60  # for a hostile file
Count = tuple[int, int]  # tried, survived


def heads_run(folder: Path, model) -> None:
    """The run that is disturbed: four analyses of heads on the shipped model and texts."""
    run_heads(model, "parallel", out=folder, languages=LANGUAGES, limit=TEXTS, options=Options(progress=False))


def study(folder: Path) -> None:
    """The study that is disturbed: two analyses, of which the second reads a result of the first."""
    counts = {"run": "evaluate", "tasks": "words", "groups": "@heads/roles", "controls": 2}
    about = {"languages": LANGUAGES, "limit": TEXTS, "options": {"memory": "1GB"}}
    wb.Study("Which heads?", ["polyglot"], [{"run": "heads"}, counts], **about).run(folder, progress=False)


def child(work: Callable[[], None]) -> int:
    """Run something in a fork that has all modules and the model already; its process number."""
    number = os.fork()
    if number:
        return number
    sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):  # which may be ignored where this was started
        signal.signal(number, signal.SIG_DFL)
    status = 1
    with suppress(BaseException):
        work()
        status = 0
    os._exit(status)


def ended(number: int, after: float, kill: signal.Signals) -> bool:
    """Send a signal after some seconds and wait; whether the process had work left."""
    time.sleep(after)
    os.kill(number, kill)
    return os.waitpid(number, 0)[1] != 0


def cells(folder: Path) -> dict[str, xr.Dataset]:
    """The results of a run or a study, without the time at which they, and those that they were made of, were made."""
    found = {path.relative_to(folder).as_posix(): load_result(path) for path in sorted(folder.rglob("*.nc"))}
    for result in found.values():
        result.attrs["provenance"] = json.dumps({**provenance(result), "time": ""})
        result.attrs.pop("cell", None)
    return found


def disturbed(
    work: Callable[[Path], None], kills: list[signal.Signals], random, place: Path
) -> tuple[dict[str, Count], float, float]:
    """Kill a run and let it go on: counts by signal, and seconds of the whole and of the longest going on."""
    start = time.monotonic()
    assert os.waitpid(child(lambda: work(place / "whole")), 0)[1] == 0
    took, whole = time.monotonic() - start, cells(place / "whole")
    counts, longest = {}, 0.0
    for i, kill in enumerate(kills):
        folder = place / f"run-{i}"
        ended(child(lambda folder=folder: work(folder)), random.uniform(0, took), kill)
        start = time.monotonic()
        work(folder)
        longest = max(longest, time.monotonic() - start)
        found = cells(folder)
        left = [path.name for path in folder.rglob("*") if path.name.startswith(".") or ".partial." in path.name]
        good = found.keys() == whole.keys() and all(found[name].identical(whole[name]) for name in whole) and not left
        if not good:
            wrong = [name for name in whole if name not in found or not found[name].identical(whole[name])]
            print(f"{folder.name} after {kill.name}: left over {left}, different {wrong}", file=sys.stderr)
        tried, survived = counts.get(kill.name, (0, 0))
        counts[kill.name] = (tried + 1, survived + good)
        shutil.rmtree(folder)
    return counts, took, longest


def killed_saves(number: int, kill: signal.Signals, random, place: Path) -> Count:
    """Save one result over another, again and again, until a signal comes; then one of the two must be whole."""
    results = [wb.neurons.firing(wb.load_model(), wb.load_corpus(limit=1, languages=["de", "ja"]), progress=False)]
    results.append(results[0].assign(fired=results[0].fired + 1))
    survived = 0

    def work(path: Path) -> None:
        try:
            while True:
                for one in results:
                    save_result(one, path)
        except KeyboardInterrupt:
            os._exit(7)

    for i in range(number):
        path = place / f"save-{i}" / "a.nc"
        save_result(results[0], path)
        process = child(lambda path=path: work(path))
        time.sleep(random.uniform(0.02, 0.3))
        os.kill(process, kill)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        with suppress(WorkbenchError):
            found = load_result(path)
            seen = code == 7 if kill == signal.SIGINT else code == -kill  # not swallowed
            survived += seen and any(found.identical(one) for one in results)
    return number, survived


def refused(read: Callable[[], object], right: Callable[[object], bool] = lambda _: False) -> bool:
    """Whether reading ends in one of our errors, or gives what is right."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return right(read())
        except WorkbenchError:
            return True
        except BaseException:
            return False


def flipped(files: list[Path], number: int, random) -> Count:
    """Flip one bit of a finished file: it is refused, or gives what was saved."""
    survived = 0
    for i in range(number):
        path = files[i % len(files)]
        content, whole = path.read_bytes(), load_result(path)
        bit = int(random.integers(len(content) * 8))
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(bytes(changed))
        survived += refused(lambda path=path: load_result(path), whole.identical)
        path.write_bytes(content)
    return number, survived


def cut(files: list[Path], number: int, random) -> Count:
    """Cut a finished file short: it is refused."""
    survived = 0
    for i in range(number):
        path = files[i % len(files)]
        content = path.read_bytes()
        path.write_bytes(content[: int(random.integers(len(content)))])
        survived += refused(lambda path=path: load_result(path))
        path.write_bytes(content)
    return number, survived


def hostile_files(place: Path) -> dict[str, Count]:
    """Build and read every file of the tests' catalogue, each in a process of its own with little memory and time."""
    readers: dict[str, tuple[list[Callable[[Path], Path]], Callable[[Path], object]]] = {
        "results": (hostile.RESULTS, wb.load_result),
        "models": (hostile.MODELS, wb.load_model),
        "reports": (hostile.REPORTS, render),
        "texts": (hostile.TEXTS, wb.load_corpus),
    }
    counts = {}
    for kind, (builders, read) in readers.items():
        survived = 0
        for number, builder in enumerate(builders):
            folder = place / kind / str(number)
            folder.mkdir(parents=True)
            path = builder(folder)
            survived += within_limits(lambda path=path, read=read: refused(lambda: read(path)))
            shutil.rmtree(folder, ignore_errors=True)
        counts[kind] = (len(builders), survived)
    return counts


def within_limits(work: Callable[[], bool]) -> bool:
    """Whether something is True in a fork with a gigabyte more than now and a minute."""

    def limited() -> None:
        used = psutil.Process().memory_info().vms
        resource.setrlimit(resource.RLIMIT_AS, (used + _MEMORY, used + _MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        signal.alarm(_SECONDS)
        if not work():
            raise SystemExit(1)

    return os.waitpid(child(limited), 0)[1] == 0


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short form, for CI")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="also write the table here")
    given = parser.parse_args()
    many = (lambda n: max(2, n // 12)) if given.quick else (lambda n: n)
    random = np.random.default_rng(given.seed)
    model = wb.load_model()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        kills = [signal.SIGKILL] * many(50) + [signal.SIGTERM, signal.SIGINT, signal.SIGHUP] * many(20)
        counts, took, longest = disturbed(lambda folder: heads_run(folder, model), kills, random, place)
        rows = {f"runs stopped by {name}, then run again: equal bit for bit": one for name, one in counts.items()}
        kills = [signal.SIGKILL] * many(30) + [signal.SIGTERM] * many(20)
        counts, study_took, _ = disturbed(study, kills, random, place / "study")
        rows |= {f"studies stopped by {name}, then run again: equal bit for bit": one for name, one in counts.items()}
        for kill in (signal.SIGKILL, signal.SIGINT):
            rows[f"saves stopped by {kill.name}: the old file or the new one"] = killed_saves(
                many(120), kill, random, place / kill.name
            )
        files = sorted((place / "whole").glob("*.nc"))
        rows["one bit flipped: refused, or nothing changed"] = flipped(files, many(600), random)
        rows["files cut short: refused"] = cut(files, many(120), random)
        anew = sum(change(place) for change in CHANGES)
        rows["changes after which nothing is taken from before"] = (len(CHANGES), anew)
        rows |= {f"hostile {kind}: refused": one for kind, one in hostile_files(place).items()}
    lines = ["| tried | number | survived | lost |", "|---|---|---|---|"]
    lines += [f"| {name} | {tried} | {survived} | {tried - survived} |" for name, (tried, survived) in rows.items()]
    lines += [
        "",
        f"The run takes {took:.1f} s, and going on after a stop took {longest:.1f} s at most; the study takes ",
    ]
    lines[-1] += f"{study_took:.1f} s."
    print("\n".join(lines))
    if given.out:
        given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if any(tried != survived for tried, survived in rows.values()):
        raise SystemExit("something was lost")


if __name__ == "__main__":
    main()
