"""Bring the shares of a study together that were run in folders of their own, as on machines without a common disk."""

from collections.abc import Sequence
from pathlib import Path

from workbench.errors import BadStudy
from workbench.results.files import load_result, write_whole
from workbench.results.resuming.lock import locked
from workbench.studies.study.folder import plan_in
from workbench.studies.study.jobs import Job, jobs_of
from workbench.studies.study.run import FILE, result_files, was_finished


def merge(folders: Sequence[str | Path], out: str | Path) -> Path:
    """Copy the finished jobs of shares into one folder.

    Args:
        folders: of the shares, all of one study.
        out: the folder of the whole; jobs that it has already stay.

    Returns:
        The folder.

    Raises:
        BadStudy: the folders are of different studies.
        BadResult: a result is damaged.
        CannotWrite: the folder cannot be written.
    """
    places = [Path(folder).expanduser() for folder in folders]
    if not places:
        raise BadStudy("merge puts one or more folders together; it was given none")
    plans = {str(place): plan_in(place).record for place in places}
    first, *others = plans.values()
    if any(other != first for other in others):
        raise BadStudy(f"{', '.join(plans)} are not shares of one study: their {FILE} differ")
    out = Path(out).expanduser()
    for job in jobs_of(plan_in(places[0])):
        for place in places:
            if not _finished(job, out) and _finished(job, place):
                _copy(place / job.folder, out / job.folder)
    write_whole(out / FILE, (places[0] / FILE).read_bytes())
    return out


def _finished(job: Job, folder: Path) -> bool:
    return was_finished(job, folder / job.folder)


def _copy(source: Path, target: Path) -> None:
    """Copy a finished job: its results are read first, so that a damaged one is refused, and its record comes last."""
    for path in result_files(source):
        load_result(path)
    with locked(target):
        files = [path for path in sorted(source.iterdir()) if path.is_file() and not path.name.startswith(".")]
        for path in sorted(files, key=lambda path: path.name == "job.json"):
            write_whole(target / path.name, path.read_bytes())
