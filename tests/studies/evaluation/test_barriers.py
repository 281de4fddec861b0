"""The study of barriers: its cell equals the call, and its report has the odd option beside the losses."""

import pytest

import workbench as wb
from workbench.errors import BadTask
from workbench.studies import run_barriers

QUIET = wb.studies.Options(progress=False)


def test_the_cell_is_the_public_call_and_the_pivot_need_not_be_named(tmp_path):
    how = {"variants": ["options", "gt"], "format": "cloze"}
    folder = run_barriers("polyglot", "words", languages="de,fr", limit=3, out=tmp_path / "run", options=QUIET, **how)
    made = wb.load_result(folder / "barriers.nc")
    task = wb.load_task("words", languages="en,de,fr", limit=3)
    again = wb.evaluation.barriers(wb.load_model(), task, progress=False, **how)
    for name in ("accuracy", "drop", "odd_bias", "balanced"):
        assert made[name].values == pytest.approx(again[name].values, nan_ok=True), name
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Is the one option in another language picked more often than by chance?" in page
    assert "--variants options,gt --format cloze" in page


def test_shots_that_leave_no_item_are_refused(tmp_path):
    with pytest.raises(BadTask, match="no item is left"):
        run_barriers("polyglot", "words", languages="de", limit=2, shots=2, out=tmp_path / "run", options=QUIET)
