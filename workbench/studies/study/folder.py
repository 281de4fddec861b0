"""A study's folder: the study that is in it, its jobs, and how far each of them is."""

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import xarray as xr

from workbench.errors import BadStudy
from workbench.results.files import load_result
from workbench.results.resuming.lock import FILE as LOCK
from workbench.results.resuming.lock import is_free
from workbench.studies.study.jobs import Job, jobs_of
from workbench.studies.study.plan import Plan, refuse_unsafe
from workbench.studies.study.run import FILE, failed_in, record_of, result_files, was_finished


def plan_in(folder: str | Path) -> Plan:
    """The study that was last run in a folder.

    Raises:
        BadStudy: no study was run there, or its record is damaged.
    """
    path = Path(folder).expanduser() / FILE
    try:
        plan = Plan(**json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadStudy(f"{folder} is not the folder of a study: it has no {FILE}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise BadStudy(f"{path} is damaged ({error}); run the study file again") from None
    refuse_unsafe(plan.options, path)
    return plan


def status(folder: str | Path) -> pd.DataFrame:
    """How far each job of a study is.

    Args:
        folder: of the study.

    Returns:
        A row for each job, indexed by its folder: `state` (finished; running; stopped: it goes on from there; failed;
        waiting), `results`, how many files it has, `seconds` and `finished`, when; of a finished one.

    Raises:
        BadStudy: no study was run there.
    """
    folder = Path(folder).expanduser()
    failed = failed_in(folder)
    rows = {}
    for job in jobs_of(plan_in(folder)):
        record = record_of(folder / job.folder)
        done = was_finished(job, folder / job.folder)
        rows[job.folder] = {
            "state": _state(job, folder, done, job.folder in failed),
            "results": len(result_files(folder / job.folder)),
            "seconds": record.get("seconds") if done else None,
            "finished": record.get("finished") if done else None,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("job")


def _state(job: Job, folder: Path, done: bool, failed: bool) -> str:
    lock = folder / job.folder / LOCK
    if lock.is_file() and not is_free(lock):
        return "running"
    if done or failed:
        return "finished" if done else "failed"
    return "stopped" if (folder / job.folder).is_dir() else "waiting"


def results_in(folder: str | Path) -> Iterator[tuple[Job, str, xr.Dataset]]:
    """Each result of the finished jobs: job, name of the result, result.

    Raises:
        BadStudy: no study was run there.
        BadResult: a file is damaged.
    """
    folder = Path(folder).expanduser()
    for job in jobs_of(plan_in(folder)):
        if was_finished(job, folder / job.folder):
            for path in result_files(folder / job.folder):
                yield job, path.stem, load_result(path)
