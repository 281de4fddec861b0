"""A study's report: what each of its analyses answers, model by model, with a way to each job's own page."""

from collections.abc import Sequence
from pathlib import Path

import plotly.graph_objects as go
import xarray as xr

from workbench import figures
from workbench.errors import BadStudy
from workbench.results.companions import companions
from workbench.results.files import load_result
from workbench.studies.findings.finding import Finding
from workbench.studies.report.contents import Report, Section
from workbench.studies.report.render import render
from workbench.studies.report.store import load_report, save_report
from workbench.studies.study.folder import plan_in
from workbench.studies.study.jobs import Job, jobs_of
from workbench.studies.study.run import record_of, result_files, was_finished


def report(folder: str | Path) -> Path:
    """Write the report of a study: a section for each analysis, with the answer of each job that is finished.

    Args:
        folder: of the study.

    Returns:
        The path of the page, `report.html`; it leads to the report of each job.

    Raises:
        BadStudy: no study was run there, or it has no finished job.
        CannotWrite: the folder cannot be written.
    """
    folder = Path(folder).expanduser()
    plan = plan_in(folder)
    jobs = jobs_of(plan)
    done = [job for job in jobs if was_finished(job, folder / job.folder)]
    if not done:
        raise BadStudy(f"no job in {folder} is finished; `workbench study status {folder}` shows how far it is")
    names = dict.fromkeys(job.name for job in done)
    sections = [_section(folder, name, [job for job in done if job.name == name]) for name in names]
    if missing := [job.folder for job in jobs if job not in done]:
        sections.append(_missing(missing))
    answer = " ".join(part.finding.answer for part in sections)
    over = f"{len(plan.analyses)} analyses of {', '.join(plan.models)} on {', '.join(plan.corpora)}"
    save_report(Report(plan.question, over, answer, sections), folder)
    return render(folder)


def _section(folder: Path, name: str, jobs: Sequence[Job]) -> Section:
    """An analysis: its question, and what each job answers."""
    reports = {job: load_report(folder / job.folder) for job in jobs}
    models = list(dict.fromkeys(job.model for job in jobs if job.model))
    answers = [f"{_title(job, jobs)}: {reports[job].answer}" if len(jobs) > 1 else reports[job].answer for job in jobs]
    question = reports[jobs[0]].question
    for model in models:
        question = question.replace(f" of {model}", "")
    figure = _compared(folder, jobs)
    return Section(
        title=f"{name}: {question}",
        figure=figure,
        table=None,
        reading="" if figure is None else "Each row is a job of the study, each column a language or the units of one.",
        finding=Finding(" ".join(answers)),
        provenance={
            "model": {"name": ", ".join(models)},
            "corpus": {"source": ", ".join(dict.fromkeys(str(job.arguments.get("corpus", "")) for job in jobs))},
            "seed": ", ".join(dict.fromkeys(str(job.options.seed) for job in jobs)),
            "time": max(str(record_of(folder / job.folder)["finished"]) for job in jobs),
        },
    )


def _title(job: Job, among: Sequence[Job]) -> str:
    """A job by what it does not share with the others: its model, corpus or seed."""
    parts = {
        job.model or job.name: {other.model for other in among},
        str(job.arguments.get("corpus", "")): {other.arguments.get("corpus", "") for other in among},
        f"seed {job.options.seed}": {other.options.seed for other in among},
    }
    return ", ".join(text for text, values in parts.items() if len(values) > 1) or job.model or job.name


def _compared(folder: Path, jobs: Sequence[Job]) -> go.Figure | None:
    """A heatmap of the first number with an interval that all jobs have for each language, or each group of units."""
    if len(jobs) < 2:
        return None
    values: dict[tuple[str, str], dict[str, xr.DataArray]] = {}
    for job in jobs:
        for path in result_files(folder / job.folder):
            result = load_result(path)
            for name in map(str, result.data_vars):
                if result[name].dims in (("language",), ("group",)) and "low" in companions(result, name):
                    values.setdefault((path.stem, name), {})[_title(job, jobs)] = result[name]
    shared = [(name, by_job) for (_, name), by_job in values.items() if len(by_job) == len(jobs)]
    if not shared:
        return None
    name, by_job = shared[0]
    rows = [values.reset_coords(drop=True).to_dataset(name=name) for values in by_job.values()]
    together = xr.concat(rows, "job", combine_attrs="override").assign_coords(job=list(by_job))
    return figures.heatmap(together, name, title="")


def _missing(folders: Sequence[str]) -> Section:
    answer = f"{len(folders)} {'job is' if len(folders) == 1 else 'jobs are'} not finished: {', '.join(folders)}."
    return Section("What is missing?", None, None, "", Finding(answer))
