"""Every bad input is refused with one line on stderr and exit code 2."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import pytest
import torch
from safetensors.torch import load_file, save_file

import workbench.heads.scores.ablation as ablation
from workbench.results.files import load_result

ROOT = Path(__file__).parent.parent.parent


def test_in_a_shell(tmp_path):
    command = [sys.executable, "-m", "workbench.cli", "languages", "parallel", "--languages", "de,xx"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("UnknownLanguage: 'xx' is not in parallel (has: ar, de, en")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["no-such-model", "./nowhere", "nobody/nothing"])
def test_unknown_model(refused, corpus, name):
    assert refused("heads", name, corpus).startswith(f"UnknownModel: '{name}'")


@pytest.fixture
def broken(model, tmp_path):
    """A copy of the model folder, to be broken."""
    return Path(shutil.copytree(model, tmp_path / "broken"))


def test_folder_without_config(refused, broken):
    (broken / "config.json").unlink()
    assert refused("check", broken).startswith(f"BrokenModel: '{broken}' has no config.json")


def test_folder_without_tokenizer(refused, broken):
    (broken / "tokenizer.json").unlink()
    assert "has no tokenizer" in refused("check", broken)


def test_truncated_weights(refused, broken):
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert refused("check", broken).startswith("BrokenModel: ")


def test_nan_weights(refused, broken, corpus):
    weights = load_file(broken / "model.safetensors")
    name = sorted(weights)[0]
    weights[name].view(-1)[7] = torch.nan
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    line = refused("heads", broken, corpus)
    assert line.startswith("BrokenModel: ")
    assert name in line


@pytest.mark.parametrize("command", ["heads", "neurons"])
def test_unknown_language(refused, model, corpus, command):
    line = refused(command, model, corpus, "--languages", "de,xx")
    assert line == f"UnknownLanguage: 'xx' is not in {corpus} (has: de, fr, ja)"


@pytest.mark.parametrize("command", ["heads", "neurons"])
def test_one_language(refused, model, corpus, command):
    line = refused(command, model, corpus, "--languages", "de")
    assert line.startswith("TooFewLanguages: this study compares languages and needs at least two")
    assert refused("demo", "--model", model, "--corpus", corpus, "--languages", "de").startswith("TooFewLanguages: ")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "BadCorpus: "),
        ("de\tfr\nMüsli\tmuesli\n".encode("latin-1"), "BadCorpus: "),
        (b"de\tfr\na b\tc d\nonly one\n", "BadCorpus: "),
        (b"de\tfr\na b\tc d\tand one more\n", "BadCorpus: "),
        (b"name\tvalue\na b\tc d\n", "BadCorpus: "),
    ],
    ids=["empty", "encoding", "too few cells", "too many cells", "no language"],
)
def test_broken_texts(refused, model, tmp_path, content, says):
    path = tmp_path / "bad.tsv"
    path.write_bytes(content)
    line = refused("heads", model, path)
    assert line.startswith(says)
    assert str(path) in line


def test_missing_texts_and_pairs(refused, model, tmp_path):
    assert refused("neurons", model, tmp_path / "none.tsv").startswith("BadCorpus: there is no corpus")
    assert refused("patch", model, tmp_path / "none.tsv").startswith("BadPairs: ")
    assert refused("patch", model, "words:de").startswith("BadPairs: 'words:de' does not name two languages")
    assert refused("patch", model, "words:de-xx").startswith("UnknownLanguage: 'xx' is not in this word list")


def test_text_longer_than_the_context(refused, run, model, corpus):
    with Path(corpus).open("a", encoding="utf-8") as file:
        file.write(f"{'ab ' * 60}\tcourt\t短い文\n")
    line = refused("heads", model, corpus)
    assert line.startswith("TooLarge: text 4 in 'de' has 181 tokens, the model takes 128")
    assert run("neurons", model, corpus, "--truncate", "--quiet").exit_code == 0


def test_folder_that_cannot_be_written_is_refused_before_anything_is_read(refused, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    line = refused("heads", "no-such-model", "no-such-corpus", "--out", tmp_path / "file" / "run")
    assert line.startswith("CannotWrite: cannot write ")
    read_only(monkeypatch)
    line = refused("demo", "--model", "no-such-model", "--out", tmp_path / "run")
    assert line.startswith("CannotWrite: ") and "Read-only file system" in line


def read_only(monkeypatch):
    def refuse(self, *_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)


def test_full_disk_while_saving(refused, model, corpus, tmp_path, monkeypatch):
    def full(descriptor):
        if os.fstat(descriptor).st_size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("workbench.results.files.os.fsync", full)
    line = refused("neurons", model, corpus, "--out", tmp_path / "run")
    assert line.startswith(f"CannotWrite: cannot write {tmp_path / 'run' / 'firing.nc'}: No space left on device")
    left = [path.name for path in (tmp_path / "run").iterdir()]
    assert all(name.startswith(".firing-") and name.endswith(".progress") for name in left)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_stop_in_a_sweep_keeps_what_is_finished(refused, run, model, corpus, tmp_path, monkeypatch, number):
    plain, calls = ablation.replace_heads, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 5:
            signal.raise_signal(number)
        return plain(*arguments)

    monkeypatch.setattr(ablation, "replace_heads", interrupted)
    out = tmp_path / "run"
    line = refused("heads", model, corpus, "--out", out, "--batch-size", "4")
    assert line.startswith("Interrupted: ablation: interrupted; ")
    assert f"kept in {out / 'ablation.partial.nc'}" in line
    assert "finished cells" in line and "importance_paper, importance_released, roles" in line
    partial = load_result(out / "ablation.partial.nc")
    assert partial.delta.notnull().any() and partial.delta.isnull().any()
    assert not (out / "ablation.nc").exists()
    monkeypatch.setattr(ablation, "replace_heads", plain)
    before = (out / "importance_paper.nc").stat().st_mtime_ns
    assert run("heads", model, corpus, "--out", out, "--quiet").exit_code == 0
    assert (out / "importance_paper.nc").stat().st_mtime_ns == before
    assert (out / "ablation.nc").exists() and not (out / "ablation.partial.nc").exists()


def test_ctrl_c_outside_a_sweep(refused, model, corpus, monkeypatch):
    monkeypatch.setattr("workbench.studies.options.load_corpus", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    assert refused("neurons", model, corpus).startswith("Interrupted: ")


def test_result_that_is_cut_short_or_newer(refused, run, model, corpus, tmp_path):
    out = tmp_path / "run"
    assert run("neurons", model, corpus, "--out", out, "--quiet").exit_code == 0
    whole = (out / "lape.nc").read_bytes()
    (out / "lape.nc").write_bytes(whole[: len(whole) // 2])
    line = refused("neurons", model, corpus, "--out", out)
    assert line.startswith(f"BadResult: {out / 'lape.nc'}") and "cut short" in line
    (out / "lape.nc").write_bytes(whole)
    with h5py.File(out / "lape.nc", "r+") as file:
        file.attrs["format"] = 7
    assert "newer workbench (format 7" in refused("neurons", model, corpus, "--out", out)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--batch-size", "0"),
        ("--batch-size", "many"),
        ("--seed", "-1"),
        ("--limit", "0"),
        ("--dtype", "int8"),
        ("--memory", "much"),
    ],
)
def test_impossible_options(refused, model, corpus, option, value):
    assert refused("neurons", model, corpus, option, value).startswith("BadArgument: ")


def test_unknown_device(refused, model):
    assert refused("check", model, "--device", "cuda:99").startswith("BadArgument: device 'cuda:99' cannot be used")


def test_no_memory(refused, model, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 TB.\nmore")

    monkeypatch.setattr("workbench.studies.options.load_model", fail)
    assert refused("check", model).startswith("TooLarge: memory ran out")


def test_debug_shows_the_traceback(run):
    done = run("--debug", "languages", "nowhere.tsv")
    assert done.exit_code == 2
    assert "Traceback" in done.stderr and done.stderr.splitlines()[-1].startswith("BadCorpus: ")


def test_config_that_is_not_json(refused, broken):
    (broken / "config.json").write_text(json.dumps({"model_type": "llama"})[:-1])
    assert refused("check", broken).startswith("BrokenModel: ")


@pytest.mark.parametrize(
    ("command", "given", "said"),
    [
        (("heads",), ("--languages", "de,de"), "languages='de,de' has de twice"),
        (("heads",), ("--limit", "0"), "limit=0; give a whole number from 1"),
        (("heads",), ("--limit", "-3"), "limit=-3; give a whole number from 1"),
        (("heads", "knockout"), ("--controls", "-1"), "controls=-1; give a whole number from 0"),
        (("heads", "knockout"), ("--share", "2"), "share=2.0; give a finite number above 0 and at most 1"),
        (("heads", "knockout"), ("--share", "nan"), "share=nan; give a finite number"),
        (("neurons", "stages"), ("--top-rate", "-1"), "top_rate=-1.0; give a finite number above 0 and at most 1"),
    ],
)
def test_values_without_a_meaning(refused, model, corpus, tmp_path, command, given, said):
    line = refused(*command, model, corpus, *given, "--out", tmp_path / "run")
    assert line.startswith(f"BadArgument: {said}")
