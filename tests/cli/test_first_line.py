"""The first line of every command that may take long: it comes before a model is loaded and before slow imports."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.test_commands import commands

ROOT = Path(__file__).parent.parent.parent
MODELS = ("model", "before", "after")


class Loaded(Exception):
    """A model would be loaded now."""


def filled(command):
    """Arguments that a command needs: something for every required parameter."""
    given = {"corpus": "parallel", "pairs": "words:de-fr", "tasks": "words:de-fr", "heads": "de", "keep": "de"}
    given |= {"layer": "0", "neuron": "0", "conflicts": "conflicts.jsonl", "before": "polyglot", "after": "polyglot"}
    given |= {"tasks": "words"} if command.name == "evaluate" else {}
    for one in command.params:
        if one.required:
            yield from [f"--{one.name}"] if one.param_type_name == "option" else []
            yield given.get(one.name, "polyglot")


LOADING = {name: command for name, command in commands().items() if {one.name for one in command.params} & {*MODELS}}


@pytest.fixture(autouse=True)
def _nothing_is_loaded(monkeypatch):
    """Every function that would load a model raises."""

    def load(*_, **__):
        raise Loaded

    for loader in ("studies.options.load_model", "model.load.load_model", "studies.cards.card.evaluate"):
        monkeypatch.setattr(f"workbench.{loader}", load)


def test_the_walk_covers_the_commands():
    assert {"demo", "lens", "card", "check", "heads find", "neurons compare", "patch edges"} <= {*LOADING}
    assert not {"languages", "report", "explore", "version"} & {*LOADING}


@pytest.mark.parametrize("name", LOADING)
def test_a_command_first_names_what_it_loads(run, tmp_path, name):
    (tmp_path / "conflicts.jsonl").write_text('{"prompt": "a", "own": "b", "other": "c"}\n', encoding="utf-8")
    arguments = list(filled(LOADING[name]))
    done = run(*name.split(), *arguments)
    assert isinstance(done.exception, Loaded), done.output
    models = "polyglot and polyglot" if name in ("compare", "neurons compare") else "polyglot"
    assert done.stderr.splitlines()[0] == f"workbench {name}: loading {models} ..."
    assert run(*name.split(), *arguments, "--quiet").stderr == ""


def test_it_comes_within_two_seconds_and_before_torch(tmp_path):
    (tmp_path / "torch.py").write_text("import time\ntime.sleep(60)\n", encoding="utf-8")  # as from a cold disk
    command = [sys.executable, "-m", "workbench.cli", "heads", "polyglot", "parallel"]
    paths = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    begin = time.monotonic()
    how = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, "cwd": tmp_path}
    with subprocess.Popen(command, env={**os.environ, **paths}, **how) as process:
        try:
            line = process.stderr.readline()
            waited = time.monotonic() - begin
        finally:
            process.kill()
    assert line == "workbench heads find: loading polyglot ...\n"
    assert waited < 2


def test_what_reads_a_run_names_it(run):
    for name in ("report", "explore"):
        assert run(name, "runs/none").stderr.splitlines()[0] == f"workbench {name}: reading runs/none ..."


def test_what_reads_a_corpus_names_it_before_it_looks_on_the_hub(run, monkeypatch):
    def load(*_, **__):
        raise Loaded

    monkeypatch.setattr("workbench.studies.tables.load_corpus", load)
    done = run("languages", "hf:owner/name:deu_Latn")
    assert isinstance(done.exception, Loaded)
    assert done.stderr == "workbench languages: reading hf:owner/name:deu_Latn ...\n"
    assert run("languages", "hf:owner/name:deu_Latn", "--quiet").stderr == ""
