"""The jobs of a study: each analysis with one model, one corpus and one seed, in a folder of its own."""

import difflib
import hashlib
import inspect
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench import studies
from workbench.arguments import shown
from workbench.errors import BadStudy
from workbench.options import UNSAFE, Options
from workbench.studies.study.plan import NAMES, Plan, Step

_REFERENCE = re.compile(rf"@({NAMES})/([\w-]+)")


@dataclass(frozen=True, eq=False)
class Job:
    """An analysis with one model, one corpus and one seed.

    Attributes:
        folder: Its run folder, relative to the study's.
        run: The analysis, as in `Step`.
        name: Of the analysis in the study.
        model: What it loads; empty for an analysis that names its models itself.
        arguments: Of the function, but for its model, options and folder.
        options: How it computes.
        needs: Folders of the jobs whose results it reads.
    """

    folder: str
    run: str
    name: str
    model: str
    arguments: Mapping[str, Any]
    options: Options
    needs: tuple[str, ...] = ()

    @property
    def record(self) -> dict[str, Any]:
        """All that it is given, as plain values."""
        how = {name: value for name, value in vars(self.options).items() if name not in ("progress", *UNSAFE)}
        return {"run": self.run, "model": self.model, "arguments": dict(self.arguments), "options": how}

    @property
    def key(self) -> str:
        """Hash of all that it is given."""
        return hashlib.sha256(json.dumps(self.record, sort_keys=True, default=str).encode()).hexdigest()

    def call(self, out: Path, model: Any = None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and named arguments of the analysis's function, but for its folder and options.

        Args:
            out: the study's folder.
            model: a loaded one, in place of the model's name.
        """
        named = {name: _resolved(value, out, self.needs) for name, value in self.arguments.items()}
        return (self.model if model is None else model,) if self.model else (), named


def jobs_of(study: Plan) -> list[Job]:
    """All jobs, each after those whose results it reads.

    Raises:
        BadStudy: an analysis that is not known, that lacks an argument or has one too many, a name that is used twice
            or is no folder name, or a reference to no analysis before it.
    """
    jobs: dict[str, Job] = {}
    for model in study.models:
        for corpus in study.corpora:
            for seed in study.seeds:
                for job in _with(study, model, corpus, seed):
                    jobs.setdefault(job.folder, job)
    return list(jobs.values())


def function_of(run: str) -> Any:
    """The function of an analysis.

    Raises:
        BadStudy: there is none; names near ones.
    """
    known = [name.removeprefix("run_") for name in studies.__all__ if name.startswith("run_")]
    if run not in known:
        near = "".join(f" (near: {name})" for name in difflib.get_close_matches(run, known, n=1))
        raise BadStudy(f"no analysis is called {shown(run)}{near}; there are: {', '.join(known)}")
    return getattr(studies, f"run_{run}")


def _with(study: Plan, model: str, corpus: str, seed: int) -> list[Job]:
    """The jobs with one model, one corpus and one seed."""
    options = Options(**{**study.options, "seed": seed})
    given = {"corpus": corpus, "languages": list(study.languages) or None, "limit": study.limit}
    jobs: dict[str, Job] = {}
    for step in study.steps:
        if not re.fullmatch(NAMES, str(step.name)):
            raise BadStudy(f"an analysis is named {shown(step.name)}; it names a folder: letters, digits, . _ and -")
        if step.name in jobs:
            raise BadStudy(f"two analyses are named {step.name}; give one another name")
        arguments = _arguments(step, given)
        takes_model = "model" in inspect.signature(function_of(step.run)).parameters
        at = [_folder_name(model, study.models)] if takes_model else []
        at += [_folder_name(corpus, study.corpora)] if len(study.corpora) > 1 and "corpus" in arguments else []
        at += [f"seed-{seed}"] if len(study.seeds) > 1 else []
        needs = tuple(jobs[name].folder for name in _references(arguments, jobs))
        jobs[step.name] = Job(
            "/".join([*at, step.name]), step.run, step.name, model if takes_model else "", arguments, options, needs
        )
    return list(jobs.values())


def _arguments(step: Step, given: Mapping[str, Any]) -> dict[str, Any]:
    """What an analysis's function is given, but for model, options and folder.

    Raises:
        BadStudy: an argument that it does not have, or one that it lacks.
    """
    parameters = dict(inspect.signature(function_of(step.run)).parameters)
    own = [name for name in parameters if name not in ("model", "out", "options")]
    if wrong := sorted(set(step.arguments) - set(own)):
        raise BadStudy(f"{step.name} has {', '.join(wrong)}; {step.run} takes {', '.join(own)}")
    shared = {name: value for name, value in given.items() if name in own and value is not None}
    arguments = {**shared, **step.arguments}
    required = [name for name in own if parameters[name].default is inspect.Parameter.empty]
    if missing := [name for name in required if name not in arguments]:
        raise BadStudy(f"{step.name} lacks {', '.join(missing)}, which {step.run} needs")
    return arguments


def _references(arguments: Mapping[str, Any], before: Mapping[str, Job]) -> list[str]:
    """Names of the analyses whose results the arguments name.

    Raises:
        BadStudy: one that is not before this one.
    """
    values = [part for value in arguments.values() for part in (value if isinstance(value, list) else [value])]
    names = [match[1] for value in values if isinstance(value, str) and (match := _REFERENCE.fullmatch(value))]
    for name in names:
        if name not in before:
            raise BadStudy(f"@{name}/... names no analysis before it; there are: {', '.join(before) or 'none'}")
    return list(dict.fromkeys(names))


def _resolved(value: Any, out: Path, needs: Sequence[str]) -> Any:
    """A value in which `@name/cell` is the path of that result."""
    if isinstance(value, list):
        return [_resolved(part, out, needs) for part in value]
    if not isinstance(value, str) or not (match := _REFERENCE.fullmatch(value)):
        return value
    folder = next(folder for folder in needs if Path(folder).name == match[1])
    return str(out / folder / f"{match[2]}.nc")


def _folder_name(name: str, among: Sequence[str]) -> str:
    """A model or corpus as the name of a folder; of two that would share one, each has the hash of its whole name."""
    short = {other: re.sub(r"[^\w.-]+", "-", Path(other).name).lstrip(".-") or "model" for other in among}
    alike = [other for other in among if short[other] == short[name]]
    end = f"-{hashlib.sha256(name.encode()).hexdigest()[:6]}" if len(alike) > 1 else ""
    return f"{short[name]}{end}"
