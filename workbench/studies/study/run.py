"""Run a study's jobs in its folder, one after another; what is finished is not computed again."""

import datetime
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
from tqdm.auto import tqdm

from workbench.errors import BadResult, Busy, Interrupted, TooLarge, WorkbenchError, out_of_memory, warn
from workbench.model.memory import check_memory, readable
from workbench.model.model import Model
from workbench.options import Options
from workbench.results.files import PARTIAL, load_result, remove_partial, write_whole
from workbench.studies.analysis import Analysis
from workbench.studies.options import open_model
from workbench.studies.runs import OTHERS, Run
from workbench.studies.study.jobs import Job, function_of, jobs_of
from workbench.studies.study.plan import Plan

FILE = "study.json"
FAILED = "failed.json"  # folder of a job -> why it failed when the study was last run
RECORD = "job.json"  # of a finished job, in its folder
WAIT = 1.0  # seconds between two looks at a job that another process computes
_LEAST_MEMORY = 2**24  # bytes for activations, below which no batch is halved again
Engine = Callable[[Sequence[Job], Path, bool], dict[str, str]]
"""Runs jobs in the folder of their study, with progress or without: folder of a job -> why it failed."""


@dataclass
class Models:
    """The model that is loaded: the next one takes its place."""

    key: tuple[Any, ...] = ()
    model: Model | None = None

    def of(self, name: str, options: Options) -> Model:
        """Load a model, unless it is the one that is there."""
        key = (name, options.device, options.dtype, options.device_map, options.memory)
        if key != self.key or self.model is None:
            self.model = None  # its memory is free before the next one is loaded
            self.model, self.key = open_model(name, options), key
        return self.model


def in_order(jobs: Sequence[Job], out: Path, progress: bool) -> dict[str, str]:
    """The engine without others: runs jobs in this process, and those that another one computes at the end."""
    models, left, failed = Models(), list(jobs), {}
    while left:
        job = left.pop(0)
        if lacking := [folder for folder in job.needs if folder in failed]:
            failed[job.folder] = f"it needs {', '.join(lacking)}, which failed"
            continue
        if {other.folder for other in left} & set(job.needs):  # another process computes what it reads
            left.append(job)
            continue
        if progress:
            tqdm.write(f"[{len(jobs) - len(left)}/{len(jobs)}] {job.folder}")
        try:
            run_job(job, out, models, progress=progress)
        except Busy:
            left.append(job)
            time.sleep(WAIT)
        except Interrupted as stop:
            raise Interrupted(f"{job.folder}: {stop}", partial=stop.partial) from None
        except WorkbenchError as error:
            failed[job.folder] = str(error)
    return failed


def run_jobs(
    study: Plan, out: str | Path, *, shard: tuple[int, int] = (1, 1), engine: Engine = in_order, progress: bool = True
) -> dict[str, str]:
    """Run the jobs of a study that its folder lacks.

    Several processes may run one study in one folder: each takes the jobs that no other one is computing, and waits
    for those whose results it needs.

    Args:
        study: the study.
        out: its folder.
        shard: (3, 8): the third of eight shares of the jobs.
        engine: runs the jobs.
        progress: print each job, and show progress bars.

    Returns:
        Folder of a job -> why it failed, for those that did.

    Raises:
        BadStudy: its analyses do not fit together.
        Interrupted: Ctrl-C, SIGTERM or SIGHUP; the same call goes on from there.
        CannotWrite: the folder cannot be written.
    """
    out = Path(out).expanduser()
    jobs = shard_of(jobs_of(study), shard)
    if out.is_dir():
        remove_partial(out)
    write_whole(out / FILE, json.dumps(study.record, ensure_ascii=False, indent=1, default=str))
    failed = engine(jobs, out, progress)
    others = {folder: why for folder, why in failed_in(out).items() if folder not in {job.folder for job in jobs}}
    write_whole(out / FAILED, json.dumps({**others, **failed}, ensure_ascii=False, indent=1))
    return failed


def failed_in(out: Path) -> dict[str, str]:
    """Folder of a job -> why it failed when it was last run; empty where no record is or it cannot be read."""
    with suppress(OSError, ValueError, TypeError):
        return dict(json.loads((out / FAILED).read_text(encoding="utf-8")))
    return {}


def shard_of(jobs: list[Job], shard: tuple[int, int]) -> list[Job]:
    """Every n-th job, from the given one on, and the jobs that these need."""
    wanted = {job.folder for job in jobs[shard[0] - 1 :: shard[1]]}
    for job in reversed(jobs):
        if job.folder in wanted:
            wanted |= set(job.needs)
    return [job for job in jobs if job.folder in wanted]


def run_job(job: Job, out: Path, models: Models, *, progress: bool = True) -> None:
    """Run a job unless its folder has all its results, and record that it is finished.

    Raises:
        Busy: another process computes it.
        WorkbenchError: what the analysis raises.
    """
    start, folder = time.monotonic(), out / job.folder
    set_damaged_aside(folder)

    def run(options: Options) -> None:
        if was_finished(job, folder) and _has_all(folder, analysis_of(job, out, models, options)):
            return
        first, named = job.call(out, models.of(job.model, options) if job.model else None)
        function_of(job.run)(*first, **named, out=folder, options=options)
        _write_record(job, folder, time.monotonic() - start)

    within_memory(job, run, progress=progress)


def analysis_of(job: Job, out: Path, models: Models, options: Options) -> Analysis:
    """What a job computes, with its model loaded."""
    first, named = job.call(out, models.of(job.model, options) if job.model else None)
    return function_of(job.run).build(*first, **named, out=out / job.folder, options=options)


def within_memory(job: Job, run: Callable[[Options], None], *, progress: bool = True) -> None:
    """Run something of a job; where memory does not suffice, again with half of it for activations, which is printed.

    Args:
        job: the job, for its options and its name.
        run: is given the options.
        progress: show progress bars.

    Raises:
        TooLarge: nothing is left to halve.
    """
    options = replace(job.options, progress=progress)
    while True:
        try:
            return run(options)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            options = _halved(options, error)
            warn(
                f"{job.folder}: memory ran out ({error}); it goes on with {options.batch_size} texts at a time and "
                f"{readable(int(options.memory))} for activations"
            )


def result_files(folder: Path) -> list[Path]:
    """The finished results of a run folder, without those that a stopped or killed process left."""
    return sorted(path for path in folder.glob("*.nc") if not path.name.endswith(PARTIAL))


def set_damaged_aside(folder: Path) -> None:
    """Move the damaged results of a run folder into `others/`, so that they are computed again."""
    for path in result_files(folder):
        try:
            load_result(path)
        except BadResult as error:
            others = folder / OTHERS
            others.mkdir(exist_ok=True)
            aside = others / f"{path.stem}-damaged-{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}.nc"
            path.replace(aside)
            warn(f"{error}; it is in {aside} now, and is computed again")


def was_finished(job: Job, folder: Path) -> bool:
    """Whether a job was finished with what it is given now, and its report is there."""
    return record_of(folder).get("key") == job.key and (folder / "report.html").is_file()


def _has_all(folder: Path, analysis: Analysis) -> bool:
    """Whether all results are there, of this model, these texts and this code."""
    return all(Run(folder).has(cell.name, cell.key) for cell in analysis.cells)


def record_of(folder: Path) -> dict[str, Any]:
    """What a job wrote when it was finished; empty where it is not, or where the record cannot be read."""
    with suppress(OSError, ValueError):
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return record if isinstance(record, dict) else {}
    return {}


def _write_record(job: Job, folder: Path, seconds: float) -> None:
    """Record a finished job: what it was given, how long it took this time, and its results with their hashes."""
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in result_files(folder)}
    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    record = {"key": job.key, **job.record, "files": files, "seconds": round(seconds, 3), "finished": now}
    write_whole(folder / RECORD, json.dumps(record, ensure_ascii=False, indent=1, default=str))


def _halved(options: Options, error: BaseException) -> Options:
    """Options with half of the batch, and half of the memory for activations.

    Raises:
        TooLarge: there is nothing to halve.
    """
    size = 32 if options.batch_size == "auto" else int(options.batch_size)
    limit = check_memory(options.memory)
    memory = limit if isinstance(limit, int) else psutil.virtual_memory().available // 2
    if size == 1 and memory < _LEAST_MEMORY:
        raise TooLarge(f"memory does not suffice even for one text at a time ({error})") from error
    return replace(options, batch_size=max(1, size // 2), memory=memory // 2)
