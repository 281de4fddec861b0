"""The commands `workbench merge` write what the library writes, and refuse in one line."""

import json

import pytest

import workbench as wb
from tests.merging import folders

PAIR = ("polyglot-aligned", "polyglot")


def data(folder):
    return (folder / folders.WEIGHTS).read_bytes()


def test_swap(run, tmp_path):
    done = run(
        "merge",
        "swap",
        *PAIR,
        "--layers",
        "2*language,mean,2*task,base",
        "--base",
        "polyglot",
        "--ends",
        "task",
        "--out",
        "swapped",
        "--quiet",
    )
    assert (done.exit_code, done.stdout, done.stderr) == (0, "swapped\n", "")
    pair = wb.merging.pair("polyglot", *PAIR)
    places = ["language", "language", "mean", "task", "task", "base"]
    expected = wb.merging.swap(pair, places, ends="task", out=tmp_path / "expected", progress=False)
    assert data(tmp_path / "swapped") == data(expected)


def test_swap_by_numbers(run, tmp_path):
    done = run("merge", "swap", *PAIR, "--bottom", "6", "--seams", "0", "--out", "out")
    assert done.exit_code == 0
    made = "layers 0 language, 1 to 4 task, 5 language; ends language (language polyglot, task polyglot-aligned)"
    assert done.stdout.splitlines() == [made, "out"]
    record = json.loads((tmp_path / "out" / "merge.json").read_text())
    assert record["parameters"]["layers"] == wb.merging.layer_map(6, bottom=6, seams=0)


def test_combine(run, tmp_path):
    done = run(
        "merge",
        "combine",
        *PAIR,
        "--base",
        "polyglot",
        "--how",
        "dare",
        "--density",
        "0.5",
        "--weights",
        "1,0.5",
        "--rescale",
        "norm",
        "--dtype",
        "float32",
        "--seed",
        "3",
        "--out",
        "out",
    )
    assert done.exit_code == 0
    made = "dare, weights 1 and 0.5, density 0.5, dtype float32, rescale norm, seed 3"
    models = "(base polyglot, task polyglot-aligned, language polyglot)"
    assert done.stdout.splitlines() == [f"{made} {models}", "out"]
    pair = wb.merging.pair("polyglot", *PAIR)
    how = {"density": 0.5, "weights": [1.0, 0.5], "rescale": "norm", "dtype": "float32", "seed": 3, "progress": False}
    assert data(tmp_path / "out") == data(wb.merging.combine(pair, "dare", out=tmp_path / "expected", **how))


@pytest.mark.parametrize("command", ["combine", "swap"])
def test_the_same_model_twice_is_warned_of(run, command):
    done = run("merge", command, "polyglot", "polyglot", "--out", "out")
    assert done.exit_code == 0
    assert "Warning: 'polyglot' and 'polyglot' are the same model: there is nothing to merge" in done.stderr


def test_revert(run, tmp_path):
    done = run("merge", "revert", *PAIR, "--groups", "ends,3:q,0", "--out", "out")
    assert done.exit_code == 0
    made = "put back ends, 3:q, 0 (expert polyglot-aligned, base polyglot)"
    assert done.stdout.splitlines() == [made, "out"]
    groups = ["ends", (3, "q"), 0]
    expected = wb.merging.revert(*PAIR, groups, out=tmp_path / "expected", progress=False)
    assert data(tmp_path / "out") == data(expected)


def test_compare(run, tmp_path):
    done = run("merge", "compare", *PAIR, "--languages", "de,fr", "--limit", "4", "--table", "table.tsv")
    assert done.exit_code == 0, done.stderr
    assert "polyglot, German" in done.stdout
    folder = next((tmp_path / "runs").glob("merge-compare-polyglot-aligned-polyglot-words-*"))
    assert wb.load_result(folder / "compare.nc").attrs["first"] == "polyglot-aligned"
    assert (tmp_path / "table.tsv").read_text().startswith("model, language\taccuracy\tchange\t")
    files = ["0_polyglot_aligned.nc", "1_polyglot.nc", "compare.nc", "report.html"]
    assert done.stdout.splitlines()[-5:] == [
        *(str(folder.relative_to(tmp_path) / name) for name in files),
        "table.tsv",
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("swap", *PAIR, "--layers", "x*task"), "BadArgument: --layers x*task: 'x*task' is no place"),
        (
            ("swap", *PAIR, "--layers", "6*task", "--top", "3"),
            "BadArgument: --layers says where every layer comes from",
        ),
        (("swap", *PAIR, "--layers", "5*task"), "BadArgument: layers has 5 entries"),
        (("swap", "polyglot", "none/x/y"), "UnknownModel: 'none/x/y' is not a GGUF file, and not a folder"),
        (
            ("combine", *PAIR, "--weights", "1;2"),
            "BadArgument: --weights='1;2'; give numbers with commas",
        ),
        (
            ("combine", *PAIR, "--how", "ties"),
            "BadArgument: how='ties' needs the model that both were tuned from: give it as base, or with --base",
        ),
        (("revert", *PAIR, "--groups", "9:q"), "BadArgument: groups: 'polyglot-aligned' has no (9, 'q')"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run, tmp_path, given, message):
    done = run("merge", *given, "--out", "out", "--quiet")
    assert done.exit_code == 2 and done.stderr.startswith(message) and done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_difference(run, tmp_path):
    tuned = folders.tuned(folders.BASE, tmp_path / "tuned", 1)
    given = ("polyglot", "polyglot-aligned", tuned, "--top", "0.1", "--floor", "polyglot", "--out", "run")
    done = run("merge", "difference", *given, "--table", "t.tsv", "--quiet")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["run/difference.nc", "run/report.html", "t.tsv"]
    pair = wb.merging.pair("polyglot", "polyglot-aligned", tuned)
    expected = wb.merging.difference(pair, top=0.1, floor="polyglot", progress=False)
    assert wb.load_result("run/difference.nc").drop_attrs().identical(expected.drop_attrs())
    header, first, *_ = (tmp_path / "t.tsv").read_text(encoding="utf-8").splitlines()
    assert header.split("\t")[:4] == ["weights", "size, task", "size, language", "size, floor"]
    assert first.split("\t")[:2] == ["layer 0 q", str(round(float(expected["size"][0, 0, 0]), 4))]
    shown = run("merge", "difference", *given)
    assert shown.exit_code == 0 and "layer 0 q" in shown.stdout
    answer, *paths = shown.stdout.splitlines()[-3:]
    assert paths == ["run/difference.nc", "run/report.html"]
    assert answer.startswith("Relative to the weights before, changes are largest in "), "the report's answer"


def test_importance(run, tmp_path):
    given = ("polyglot-aligned", "polyglot", "--task", "words,words:en", "--groups", "q,3:down,ends")
    how = ("--languages", "de,ja", "--limit", "6", "--out", "run", "--table", "t.tsv")
    done = run("merge", "importance", *given, *how, "--quiet")
    assert (done.exit_code, done.stderr) == (0, "")
    made = wb.load_result("run/importance.nc")
    assert made.task.values.tolist() == ["words", "words_en"]
    assert made.group.values.tolist() == ["q", "layer 3 down", "ends"]
    rows = [line.split("\t")[0] for line in (tmp_path / "t.tsv").read_text(encoding="utf-8").splitlines()]
    assert rows == ["put back", "q", "layer 3 down", "ends", "all"]
    shown = run("merge", "importance", *given, *how)
    assert shown.exit_code == 0 and "layer 3 down" in shown.stdout
    assert shown.stdout.splitlines()[-3:] == ["run/importance.nc", "run/report.html", "t.tsv"]
