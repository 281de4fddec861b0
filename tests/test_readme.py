"""The README is true: its Python runs, its commands run (on less), its links lead somewhere."""

import re
import shlex
from pathlib import Path

import plotly.graph_objects as go
import pytest
from typer.testing import CliRunner

import workbench as wb
from workbench.cli import app

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line.split("#")[0].strip() for line in TEXT.splitlines() if line.startswith("workbench ")]
# These take minutes: .ci/run runs them.
IN_CI = ["workbench lab all --quick --out runs/lab", "workbench card polyglot", "workbench atlas check"]
LESS = {
    "heads": "--limit 3 --quiet",
    "neurons": "--limit 3 --quiet",
    "patch": "--limit 3 --quiet",
    "steer": "--prompts 4",
    "circuits train": "--steps 10",
}


def test_the_ten_lines_run(tmp_path, monkeypatch):
    block = re.search(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)[1]
    shown = []
    monkeypatch.setattr(go.Figure, "show", lambda self: shown.append(self))
    monkeypatch.chdir(tmp_path)
    exec(block.replace("limit=16", "limit=2"), {})  # the same lines on fewer texts
    assert len(shown) == 1
    assert wb.load_result(tmp_path / "runs/effect.nc").delta.dims == ("language", "layer", "head")


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in IN_CI])
def test_every_command_runs(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command)[1:]
    less = [option for start, option in LESS.items() if command.startswith(f"workbench {start} ")]
    result = CliRunner().invoke(app, [*words, *shlex.split(" ".join(less))])
    assert result.exit_code == 0, result.output
    if words[0] in ("heads", "neurons", "patch"):
        assert list(tmp_path.glob("runs/*/report.html"))


def test_ci_runs_what_takes_minutes():
    run = (ROOT / ".ci" / "run").read_text()
    assert all(command in COMMANDS and f"timed .venv/bin/{command}" in run for command in IN_CI)


def test_make_has_the_targets_that_are_named():
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"\bmake ([a-z-]+)", TEXT)):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_links_lead_somewhere():
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT):
        assert (ROOT / link).exists(), link
