"""A file whose bytes were changed gives what was saved or is refused, whatever was changed."""

import json

import h5py
import numpy as np
import pytest
import xarray as xr

from workbench.errors import BadResult
from workbench.results.files import load_result, save_result
from workbench.results.make import make_result


def result():
    generator = np.random.default_rng(0)
    return make_result(
        {
            "delta": (("language", "head"), generator.normal(size=(2, 30)), "change [nats]"),
            "count": (("language",), np.array([3, 4]), "texts"),
            "member": (("language", "head"), generator.random((2, 30)) > 0.5, "member"),
            "text": (("language",), np.array(["für", "日本"], dtype=object), "text"),
            "single": ((), np.float32(0.5), "one number"),
        },
        {"language": ["de", "ja"]},
        method="test",
        parameters={"a": 1},
        attrs={"share": 0.25, "count": 3},
    )


def test_every_flipped_bit_is_refused_or_changes_nothing(tmp_path):
    made = result()
    path = save_result(made, tmp_path / "a.nc")
    content = path.read_bytes()
    generator = np.random.default_rng(1)
    refused = 0
    for place in generator.choice(len(content) * 8, 400, replace=False):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << (place % 8)
        path.write_bytes(bytes(changed))
        try:
            found = load_result(path)
        except BadResult:
            refused += 1
        else:
            assert found.identical(made), place
    assert refused > 20  # most of a small file is empty


@pytest.mark.parametrize("what", ["value", "label", "text", "attribute", "unit", "seal", "dropped", "added"])
def test_what_was_edited_is_named(tmp_path, what):
    path = save_result(result(), tmp_path / "a.nc")
    with h5py.File(path, "r+") as file:
        if what == "value":
            file["delta"][1, 3] = 0.0129
        if what == "label":
            file["language"][0] = "fr"
        if what == "text":
            file["text"][1] = "other"
        if what == "attribute":
            file.attrs["share"] = 0.75
        if what == "unit":
            file["delta"].attrs["units"] = "bits"
        if what == "seal":
            seal = json.loads(file.attrs["seal"])
            file.attrs["seal"] = json.dumps({"layout": seal["layout"]})
        if what == "dropped":
            del file["count"]
        if what == "added":
            file.attrs["more"] = 1
    with pytest.raises(BadResult, match="changed or damaged since it was saved"):
        load_result(path)


def test_older_files_and_those_of_xarray_are_read(tmp_path):
    made = result()
    made.to_netcdf(tmp_path / "plain.nc", engine="h5netcdf")
    assert load_result(tmp_path / "plain.nc").delta.equals(made.delta)
    path = save_result(made, tmp_path / "old.nc")
    with h5py.File(path, "r+") as file:
        file.attrs["layout"] = json.dumps(json.loads(file.attrs["seal"])["layout"])
        del file.attrs["seal"]
    assert load_result(path).identical(made)


@pytest.mark.parametrize(
    "values", [np.array([np.nan, -0.0, np.inf]), np.arange(3, dtype=">i4"), np.array([], dtype=np.float16)]
)
def test_odd_values_pass(tmp_path, values):
    made = result().assign(odd=xr.DataArray(values, dims="odd_axis", attrs={"long_name": "odd", "n": 3, "empty": ""}))
    found = load_result(save_result(made, tmp_path / "a.nc")).odd.values
    assert np.array_equal(found, values, equal_nan=True) and np.array_equal(np.signbit(found), np.signbit(values))
    assert found.dtype.newbyteorder("=") == values.dtype.newbyteorder("=")
