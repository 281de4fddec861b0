"""`wb.Study`: a study in Python: what it says, and how it is run."""

from functools import partial
from pathlib import Path

import pandas as pd

from workbench.arguments import one_of
from workbench.errors import BadStudy, FailedJobs
from workbench.studies.study.check import check, cost
from workbench.studies.study.cluster.ray_engine import on_ray
from workbench.studies.study.jobs import jobs_of
from workbench.studies.study.plan import Plan, read_plan
from workbench.studies.study.report import report
from workbench.studies.study.run import in_order, run_jobs


class Study(Plan):
    """A question, and the analyses that answer it: each runs on every model, corpus and seed.

    Takes what `Plan` takes: question, models, analyses, corpora, languages, limit, seeds and options.

    Example:
        >>> study = wb.Study("Which heads serve which language?", ["polyglot"], [{"run": "heads"}], limit=8)
        >>> study.run("runs/heads-study")                                                # doctest: +SKIP
    """

    @classmethod
    def read(cls, path: str | Path) -> "Study":
        """Read a study file.

        Args:
            path: a TOML file with `question`, `models`, a table `[[analyses]]` for each analysis, and at will
                `corpora`, `languages`, `limit`, `seeds` and a table `[options]`.

        Raises:
            BadStudy: no such file, no TOML, or an entry that is missing, unknown or wrong.
        """
        record = read_plan(path)
        try:
            return cls(**record)
        except BadStudy as error:
            raise BadStudy(f"{path}: {error}") from None

    def check(self) -> None:
        """Check that the study can be run, without loading a model.

        Raises:
            BadStudy: what its jobs lack, a name that is no model, or a corpus that cannot be read or lacks a language.
        """
        check(self)

    def cost(self, *, progress: bool = True) -> pd.DataFrame:
        """What the study will cost on this machine, from a short probe of every analysis; see `wb.studies.cost`."""
        return cost(self, progress=progress)

    def run(
        self,
        out: str | Path,
        *,
        engine: str = "local",
        address: str | None = None,
        shard: tuple[int, int] = (1, 1),
        progress: bool = True,
    ) -> Path:
        """Run what the folder lacks: finished results are not computed again, and a stopped one goes on.

        Args:
            out: the study's folder; with Ray on several machines, one that all of them share.
            engine: `local`: one job after another; `ray`: side by side on the machines of a Ray cluster.
            address: of the cluster, as `ray.init` takes it; when None the one that runs here, else a new one on this
                machine.
            shard: (3, 8): the third of eight shares of the jobs.
            progress: print each job, and show progress bars.

        Returns:
            The folder.

        Raises:
            BadArgument: no such engine, or no cluster at the address.
            MissingExtra: Ray is not installed.
            FailedJobs: names those that failed, after all others were run.
            Interrupted: Ctrl-C, SIGTERM or SIGHUP; the same call goes on from there.
            CannotWrite: the folder cannot be written.
        """
        one_of("engine", engine, ("local", "ray"))
        runs = in_order if engine == "local" else partial(on_ray, address=address)
        failed = run_jobs(self, out, shard=shard, engine=runs, progress=progress)
        if shard == (1, 1) and len(failed) < len(jobs_of(self)):
            report(out)
        if failed:
            raise FailedJobs("; ".join(f"{folder}: {why}" for folder, why in failed.items()))
        return Path(out).expanduser()
