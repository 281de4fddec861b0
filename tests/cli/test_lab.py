"""`workbench lab`: lists, runs, prints the table, and refuses."""

import pytest

from tests.studies.laboratories.cases import result

GIVEN = []


def quickly(base="polyglot", *, trained=("de", "ja"), seeds=3, quick=False, progress=True, seed=0, **rest):
    """A laboratory without a training."""
    GIVEN.append({"base": base, "seeds": seeds, "quick": quick, "seed": seed, **rest})
    return result(0.5)


@pytest.fixture(autouse=True)
def _one(monkeypatch):
    GIVEN.clear()
    monkeypatch.setattr("workbench.studies.laboratories.registry.laboratories", lambda: {"more_from_less": quickly})


def test_list(run, tmp_path):
    done = run("lab", "list", "--table", "t.tsv")
    assert done.exit_code == 0, done.output
    assert "more_from_less" in done.stdout
    assert (tmp_path / "t.tsv").read_text(encoding="utf-8").startswith("laboratory\tquestion\nmore_from_less\t")


def test_all_print_the_table(run, tmp_path):
    given = ("lab", "all", "--quick", "--seeds", "2", "--out", "run")
    done = run(*given, "--table", "t.tsv")
    assert done.exit_code == 0, done.output
    assert "1 result to compute (more_from_less)" in done.stderr
    assert "more_from_less helps in 1 and hurts in 0" in done.stdout
    assert done.stdout.splitlines()[-3:] == ["run/more_from_less.nc", "run/report.html", "t.tsv"]
    header, *rows = (tmp_path / "t.tsv").read_text(encoding="utf-8").splitlines()
    assert header.split("\t") == [
        "laboratory",
        "measure",
        "unit",
        "change",
        "control",
        "its change",
        "excess",
        "low",
        "high",
        "verdict",
    ]
    assert len(rows) == 4 and rows[0].startswith("more_from_less\texact match\tpoints\t+50")
    assert [given["seeds"] for given in GIVEN] == [2]
    assert run(*given, "--quiet").stdout == "run/more_from_less.nc\nrun/report.html\n"
    assert len(GIVEN) == 1


def test_options_reach_the_laboratory(run, model):
    done = run("lab", "more_from_less", "--base", model, "--languages", "de,fr", "--seed", "3", "--no-inside", "-q")
    assert done.exit_code == 0, done.output
    (given,) = GIVEN
    assert given == {"base": model, "seeds": 3, "quick": False, "seed": 3, "languages": "de,fr"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nothing", "BadArgument: name='nothing'"),
        ("more_from_less --seeds 0", "BadArgument: seeds=0"),
        ("more_from_less --base none", "UnknownModel: "),
    ],
)
def test_refused(refused, given, message):
    assert message in refused("lab", *given.split())
    assert not GIVEN
