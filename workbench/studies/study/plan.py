"""What a study says: a question, and the analyses over models, corpora and seeds that answer it; read from TOML."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from workbench.arguments import shown
from workbench.errors import BadStudy
from workbench.options import UNSAFE, Options

NAMES = r"[A-Za-z0-9][\w.-]*"  # of analyses: they name folders
_OPTIONS = sorted({part.name for part in fields(Options)} - {"seed", "progress", *UNSAFE})


@dataclass(frozen=True)
class Step:
    """One analysis of a study.

    Attributes:
        run: A function of `wb.studies` without its `run_`, such as heads, neurons or evaluate.
        name: Of its folder; what `run` says by default. Other analyses read its results as `@name/cell`.
        arguments: What the function is given beside what the study says.
    """

    run: str
    name: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A question, and the analyses that answer it: each runs on every model, corpus and seed.

    Attributes:
        question: What it asks; the title of its report.
        models: What `load_model` takes; names and folders.
        analyses: The analyses in order, as `Step` or as a dict with `run`, at will `name`, and arguments.
        corpora: What `load_corpus` takes; names, folders and files.
        languages: To keep; all when empty.
        limit: First texts of each language, or first pairs.
        seeds: Every analysis runs once with each.
        options: Fields of `Options`, such as batch_size, for every analysis; in Python also `allow_pickle` and
            `trust_remote_code`, which no file can set.

    Raises:
        BadStudy: names what is wrong and what would be right.
    """

    question: str
    models: Sequence[str]
    analyses: Sequence[Step | Mapping[str, Any]]
    corpora: Sequence[str] = ("parallel",)
    languages: Sequence[str] = ()
    limit: int | None = None
    seeds: Sequence[int] = (0,)
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("models", "corpora", "languages", "seeds", "analyses"):
            value = getattr(self, name)
            if isinstance(value, str) or not isinstance(value, Sequence) or (not value and name != "languages"):
                raise BadStudy(f"{name}={shown(value)}; give a list of one or more")
            object.__setattr__(self, name, tuple(value))
        if not isinstance(self.question, str) or not self.question.strip():
            raise BadStudy(f"question={shown(self.question)}; say in a sentence what the study asks")
        if not isinstance(self.options, Mapping):
            raise BadStudy(f'options={shown(self.options)}; give a table, such as memory = "1GB"')
        self._check_values()
        object.__setattr__(self, "analyses", self.steps)
        if unknown := sorted(set(self.options) - {*_OPTIONS, *UNSAFE}):
            raise BadStudy(f"options has {', '.join(unknown)}; it takes {', '.join(_OPTIONS)}")

    @property
    def steps(self) -> tuple[Step, ...]:
        """The analyses, each as a `Step`."""
        return tuple(map(_step, self.analyses))

    @property
    def record(self) -> dict[str, Any]:
        """The entries as plain values, as a study file has them: without what a file cannot set."""
        entries = {part.name: getattr(self, part.name) for part in fields(Plan)}
        entries["options"] = {name: value for name, value in self.options.items() if name not in UNSAFE}
        steps = [{"run": step.run, "name": step.name, **step.arguments} for step in self.steps]
        return {**entries, "analyses": steps}

    def _check_values(self) -> None:
        for name in ("models", "corpora", "languages"):
            if wrong := [value for value in getattr(self, name) if not isinstance(value, str) or not value]:
                raise BadStudy(f"{name} has {shown(wrong[0])}; give names or paths, as text")
        whole = {"limit": [] if self.limit is None else [self.limit], "seeds": self.seeds}
        for name, least in (("limit", 1), ("seeds", 0)):
            if wrong := [value for value in whole[name] if type(value) is not int or value < least]:
                raise BadStudy(f"{name} has {shown(wrong[0])}; give whole numbers from {least}")
        for name in ("models", "corpora", "languages", "seeds"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise BadStudy(f"{name} has a value twice: {', '.join(map(str, values))}")


def read_plan(path: str | Path) -> dict[str, Any]:
    """The entries of a study file.

    Raises:
        BadStudy: no such file, no TOML, or an entry that is missing or unknown.
    """
    path = Path(path).expanduser()
    try:
        record = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or error
        raise BadStudy(f"{path} cannot be read: {reason}; `workbench study init` writes one") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadStudy(f"{path} is not TOML: {error}") from None
    known = [part.name for part in fields(Plan)]
    if unknown := sorted(set(record) - set(known)):
        raise BadStudy(f"{path} has {', '.join(unknown)}; a study has {', '.join(known)}")
    if missing := [name for name in ("question", "models", "analyses") if name not in record]:
        raise BadStudy(f"{path} lacks {', '.join(missing)}")
    refuse_unsafe(record.get("options"), path)
    return record


def refuse_unsafe(options: Any, path: Path) -> None:
    """Refuse a file that would let models run code.

    Raises:
        BadStudy: names the option, and what sets it.
    """
    for name in UNSAFE:
        if isinstance(options, Mapping) and name in options:
            raise BadStudy(f"{path} has {name}, which no file can set; give --{name.replace('_', '-')} to the command")


def _step(given: Step | Mapping[str, Any]) -> Step:
    if isinstance(given, Step):
        return given if given.name else Step(given.run, given.run, given.arguments)
    if not isinstance(given, Mapping) or not isinstance(given.get("run"), str):
        raise BadStudy(f'analyses has {shown(given)}; each is a table with run, such as run = "heads"')
    if not isinstance(given.get("name", ""), str):
        raise BadStudy(f"an analysis is named {shown(given['name'])}; give its name as text")
    rest = {name: value for name, value in given.items() if name not in ("run", "name")}
    return Step(given["run"], given.get("name", given["run"]), rest)
