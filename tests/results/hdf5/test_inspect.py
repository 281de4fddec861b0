"""Result files of others: nothing outside them is read, memory stays small, and honest files still load."""

import os
import subprocess
import sys
import zlib
from types import SimpleNamespace

import h5py
import numpy as np
import psutil
import pytest
import xarray as xr

import workbench as wb
from tests import hostile
from tests.hostile_files import results
from tests.hostile_files.results import honest
from workbench.errors import BadResult

WHY = {
    "external_storage": "a dataset whose values are in other files",
    "external_link": "a link into another file",
    "external_link_in_group": r"a link into another file \('/below/more'\)",
    "soft_link": "a soft link",
    "dangling_link": "a soft link",
    "virtual_dataset": "a virtual dataset",
    "huge_chunked": r"declares 6,00\d,\d+,\d+ bytes",
    "huge_contiguous": r"declares 6,000,\d+,\d+ bytes",
    "huge_value": r"declares 2,000,\d+,\d+ bytes",
    "huge_chunk": r"declares 2,000,\d+,\d+ bytes",
    "long_chunk": "longer than the 1,024 bytes",
    "shared_text": "declares",
    "layout_wide": r"declares 1,200,\d+,\d+ bytes",
    "endless_heap": "a heap of texts in it is damaged",
    "sealed_wide": r"declares 1,200,\d+,\d+ bytes",
    "cycle": "appears in several places",
    "many_names": "appears in several places",
    "deep_groups": "too deep",
    "compound": "neither numbers, booleans nor text",
    "opaque": "neither numbers, booleans nor text",
    "references": "neither numbers, booleans nor text",
    "lists": "neither numbers, booleans nor text",
    "enumeration": "not of booleans",
    "named_type": "neither a group nor a dataset",
    "compound_attribute": "neither numbers, booleans nor text",
    "other_filter": "a filter other than gzip",
    "not_a_number_of_format": "no attribute 'format'",
    "a_folder": "there is no result file",
    "long_name": "File name too long",
    "plain_netcdf": "no attribute 'format'",
}


@pytest.mark.parametrize("build", hostile.RESULTS, ids=lambda build: build.__name__)
def test_a_hostile_result_is_refused_with_its_reason(tmp_path, build):
    with pytest.raises(
        BadResult, match=WHY.get(build.__name__, "changed or damaged since it was saved: its")
    ) as refused:
        wb.load_result(build(tmp_path))
    assert results.SECRET.decode() not in str(refused.value)
    assert len(str(refused.value)) < 1000


def test_hostile_results_take_little_memory(tmp_path):
    paths = [str(build(tmp_path)) for build in hostile.RESULTS]
    program = (
        "import resource, sys, workbench as wb\n"
        "wb.load_result(sys.argv[1])\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for path in sys.argv[2:]:\n"
        "    try: wb.load_result(path)\n"
        "    except wb.errors.BadResult: pass\n"
        "    else: print(path)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(honest(tmp_path)), *paths], capture_output=True, text=True, check=True
    )
    (grown,) = ran.stdout.split()
    assert int(grown) * 1024 < 2.5e8, ran.stdout  # the largest text that is looked at is a block of 2**26 bytes


def test_a_chunk_is_unpacked_no_further_than_it_declares(tmp_path, monkeypatch):
    path = honest(tmp_path)
    with h5py.File(path, "a") as file:
        more = file.create_dataset("more", (2**17,), "u1", chunks=(2**17,), compression="gzip")
        more.id.write_direct_chunk((0,), zlib.compress(bytes(2**26)))  # 64 KB, less than the chunk declares
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**27))
    with pytest.raises(BadResult, match="longer than the 131,072 bytes that it declares"):
        wb.load_result(path)


def test_what_does_not_fit_into_the_free_memory_is_refused(tmp_path, monkeypatch):
    path = wb.save_result(wb.load_result(honest(tmp_path)).assign(more=("n", np.ones(10**6))), tmp_path / "b.nc")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=4 * 10**6))
    with pytest.raises(BadResult, match=r"declares 8,\d+,\d+ bytes; .* it may take 1,000,000"):
        wb.load_result(path)


def test_an_honest_result_that_packs_well_is_loaded(tmp_path):
    result = wb.load_result(honest(tmp_path)).assign(
        zeros=(("row", "column"), np.zeros((2**13, 2**10))),
        ones=("flag", np.ones(10**5, bool)),
        words=("flag", np.full(10**5, "word", dtype="<U600")),
    )
    packing = {"zlib": True, "complevel": 9, "shuffle": True, "fletcher32": True}
    plain = result.assign(words=("flag", result.words.values.astype(object)))
    packings = {"zeros": packing, "ones": packing, "words": {"zlib": True}}
    plain.to_netcdf(tmp_path / "b.nc", engine="h5netcdf", encoding=packings)
    assert (tmp_path / "b.nc").stat().st_size < 3e6  # of 67 MB
    xr.testing.assert_equal(wb.load_result(tmp_path / "b.nc"), plain)
    loaded = wb.load_result(wb.save_result(result, tmp_path / "c.nc"))
    assert loaded.words.dtype == np.dtype("<U600")
    xr.testing.assert_identical(loaded, result)


def test_texts_without_any_are_loaded(tmp_path):
    result = wb.load_result(honest(tmp_path)).isel(item=slice(0, 0)).assign_coords(item=np.zeros(0, "<U2"))
    xr.testing.assert_identical(wb.load_result(wb.save_result(result, tmp_path / "b.nc")), result)


def test_other_honest_netcdf_is_loaded(tmp_path):
    result = wb.load_result(honest(tmp_path))
    result["counts"] = ("wide", np.array([1.5, 2.5, np.nan]))  # an axis without labels
    result.attrs["names"] = ["a", "bc"]
    scaled = {"counts": {"dtype": "int16", "scale_factor": 0.5, "_FillValue": -1}}
    result.to_netcdf(tmp_path / "b.nc", engine="h5netcdf", encoding=scaled, unlimited_dims=["wide"])
    xr.DataArray([1, 2]).to_dataset(name="inner").to_netcdf(
        tmp_path / "b.nc", group="below", mode="a", engine="h5netcdf"
    )
    loaded = wb.load_result(tmp_path / "b.nc")
    xr.testing.assert_equal(loaded, result)
    assert list(loaded.attrs["names"]) == ["a", "bc"]


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.nc")
    with pytest.raises(BadResult, match="there is no result file"):
        wb.load_result(tmp_path / "a.nc")
