"""Shares that were run apart are, put together, the whole run bit for bit."""

import json

import numpy as np
import pytest

from tests.studies.study.toy import plan
from tests.studies.study.toy import toys as _toys
from workbench.errors import BadResult, BadStudy
from workbench.results.files import load_result
from workbench.studies.study.difference import diff
from workbench.studies.study.folder import status
from workbench.studies.study.merge import merge
from workbench.studies.study.run import run_jobs

pytestmark = pytest.mark.usefixtures("toys")
toys = _toys
STUDY = plan(seeds=[0, 1, 2], limit=2)


@pytest.fixture
def shares(tmp_path):
    folders = [tmp_path / f"share {number}" for number in (1, 2)]
    for number, folder in enumerate(folders, start=1):
        assert run_jobs(STUDY, folder, shard=(number, 2), progress=False) == {}
    return folders


def test_shares_are_the_whole(tmp_path, shares):
    run_jobs(STUDY, tmp_path / "whole", progress=False)
    assert (status(shares[0]).state == "finished").sum() < 6
    out = merge(shares, tmp_path / "merged")
    assert (status(out).state == "finished").all()
    assert not len(diff(tmp_path / "whole", out))
    for path in sorted((tmp_path / "whole").rglob("*.nc")):
        twin = load_result(out / path.relative_to(tmp_path / "whole"))
        assert np.array_equal(load_result(path).total.values, twin.total.values)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.nc")}
    assert run_jobs(STUDY, out, progress=False) == {}  # nothing is left to run
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.nc")} == before
    merge(shares, out)  # what is there stays
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.nc")} == before


def test_a_job_that_is_not_finished_is_not_taken(tmp_path, shares):
    for folder in shares:
        (folder / "seed-0/toy/job.json").unlink(missing_ok=True)
    out = merge(shares, tmp_path / "merged")
    assert status(out).state["seed-0/toy"] == "waiting"
    assert not (out / "seed-0/toy").exists()


def test_other_studies_are_refused(tmp_path, shares):
    run_jobs(plan(seeds=[0], limit=3), tmp_path / "other", progress=False)
    with pytest.raises(BadStudy, match="not shares of one study"):
        merge([shares[0], tmp_path / "other"], tmp_path / "merged")
    with pytest.raises(BadStudy, match="not the folder of a study"):
        merge([shares[0], tmp_path], tmp_path / "merged")
    with pytest.raises(BadStudy, match="none"):
        merge([], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_a_damaged_result_is_refused_and_its_job_is_not_finished(tmp_path, shares):
    for folder in shares:
        for path in folder.glob("seed-0/toy/second.nc"):
            path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadResult, match=r"second\.nc"):
        merge(shares, tmp_path / "merged")
    assert not (tmp_path / "merged/seed-0/toy/job.json").exists()
    assert json.loads((shares[0] / "study.json").read_text())["seeds"] == [0, 1, 2]
