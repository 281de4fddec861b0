"""The runner of studies: the folder first, then the cells in order, then the report with its own command."""

from pathlib import Path

import numpy as np
import pytest

from workbench.errors import Busy, CannotWrite
from workbench.results.files import load_result
from workbench.results.make import make_result
from workbench.results.resuming.lock import locked
from workbench.studies.analysis import Analysis, Cell, Parts, analysis, compute_cells, compute_part
from workbench.studies.findings.finding import Finding
from workbench.studies.options import DEFAULTS, Options
from workbench.studies.report import Section
from workbench.studies.report.store import load_report
from workbench.studies.runs import run_folder

RAN = []


def result(value):
    RAN.append(value)
    return make_result({"x": (("layer",), np.full(2, value), "x")}, {}, method="test", parameters={})


@analysis("heads find", only_python=("secret",))
def run_numbers(
    model: str, *, out: str | Path, by: float = 2.0, secret: int = 0, options: Options = DEFAULTS
) -> Analysis:
    """Multiply."""
    RAN.append("built")
    return Analysis(
        title=f"Numbers of {model}",
        question="How much?",
        cells=[
            Cell("first", {"seed": options.seed}, lambda _: result(3.0), works=[]),
            Cell("second", {"by": by}, lambda results: result(by * float(results["first"].x[0])), works=[]),
        ],
        sections=lambda results: [
            Section(name, None, None, "", Finding(f"{name}: {float(part.x[0]):g}."), {}, f"{name}.nc")
            for name, part in results.items()
        ],
        main=("second",),
        beside=lambda run, results: (run.folder / "more.txt").write_text(", ".join(results)),
    )


@pytest.fixture(autouse=True)
def _forget():
    RAN.clear()


def test_cells_are_computed_in_order_once_and_reported(tmp_path):
    assert run_numbers("m", out=tmp_path / "run", by=5.0) == tmp_path / "run"
    assert RAN == ["built", 3.0, 15.0]
    report = load_report(tmp_path / "run")
    assert (report.title, report.question, report.answer) == ("Numbers of m", "How much?", "second: 15.")
    assert report.recipe.command == "workbench heads find m --by 5.0 --out runs/run"
    assert (tmp_path / "run" / "more.txt").read_text() == "first, second"
    for name in ("first", "second"):
        assert load_result(tmp_path / "run" / f"{name}.nc").attrs["command"] == report.recipe.command
    run_numbers("m", out=tmp_path / "run", by=5.0)
    assert RAN[3:] == ["built"]


def test_only_what_changed_is_computed_again(tmp_path):
    run_numbers("m", out=tmp_path)
    with pytest.warns(match="computed from something else"):
        run_numbers("m", out=tmp_path, by=7.0)
    assert RAN == ["built", 3.0, 6.0, "built", 21.0]


def test_what_is_to_compute_and_what_is_there_is_printed_first(tmp_path, capfd):
    def line(**given):
        run_numbers("m", out=tmp_path, **given)
        return capfd.readouterr().err

    assert line() == "2 results to compute (first, second)\n"
    assert line() == "0 results to compute; 2 are there already\n"
    with pytest.warns(match="computed from something else"):
        assert line(by=7.0) == "1 result to compute (second); 1 is there already\n"
        assert line(by=2.0) == "0 results to compute; 2 are there already\n"  # from the folder of others
    assert line(options=Options(progress=False)) == ""


def test_nothing_is_loaded_for_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite):
        run_numbers("m", out=tmp_path / "file")
    assert not RAN


def test_what_a_command_cannot_do_has_no_command(tmp_path):
    run_numbers("m", out=tmp_path, secret=1)
    assert load_report(tmp_path).recipe.command == ""
    assert "run_numbers('m', secret=1, out=" in load_report(tmp_path).recipe.call
    assert "command" not in load_result(tmp_path / "first.nc").attrs


def test_what_all_studies_take_is_in_the_documentation_of_each():
    assert run_numbers.__doc__.startswith("Multiply.") and "out: the run folder" in run_numbers.__doc__


def divided(values):
    """A cell whose parts are one value each, and whose Result is their sum."""
    parts = Parts(
        tuple(values),
        lambda name: Cell("sum", {"of": name}, lambda _: result(values[name])),
        lambda results: result(sum(float(part.x[0]) for part in results)),
    )
    return Cell("sum", {"of": list(values)}, lambda _: result(float(sum(values.values()))), parts=parts)


def summed(folder, values):
    with run_folder(folder) as run:
        return float(compute_cells(run, [divided(values)])["sum"].x[0])


def test_a_divided_cell_is_the_merge_of_its_parts_which_are_then_removed(tmp_path):
    values = {"a": 1.0, "b": 2.0, "c": 4.0}
    assert summed(tmp_path / "whole", values) == 7.0 and RAN == [7.0]
    for name in ("a", "b"):
        assert float(compute_part(tmp_path / "run", divided(values), name).x[0]) == values[name]
    assert load_result(tmp_path / "run" / "parts" / "sum" / "a" / "sum.nc").x[0] == 1.0
    RAN.clear()
    assert summed(tmp_path / "run", values) == 7.0
    assert RAN == [4.0, 7.0]  # what no worker computed, and the merge
    assert not (tmp_path / "run" / "parts").exists()
    assert summed(tmp_path / "run", values) == 7.0 and RAN == [4.0, 7.0]


def test_a_part_of_something_else_is_computed_again(tmp_path):
    assert compute_part(tmp_path, divided({"a": 1.0}), "a").x[0] == 1.0
    other = Cell("sum", {"of": "other"}, lambda _: result(5.0))
    again = Cell("sum", {}, lambda _: result(0.0), parts=Parts(("a",), lambda _: other, lambda parts: parts[0]))
    with pytest.warns(match="computed from something else"):
        assert compute_part(tmp_path, again, "a").x[0] == 5.0


def test_a_part_that_another_process_computes_is_not_computed_twice(tmp_path):
    with locked(tmp_path / "parts" / "sum" / "a"), pytest.raises(Busy):
        summed(tmp_path, {"a": 1.0, "b": 2.0})
    assert RAN == []
    assert summed(tmp_path, {"a": 1.0, "b": 2.0}) == 3.0


def test_parts_are_written_into_no_linked_folder(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "parts").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CannotWrite, match="is a link"):
        summed(tmp_path / "run", {"a": 1.0})
