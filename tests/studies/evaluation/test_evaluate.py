"""The study of tasks: its cells, its report, its command, and what it refuses."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import workbench as wb
from tests.models import save
from workbench.cli import app
from workbench.errors import BadArgument, BadTask
from workbench.results.make import make_result
from workbench.studies.evaluation.barriers import run_barriers
from workbench.studies.evaluation.evaluate import run_evaluate
from workbench.studies.findings.evaluation import edits as findings

ROWS = [
    {"id": str(n), "language": language, "context": f"{language} {n}", "options": ["ab", "cd"], "gold": n % 2}
    for language in ("de", "ja")
    for n in range(6)
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Folders and files: a model, two tasks, and groups of heads."""
    folder = tmp_path_factory.mktemp("evaluate")
    save("llama", folder / "tiny")
    for name in ("first", "second"):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, ROWS)) + "\n", encoding="utf-8")
    model = wb.load_model(str(folder / "tiny"))
    corpus = wb.load_corpus({"de": ["Ein Hund", "Ein Haus"], "ja": ["dog ha", "house"]})
    wb.save_result(wb.heads.importance(model, corpus, progress=False), folder / "groups.nc")
    return folder


def test_two_tasks_under_groups_make_a_report(files, tmp_path):
    tasks = [str(files / "first.jsonl"), str(files / "second.jsonl")]
    groups = str(files / "groups.nc")
    folder = run_evaluate(str(files / "tiny"), tasks, out=tmp_path / "run", groups=groups, controls=2)
    names = {path.name for path in folder.glob("*.nc")}
    of_task = [f"{task}_jsonl{part}.nc" for task in ("first", "second") for part in ("", "_consistency", "_under")]
    assert names == {*of_task, "tasks.nc"}
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "in which languages are the answers right?" in page and "points of accuracy" in page
    result = wb.load_result(folder / "first_jsonl.nc")
    again = wb.evaluation.accuracy(wb.load_model(str(files / "tiny")), wb.load_task(tasks[0]), progress=False)
    assert result.score.values == pytest.approx(again.score.values, abs=1e-5)
    effects = wb.load_result(folder / "first_jsonl_under.nc")
    assert effects.group.values.tolist() == ["de", "ja"] and effects.sizes["control"] == 2


def test_the_command_prints_a_table_and_the_paths(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["evaluate", str(files / "tiny"), str(files / "first.jsonl"), "--format", "letters", "--table", "t.tsv"]
    done = CliRunner().invoke(app, [*words, "--languages", "ja", "--limit", "4", "--out", "run"])
    assert done.exit_code == 0, done.output
    assert "Japanese" in done.stdout and "run/first_jsonl.nc" in done.stdout and "run/report.html" in done.stdout
    assert (tmp_path / "t.tsv").read_text(encoding="utf-8").startswith("language\taccuracy\t")
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "--format letters" in page


def test_written_answers_stand_beside_choices(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sums = [{"id": row["id"], "language": row["language"], "context": row["context"], "gold": 4} for row in ROWS]
    (tmp_path / "sums.jsonl").write_text("\n".join(map(json.dumps, sums)) + "\n", encoding="utf-8")
    words = ["evaluate", str(files / "tiny"), "sums.jsonl", str(files / "first.jsonl"), "--tokens", "3", "--shots", "1"]
    done = CliRunner().invoke(app, [*words, "--format", "question", "--out", "run"])
    assert done.exit_code == 0, done.output
    result = wb.load_result(tmp_path / "run" / "sums_jsonl.nc")
    assert result.attrs["item_kind"] == "generate" and result.sizes["item"] == 5
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "whose written answer is right" in page and "hold any right one" in page
    with pytest.raises(BadTask, match="compares options"):
        run_evaluate(str(files / "tiny"), str(tmp_path / "sums.jsonl"), out=tmp_path / "a", format="letters")
    with pytest.raises(BadTask, match="with groups, options are compared"):
        run_evaluate(str(files / "tiny"), "sums.jsonl", out=tmp_path / "a", groups=str(files / "groups.nc"))
    with pytest.raises(BadTask, match="in none of these tasks is an answer written"):
        run_evaluate(str(files / "tiny"), str(files / "first.jsonl"), out=tmp_path / "a", tokens=3)


@pytest.mark.parametrize(("measure", "noun"), [("agreement", "agreement"), ("consistency", "consistency")])
def test_the_command_measures_agreement_under_groups(files, tmp_path, monkeypatch, measure, noun):
    monkeypatch.chdir(tmp_path)
    groups = str(files / "groups.nc")
    words = ["evaluate", str(files / "tiny"), str(files / "first.jsonl"), "--groups", groups, "--controls", "2"]
    done = CliRunner().invoke(app, [*words, "--measure", measure, "--out", "run"])
    assert done.exit_code == 0, done.output
    made = wb.load_result(tmp_path / "run" / "first_jsonl_under.nc")
    model, task = wb.load_model(str(files / "tiny")), wb.load_task(files / "first.jsonl")
    again = wb.evaluation.under(
        model, task, wb.load_result(groups), measure=measure, controls=2, batch_size=8, progress=False
    )
    assert made.attrs["measure"] == measure
    assert made.delta.values == pytest.approx(again.delta.values) and made.excess.values == pytest.approx(
        again.excess.values
    )
    shown, after = done.stdout.split("accuracy", 1)
    assert shown.count("without German") == shown.count("without Japanese") == 2, "a row for each group and language"
    assert "random mean" in shown and "label prior" in after and "without German" not in after
    report = json.loads((tmp_path / "run" / "report.json").read_text(encoding="utf-8"))
    headline = findings.under(made, wb.load_result(tmp_path / "run" / "first_jsonl_consistency.nc")).answer
    assert report["answer"] == headline and report["question"].startswith("What does each language lose under an edit")
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "<th>beyond random</th>" in page
    assert f"Points of {noun} with the other languages without each group of heads" in page
    assert "points of accuracy" not in page.lower() and f"--measure {measure}" in page


def test_directions_are_added_in_turn(files, tmp_path):
    model = wb.load_model(str(files / "tiny"))
    vectors = np.random.default_rng(0).normal(size=(2, model.n_layers, model.d_model))
    axes = ("language", "layer", "d")
    made = make_result(
        {"direction": (axes, vectors, "direction")}, {"language": ["de", "ja"]}, method="test", parameters={}
    )
    wb.save_result(made, tmp_path / "directions.nc")
    run = {"groups": str(tmp_path / "directions.nc"), "controls": 2}
    folder = run_evaluate(str(files / "tiny"), str(files / "first.jsonl"), out=tmp_path / "run", **run)
    effects = wb.load_result(folder / "first_jsonl_under.nc")
    assert effects.attrs["unit"] == "direction" and effects.group.values.tolist() == ["de", "ja"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "what does each language lose with a direction added?" in page
    assert "Points of accuracy with each direction added, beyond random directions" in page


def test_what_cannot_be_measured_is_refused(files, tmp_path):
    with pytest.raises(BadTask, match="there is no file at"):
        run_evaluate(str(files / "tiny"), "no.jsonl", out=tmp_path / "a")
    with pytest.raises(BadArgument, match="measure='agreement' is measured under edits; give groups"):
        run_evaluate(str(files / "tiny"), "words", out=tmp_path / "a", measure="agreement")
    alone = {"languages": "de", "groups": str(files / "groups.nc"), "measure": "consistency"}
    with pytest.raises(BadTask, match="consistency compares what is picked for the same item in two languages"):
        run_evaluate(str(files / "tiny"), str(files / "first.jsonl"), out=tmp_path / "a", **alone)
    with pytest.raises(BadArgument, match="each with a name of its own"):
        run_evaluate(str(files / "tiny"), ["words", "words"], out=tmp_path / "b")


def test_aligned_tasks_are_compared_between_languages(files, tmp_path):
    folder = run_evaluate(str(files / "tiny"), str(files / "first.jsonl"), out=tmp_path / "run")
    made = wb.load_result(folder / "first_jsonl_consistency.nc")
    again = wb.evaluation.consistency(wb.load_result(folder / "first_jsonl.nc"))
    assert made.agreement.values == pytest.approx(again.agreement.values, nan_ok=True)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "do picks agree across languages beyond what the accuracies imply?" in page
    assert "Do not rank models by agreement / accuracy (relative), which falls" in page and "`relative`" not in page


@pytest.mark.parametrize(
    "changed",
    [{"id": "other"}, {"options": ["ab", "cd", "ef"]}, {"gold": [0, 1]}],
    ids=["unaligned", "options", "gold"],
)
def test_tasks_whose_picks_mean_different_things_are_not_compared(files, tmp_path, changed):
    rows = [{**ROWS[0], **changed}, *ROWS[1:]]
    if "gold" in changed:  # several right options, alike in both languages
        rows = [{**row, **changed} if row["id"] == "0" else row for row in rows]
    path = tmp_path / "task.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    folder = run_evaluate(str(files / "tiny"), str(path), out=tmp_path / "run")
    assert not (folder / "task_jsonl_consistency.nc").exists() and (folder / "report.html").exists()


def test_tasks_from_rows_differ_by_their_content(files, tmp_path):
    other = [{**row, "gold": 0} for row in ROWS]
    both = run_evaluate(str(files / "tiny"), {"as it is": ROWS, "zero": other}, out=tmp_path / "both")
    one, two = (wb.load_result(both / f"{name}.nc") for name in ("as_it_is", "zero"))
    assert one.gold.values.tolist() != two.gold.values.tolist() and (both / "tasks.nc").exists()
    for rows, expected in ((ROWS, one), (other, two)):  # the same name and folder: nothing of the first is taken
        folder = run_evaluate(str(files / "tiny"), {"quiz": wb.load_task(rows)}, out=tmp_path / "run")
        assert wb.load_result(folder / "quiz.nc").gold.values.tolist() == expected.gold.values.tolist()
        made = run_barriers(str(files / "tiny"), rows, out=tmp_path / "mixed", pivot="de", variants="question")
        accuracy = wb.load_result(made / "barriers.nc").pivot_accuracy.item()
        assert (
            accuracy
            == wb.evaluation.barriers(
                wb.load_model(str(files / "tiny")),
                wb.load_task(rows),
                pivot="de",
                variants=["question"],
                progress=False,
            ).pivot_accuracy.item()
        )
    with pytest.raises(BadArgument, match="give names or files, or a dict of name -> rows or Task"):
        run_evaluate(str(files / "tiny"), ROWS, out=tmp_path / "a")
    with pytest.raises(BadArgument, match="give names or files, or a dict of name -> rows or Task"):
        run_evaluate(str(files / "tiny"), wb.load_task(ROWS), out=tmp_path / "a")
