"""The commands of studies, on a study that needs no model."""

import pytest

from tests.studies.study.toy import toys as _toys

toys = _toys
TOML = 'question = "How much?"\nmodels = ["polyglot"]\nseeds = [0, 1]\n[[analyses]]\nrun = "toy"\n'


@pytest.fixture
def study(tmp_path, toys):
    path = tmp_path / "sums.toml"
    path.write_text(TOML, encoding="utf-8")
    return path


def test_init_writes_a_file_that_can_be_checked(run, tmp_path):
    path = tmp_path / "heads.toml"
    assert run("study", "init", "heads", path).exit_code == 0
    done = run("study", "check", path, "--no-probe")
    assert done.exit_code == 0 and "3 jobs, 3 analyses of 1 models" in done.stdout
    assert run("study", "init", "heads", path).stderr.startswith("CannotWrite: ")
    assert run("study", "init", "nothing", tmp_path / "b.toml").stderr.startswith("BadArgument: ")


def test_a_study_is_checked_run_followed_and_reported(run, study, tmp_path):
    out = tmp_path / "out"
    done = run("study", "check", study)
    assert done.exit_code == 0 and "2 jobs, 4 results" in done.stdout
    done = run("study", "run", study, "--out", out)
    assert done.exit_code == 0 and done.stdout.splitlines()[-1] == str(out / "report.html")
    assert "finished" in run("study", "status", out).stdout
    assert run("study", "report", out).exit_code == 0
    for ending, start in ((".csv", "job,state"), (".tex", "\\begin{tabular}"), (".tsv", "job\tstate")):
        assert run("study", "status", out, "--table", tmp_path / f"a{ending}", "--quiet").exit_code == 0
        assert (tmp_path / f"a{ending}").read_text().startswith(start)
    done = run("runs", "query", "select seed, count(*) n from runs group by all order by 1", out)
    assert done.exit_code == 0 and "n" in done.stdout
    assert run("runs", "table", out, "--analysis", "none").stderr.startswith("BadArgument: ")


def test_shares_merge_to_the_whole(run, study, tmp_path):
    run("study", "run", study, "--out", tmp_path / "whole", "--quiet")
    for number in (1, 2):
        run("study", "run", study, "--out", tmp_path / str(number), "--shard", f"{number}/2", "--quiet")
    done = run("study", "diff", tmp_path / "1", tmp_path / "whole")
    assert done.exit_code == 1 and "missing" in done.stdout
    assert run("study", "resume", tmp_path / "1", "--shard", "1/2", "--quiet").exit_code == 0
    assert run("study", "merge", tmp_path / "1", tmp_path / "2", "--out", tmp_path / "both").exit_code == 0
    done = run("study", "diff", tmp_path / "both", tmp_path / "whole")
    assert done.exit_code == 0 and "equal, bit for bit" in done.stdout


@pytest.mark.parametrize("shard", ["3", "0/2", "3/2", "a/b"])
def test_a_share_that_is_none_is_refused(run, study, tmp_path, shard):
    done = run("study", "run", study, "--out", tmp_path / "out", "--shard", shard)
    assert done.exit_code == 2 and done.stderr.splitlines()[-1].startswith("BadArgument: --shard ")


def test_what_is_wrong_is_a_line(run, tmp_path):
    (tmp_path / "a.toml").write_text("question = 3", encoding="utf-8")
    for command in (("run", tmp_path / "a.toml"), ("resume", tmp_path), ("status", tmp_path), ("report", tmp_path)):
        done = run("study", *command)
        assert done.exit_code == 2 and done.stderr.splitlines()[-1].startswith("BadStudy: "), command
