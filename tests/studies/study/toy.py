"""A study whose analyses need no model: sums in small steps, so that a stop finds them in the middle."""

import time
from pathlib import Path

import numpy as np
import pytest

from workbench.results.make import make_result
from workbench.results.resuming.progress import resumed
from workbench.studies.analysis import Analysis, Cell, analysis
from workbench.studies.findings.finding import finding
from workbench.studies.options import DEFAULTS, Options
from workbench.studies.report import Section
from workbench.studies.study import jobs, run
from workbench.studies.study.plan import Plan

STEPS, SECONDS = 20, 0.003


def sums(by: float, seed: int, *, limit: int = STEPS):
    """The sum of random numbers, one a step; a language each for the first three."""
    rng, total = np.random.default_rng(seed), np.zeros(3)
    for _ in resumed(range(limit), {"total": total, "rng": rng}):
        total += by * rng.normal(size=3)
        time.sleep(SECONDS)
    return make_result(
        {"total": (("language",), total, "a sum"), "low": (("language",), total - 1, "its lower end")},
        {"language": ["de", "fr", "ja"]},
        method="toy",
        parameters={"by": by},
    )


@analysis("toy")
def run_toy(
    *, out: str | Path, by: float = 1.0, of: str = "", limit: int | None = None, options: Options = DEFAULTS
) -> Analysis:
    """Sum up."""
    steps = limit or STEPS
    key = {"by": by, "seed": options.seed, "limit": steps, "of": of and Path(of).read_bytes().hex()[:200]}
    cells = [
        Cell("first", key, lambda _: sums(by, options.seed, limit=steps)),
        Cell("second", {**key, "n": 2}, lambda _: sums(2 * by, options.seed + 1, limit=steps)),
    ]

    def sections(results):
        answer = f"The sum is {float(results['first'].total[0]):.3f}."
        return [Section("How much?", None, None, "", finding(answer), file="first.nc")]

    return Analysis("A sum", cells, sections, question="How much is it?", main=("first",))


def plan(**changes) -> Plan:
    given = {"question": "How much?", "models": ["none"], "seeds": [0, 1]}
    given["analyses"] = [{"run": "toy"}, {"run": "toy", "name": "other", "by": 2.0, "of": "@toy/first"}]
    return Plan(**{**given, **changes})


@pytest.fixture
def toys(monkeypatch):
    """`run = "toy"` in a study is the analysis of this file."""
    for module in (jobs, run):
        monkeypatch.setattr(module, "function_of", lambda _: run_toy)
