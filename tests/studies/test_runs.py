"""Run folders: finished cells are not computed again, interrupted ones keep what they have."""

import signal
import warnings

import numpy as np
import pytest

from workbench.errors import BadResult, CannotWrite, Interrupted, WorkbenchWarning
from workbench.results.files import load_result, save_result
from workbench.results.make import make_result
from workbench.results.resuming import progress
from workbench.studies import runs
from workbench.studies.runs import COMMAND, open_run, run_folder


def result(value):
    return make_result({"x": (("layer",), np.full(3, value), "x")}, {}, method="test", parameters={})


def progress_of(folder):
    (path,) = folder.glob(".a-????????????.progress")
    return path.name


def never():
    raise AssertionError("this cell was to be read from its file")


def test_a_finished_cell_is_read_from_its_file(tmp_path):
    first = open_run(tmp_path / "run")
    made = first.cell("a", {"seed": 0}, lambda: result(1.0))
    again = open_run(tmp_path / "run")
    found = again.cell("a", {"seed": 0}, never)
    assert found.identical(made)
    assert (first.computed, first.reused) == (["a"], [])
    assert (again.computed, again.reused) == ([], ["a"])


@pytest.mark.parametrize("change", ["key", "version"])
def test_another_key_is_another_cell(tmp_path, change, monkeypatch):
    open_run(tmp_path).cell("a", {"seed": 0}, lambda: result(1.0))
    run = open_run(tmp_path)
    if change == "version":
        monkeypatch.setattr("workbench.__version__", "9")
    found = run.cell("a", {"seed": 1 if change == "key" else 0}, lambda: result(2.0))
    assert found.x.values[0] == 2
    assert load_result(tmp_path / "a.nc").x.values[0] == 2


def test_a_cell_records_its_command(tmp_path):
    with run_folder(tmp_path, "workbench heads find a b --out runs/h") as run:
        run.cell("a", {}, lambda: result(1.0))
    with run_folder(tmp_path) as run:
        run.cell("b", {}, lambda: result(1.0))
    assert load_result(tmp_path / "a.nc").attrs[COMMAND] == "workbench heads find a b --out runs/h"
    assert COMMAND not in load_result(tmp_path / "b.nc").attrs


def test_an_interrupted_cell_is_kept_and_named(tmp_path):
    run = open_run(tmp_path)
    run.cell("a", {}, lambda: result(1.0))

    def stop():
        raise Interrupted("2 of 3 are finished", partial=result(np.nan))

    with pytest.raises(Interrupted) as caught:
        run.cell("b", {}, stop)
    text = str(caught.value)
    assert text.startswith("b: 2 of 3 are finished; kept in ")
    assert f"finished cells in {tmp_path}: a;" in text
    assert load_result(tmp_path / "b.partial.nc").identical(caught.value.partial)
    again = open_run(tmp_path)
    again.cell("b", {}, lambda: result(2.0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nc", "b.nc"]


def test_ctrl_c_before_the_first_result(tmp_path):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"b: stopped before its first result; finished cells in .*: none"):
        open_run(tmp_path).cell("b", {}, stop)
    assert not list(tmp_path.iterdir())


def test_a_broken_result_is_left_alone(tmp_path):
    (tmp_path / "a.nc").write_bytes(b"no NetCDF")
    with pytest.raises(BadResult, match="choose another folder"):
        open_run(tmp_path)
    assert (tmp_path / "a.nc").read_bytes() == b"no NetCDF"


def test_a_folder_in_the_place_of_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite):
        open_run(tmp_path / "file")


def test_a_cell_of_other_options_is_put_aside_and_comes_back(tmp_path):
    open_run(tmp_path).cell("a", {"limit": 12}, lambda: result(12.0))
    with pytest.warns(WorkbenchWarning, match=r"such files are kept in .*others"):
        open_run(tmp_path).cell("a", {"limit": 2}, lambda: result(2.0))
    assert load_result(tmp_path / "a.nc").x.values[0] == 2
    (aside,) = (tmp_path / "others").iterdir()
    assert load_result(aside).x.values[0] == 12
    with pytest.warns(WorkbenchWarning):
        found = open_run(tmp_path).cell("a", {"limit": 12}, never)
    assert found.x.values[0] == load_result(tmp_path / "a.nc").x.values[0] == 12
    (aside,) = (tmp_path / "others").iterdir()
    assert load_result(aside).x.values[0] == 2


def test_a_stopped_cell_goes_on_after_its_finished_steps(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "_LEAST", 0.0)
    monkeypatch.setattr(progress, "_SHARE", float("inf"))
    ran = []

    def compute(stop):
        values = np.zeros(5)
        for step in progress.resumed(range(5), {"values": values}):
            if step == stop:
                raise KeyboardInterrupt
            ran.append(step)
            values[step] = step
        return make_result({"x": (("layer",), values, "x")}, {}, method="test", parameters={})

    with pytest.raises(Interrupted, match="the same command continues from here"):
        open_run(tmp_path).cell("a", {"seed": 0}, lambda: compute(3))
    found = open_run(tmp_path).cell("a", {"seed": 0}, lambda: compute(None))
    assert ran == [0, 1, 2, 3, 4] and found.x.values.tolist() == ran
    assert [path.name for path in tmp_path.iterdir()] == ["a.nc"]
    with pytest.raises(Interrupted):
        open_run(tmp_path).cell("b", {"seed": 0}, lambda: compute(3))
    open_run(tmp_path).cell("b", {"seed": 1}, lambda: compute(None))  # of another seed: nothing is taken
    assert ran[5:] == [0, 1, 2, 0, 1, 2, 3, 4]


def test_a_study_has_its_folder_alone(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".a.nc.89abcdef.partial.nc").write_bytes(b"of a killed process")
    with run_folder(tmp_path / "run"):
        (tmp_path / "run" / ".a.nc.0123abcd.partial.nc").write_bytes(b"of a killed process")
        with pytest.raises(CannotWrite, match="another run is writing into"), run_folder(tmp_path / "run"):
            raise AssertionError("two at a time")
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".a.nc.0123abcd.partial.nc"]


def test_a_stop_between_a_result_and_what_was_kept_of_it_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "_LEAST", 0.0)
    monkeypatch.setattr(progress, "_SHARE", float("inf"))

    def compute():
        values = np.zeros(2)
        for step in progress.resumed(range(2), {"values": values}):
            values[step] = step
        return make_result({"x": (("layer",), values, "x")}, {}, method="test", parameters={})

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(runs.Run, "_tidy", lambda self, *_: signal.raise_signal(signal.SIGINT))
        open_run(tmp_path).cell("a", {}, compute)
    assert sorted(path.name for path in tmp_path.iterdir()) == [progress_of(tmp_path), "a.nc"]
    open_run(tmp_path).cell("a", {}, never)
    assert [path.name for path in tmp_path.iterdir()] == ["a.nc"]


def test_a_link_in_the_folder_leads_nowhere(tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text("precious")

    for name in (".lock", "others", ".a-0123456789ab.progress"):
        folder = tmp_path / name.strip(".")
        folder.mkdir()
        (folder / name).symlink_to(mine if name != "others" else tmp_path)
        with pytest.raises(CannotWrite), run_folder(folder):
            raise AssertionError("a link was followed")
        assert mine.read_text() == "precious"


@pytest.mark.parametrize("name", ["others", ".a-0123456789ab.progress"])
def test_what_stands_where_a_run_writes_is_refused_before_anything_is_computed(tmp_path, name):
    if name == "others":
        (tmp_path / name).write_text("")
    else:
        (tmp_path / name).mkdir()
    with pytest.raises(CannotWrite, match="remove it, or choose another folder"):
        open_run(tmp_path)


def test_other_options_leave_what_was_finished_of_these(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "_LEAST", 0.0)
    monkeypatch.setattr(progress, "_SHARE", float("inf"))
    ran = []

    def compute(stop=None):
        values = np.zeros(4)
        for step in progress.resumed(range(4), {"values": values}):
            if step == stop:
                raise Interrupted("stopped", partial=result(np.nan))
            ran.append(step)
        return make_result({"x": (("layer",), values, "x")}, {}, method="test", parameters={})

    with pytest.raises(Interrupted):
        open_run(tmp_path).cell("a", {"limit": 12}, lambda: compute(3))
    open_run(tmp_path).cell("a", {"limit": 2}, compute)
    assert (tmp_path / "a.partial.nc").is_file()
    with pytest.warns(WorkbenchWarning, match="computed from something else"):
        open_run(tmp_path).cell("a", {"limit": 12}, compute)
    assert ran == [0, 1, 2, 0, 1, 2, 3, 3]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nc", "others"]


def test_a_save_that_fails_leaves_the_older_result_and_its_report(tmp_path, monkeypatch):
    open_run(tmp_path).cell("a", {"limit": 12}, lambda: result(12.0))
    (tmp_path / "report.json").write_text("{}")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(CannotWrite):
        patch.setattr("workbench.results.files.os.fsync", full)
        open_run(tmp_path).cell("a", {"limit": 2}, lambda: result(2.0))
    assert load_result(tmp_path / "a.nc").x.values[0] == 12 and (tmp_path / "report.json").is_file()
    with pytest.warns(WorkbenchWarning):
        open_run(tmp_path).cell("a", {"limit": 2}, lambda: result(2.0))
    assert not (tmp_path / "report.json").is_file()
    assert len(list((tmp_path / "others").glob("report-*.json"))) == 1


def test_files_of_the_user_without_a_key_are_both_kept(tmp_path):
    for value in (1.0, 2.0):
        save_result(result(value), tmp_path / "a.nc")
        with pytest.warns(WorkbenchWarning):
            open_run(tmp_path).cell("a", {"seed": value}, lambda: result(9.0))
    values = sorted(load_result(path).x.values[0] for path in (tmp_path / "others").iterdir())
    assert values == [1, 2]


def test_a_damaged_file_aside_is_computed_again(tmp_path):
    for limit in (12, 2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            open_run(tmp_path).cell("a", {"limit": limit}, lambda: result(1.0))
    (aside,) = (tmp_path / "others").iterdir()
    aside.write_bytes(aside.read_bytes()[:500])
    with pytest.warns(WorkbenchWarning, match="it is computed again"):
        found = open_run(tmp_path).cell("a", {"limit": 12}, lambda: result(5.0))
    assert found.x.values[0] == 5
