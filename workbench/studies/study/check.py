"""Check a study without its models, and say what it will cost, from a short probe of every analysis."""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from tqdm.auto import tqdm

from workbench import packaged, shipped
from workbench.errors import BadStudy, WorkbenchError
from workbench.model.memory import readable
from workbench.studies.forecast import duration
from workbench.studies.study.jobs import jobs_of
from workbench.studies.study.plan import Plan
from workbench.studies.study.run import Models, result_files, run_job
from workbench.text.readers import load_corpus

_FEW, _MORE = (2, 4), (4, 12)  # least and most texts of a language in the two passes of the probe


def check(plan: Plan) -> int:
    """Check that a study can be run, without loading a model.

    Args:
        plan: the study.

    Returns:
        Number of texts of the language that has most, within the study's limit.

    Raises:
        BadStudy: what its jobs lack, a folder that is no model, or a corpus that cannot be read or lacks a language.
    """
    jobs_of(plan)
    for model in plan.models:
        if not _may_be_model(model):
            raise BadStudy(
                f"models has {model}; it is no shipped or packaged model, no folder, no file and no hub name"
            )
    counts = [0]
    for corpus in plan.corpora:
        try:
            texts = load_corpus(corpus, languages=list(plan.languages) or None, limit=plan.limit)
        except WorkbenchError as error:
            raise BadStudy(f"corpora has {corpus}: {error}") from None
        counts += texts.counts.values()
    return max(counts)


def _may_be_model(name: str) -> bool:
    """Whether a name is that of a shipped or packaged model, a path, or may be one of the hub: owner/name."""
    known = name in shipped.models() or name in packaged.MODELS
    return known or Path(name).expanduser().exists() or (name.count("/") == 1 and not name.startswith((".", "/", "~")))


@dataclass(frozen=True)
class _Pass:
    """One pass of the probe: what each job took with so many texts of a language."""

    texts: int
    seconds: dict[str, float]
    bytes: dict[str, int]


def cost(plan: Plan, *, progress: bool = True, clock: Callable[[], float] = time.monotonic) -> pd.DataFrame:
    """What a study will cost on this machine: every job is run twice on a few texts, and the line through both goes on.

    Args:
        plan: the study.
        progress: print what is probed.
        clock: gives seconds.

    Returns:
        A row for each job, indexed by its folder: `results`, how many files; `seconds`; `disk` in bytes. The attribute
        `memory` is the most that the probe took, in bytes.

    Raises:
        BadStudy: as `check`.
        WorkbenchError: what an analysis raises.
    """
    texts = check(plan)
    few, more = (min(most, max(least, texts // part)) for (least, most), part in ((_FEW, 10), (_MORE, 4)))
    with TemporaryDirectory() as folder:
        passes = [_probe(plan, number, Path(folder) / str(number), progress, clock) for number in sorted({few, more})]
        results = {job.folder: len(result_files(Path(folder) / str(more) / job.folder)) for job in jobs_of(plan)}
    rows = {
        job.folder: {
            "results": results[job.folder],
            "seconds": _at(texts, [(probe.texts, probe.seconds[job.folder]) for probe in passes]),
            "disk": int(_at(texts, [(probe.texts, probe.bytes[job.folder]) for probe in passes])),
        }
        for job in jobs_of(plan)
    }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("job")
    unit = 1 if sys.platform == "darwin" else 1024
    table.attrs["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return table


def _probe(plan: Plan, texts: int, folder: Path, progress: bool, clock: Callable[[], float]) -> _Pass:
    """Run every job on a few texts."""
    models, seconds, sizes = Models(), {}, {}
    for job in jobs_of(replace(plan, limit=texts)):
        if progress:
            tqdm.write(f"probing {job.folder} with {texts} texts of each language", file=sys.stderr)
        if job.model:
            models.of(job.model, job.options)  # loading is once for all jobs
        start = clock()
        run_job(job, folder, models, progress=False)
        seconds[job.folder] = clock() - start
        sizes[job.folder] = sum(path.stat().st_size for path in (folder / job.folder).rglob("*") if path.is_file())
    return _Pass(texts, seconds, sizes)


def _at(texts: int, points: list[tuple[int, float]]) -> float:
    """The line through the points at so many texts; no less than at the last point."""
    (first, low), (last, high) = points[0], points[-1]
    slope = (high - low) / (last - first) if last > first else 0.0
    return high + max(slope, 0.0) * (texts - last)


def readable_cost(costs: pd.DataFrame) -> pd.DataFrame:
    """What `cost` gives, for a terminal: seconds, and sizes with their units."""
    return costs.assign(
        seconds=[f"{seconds:.1f}" for seconds in costs["seconds"]], disk=[readable(size) for size in costs["disk"]]
    )


def total(costs: pd.DataFrame) -> str:
    """What all jobs cost together, in a sentence."""
    seconds = sum(costs["seconds"])
    return (
        f"{len(costs)} jobs, {sum(costs['results'])} results: {duration(seconds) or 'less than 10 seconds'} one after "
        f"another on this machine, {readable(sum(costs['disk']))} on the disk; the probe took up to "
        f"{readable(costs.attrs['memory'])} of memory"
    )
