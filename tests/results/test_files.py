import errno
import os
import resource
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from workbench.errors import BadArgument, BadResult, CannotWrite
from workbench.results.files import write_whole
from workbench.results.make import make_result, provenance

# Two NaNs with payloads of their own, a negative zero, a subnormal number, the infinities.
BITS = np.array([0x7FF8DEAD00000001, 0xFFF8000000000000, 1 << 63, 1, 0x7FF0000000000000, 0xFFF0000000000000], np.uint64)


def everything():
    six = ("item",)
    return make_result(
        {
            "float64": (six, BITS.view(np.float64), "any bits [seconds]"),
            "float32": (
                six,
                np.array([np.nan, -0.0, 1e-45, 1 / 3, np.inf, 3.4e38], np.float32),
                "[days since 2000-01-01]",
            ),
            "int64": (six, np.array([2**63 - 1, -(2**63), 0, -1, 2**53 + 1, 7]), "counts"),
            "uint8": (six, np.array([255, 0, 1, 2, 3, 4], np.uint8), "bytes"),
            "bool": (six, np.array([True, False] * 3), "membership"),
            "text": (six, np.array(["", "specific", "日本語", "हिन्दी", "a b", "ß"]), "roles"),
            "wide": (six, np.array(["a"] * 6, dtype="<U32"), "text wider than it needs"),
            "object": (six, np.array(["", "x", "y", "z", "日", "w"], dtype=object), "text as objects"),
            "table": (("language", "item"), np.arange(18).reshape(3, 6).astype(bool), "two axes"),
            "number": ((), np.float64(0.1), "no axis"),
            "word": ((), np.array("word"), "no axis"),
            "empty": (("nothing",), np.zeros(0), "no values"),
        },
        {"language": ["ar", "zh-Hant", "ja"], "item": [10, 20, 30, 40, 50, 60], "nothing": []},
        method="test",
        parameters={"text": "ü" * 70_000},
        attrs={"lam": 0.1, "count": 3, "note": "", "name": "日本"},
    )


def same_bits(one, other):
    xr.testing.assert_identical(one, other)
    assert list(one.variables) == list(other.variables)
    for name, variable in one.variables.items():
        assert variable.dtype == other[name].dtype, name
        assert variable.dims == other[name].dims, name
        if variable.dtype != object:
            assert variable.values.tobytes() == other[name].values.tobytes(), name
    assert {key: type(value) for key, value in one.attrs.items()} == {
        key: type(value) for key, value in other.attrs.items()
    }
    for name in one.indexes:
        assert one.indexes[name].equals(other.indexes[name])


def test_a_saved_result_is_loaded_equal_bit_for_bit(tmp_path):
    result = everything()
    before = result.copy(deep=True)
    path = wb.save_result(result, tmp_path / "deep" / "folder" / "a.nc")
    assert path == tmp_path / "deep" / "folder" / "a.nc"
    loaded = wb.load_result(path)
    same_bits(result, loaded)
    same_bits(result, before)
    assert provenance(loaded)["parameters"] == {"text": "ü" * 70_000}
    same_bits(wb.load_result(wb.save_result(loaded, tmp_path / "b.nc")), result)


def test_a_part_of_a_loaded_result_can_be_saved(tmp_path):
    part = wb.load_result(wb.save_result(everything(), tmp_path / "a.nc")).isel(item=slice(1, 3))
    same_bits(wb.load_result(wb.save_result(part, tmp_path / "b.nc")), part)


def test_nothing_keeps_the_file_open_or_remains_beside_it(tmp_path):
    path = wb.save_result(everything(), tmp_path / "a.nc")
    loaded = wb.load_result(path)
    path.unlink()
    assert loaded.float64.shape == (6,)
    assert list(tmp_path.iterdir()) == []


def test_a_file_may_be_read_by_all_as_any_other(tmp_path):
    path = wb.save_result(everything(), tmp_path / "a.nc")
    plain = tmp_path / "plain"
    plain.write_text("")
    assert path.stat().st_mode == plain.stat().st_mode


def test_plain_xarray_writes_and_reads_results_too(tmp_path):
    result = everything()[["float32", "int64", "bool", "text"]]
    result.to_netcdf(tmp_path / "a.nc")
    xr.testing.assert_identical(wb.load_result(tmp_path / "a.nc"), result)
    wb.save_result(result, tmp_path / "b.nc")
    opened = xr.load_dataset(tmp_path / "b.nc", decode_times=False, decode_timedelta=False)
    xr.testing.assert_equal(opened, result)


def test_what_is_no_result_file_is_refused(tmp_path):
    path = tmp_path / "a.nc"
    with pytest.raises(BadResult, match=r"there is no result file .*a\.nc"):
        wb.load_result(path)
    with pytest.raises(BadResult, match="there is no result file"):
        wb.load_result(tmp_path)
    for content in (b"", b"hello", b"\x89HDF\r\n\x1a\n"):
        path.write_bytes(content)
        with pytest.raises(BadResult, match="cut short or is not a NetCDF file"):
            wb.load_result(path)
    xr.Dataset({"a": 1}).to_netcdf(path)
    with pytest.raises(BadResult, match="not a result of the workbench"):
        wb.load_result(path)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_short_is_refused(tmp_path, kept):
    path = wb.save_result(everything(), tmp_path / "a.nc")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(BadResult, match=r"a\.nc \(\d+ bytes\) is cut short"):
        wb.load_result(path)


def test_a_file_of_a_newer_workbench_says_so(tmp_path):
    result = everything()
    result.attrs["format"] = 7
    path = wb.save_result(result, tmp_path / "a.nc")
    with pytest.raises(BadResult, match=r"written by a newer workbench \(format 7, this one reads up to 2\); upgrade"):
        wb.load_result(path)


def test_what_netcdf_cannot_keep_is_refused(tmp_path):
    for values in (np.array([1, None], object), np.array(["2020-01-01"], "datetime64[ns]"), np.array([1j])):
        with pytest.raises(BadArgument, match="numbers, booleans and text"):
            wb.save_result(xr.Dataset({"a": ("x", values)}), tmp_path / "a.nc")
    assert list(tmp_path.iterdir()) == []


def no_space(*args, **options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("older", [None, b"an older file"])
@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
def test_a_full_disk_leaves_everything_as_it_was(tmp_path, monkeypatch, step, older):
    path = tmp_path / "a.nc"
    if older:
        path.write_bytes(older)
    result = everything()
    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (Path, step)), no_space)
    with pytest.raises(CannotWrite, match=r"cannot write .*a\.nc: No space left on device; nothing was changed; free"):
        wb.save_result(result, path)
    monkeypatch.undo()
    assert [file.name for file in tmp_path.iterdir()] == (["a.nc"] if older else [])
    assert not older or path.read_bytes() == older


def test_a_write_that_really_stops_halfway_leaves_everything_as_it_was(tmp_path):
    path = tmp_path / "a.nc"
    path.write_bytes(b"an older file")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(CannotWrite, match="File too large; nothing was changed"):
            wb.save_result(everything(), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"an older file"
    assert [file.name for file in tmp_path.iterdir()] == ["a.nc"]


def test_a_key_press_while_writing_leaves_everything_as_it_was(tmp_path, monkeypatch):
    def interrupt(handle):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a.html", "text")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_no_files(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CannotWrite, match="Not a directory; nothing was changed; make it writable, or choose another"):
        wb.save_result(everything(), tmp_path / "file" / "folder" / "a.nc")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CannotWrite, match="Is a directory"):
        wb.save_result(everything(), tmp_path / "folder")

    def read_only(*args, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    result = everything()
    monkeypatch.setattr(Path, "open", read_only)
    with pytest.raises(CannotWrite, match="Permission denied"):
        wb.save_result(result, tmp_path / "a.nc")
    monkeypatch.undo()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder"]


def test_text_and_bytes_are_written_whole(tmp_path):
    assert write_whole(tmp_path / "a" / "b.html", "日本").read_text(encoding="utf-8") == "日本"
    assert write_whole(tmp_path / "a" / "b.html", b"\x00\xff").read_bytes() == b"\x00\xff"
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["b.html"]


@pytest.mark.parametrize("longest", [10, 32, 40])
def test_compressed_classes_take_little_and_come_back(tmp_path, longest):
    names = np.array(["", "specific", "日本語", "ß", "a\tb ", "x" * longest])
    values = np.random.default_rng(0).choice(names, (40, 100)).astype(f"<U{longest}")
    made = make_result(
        {"kind": (("layer", "neuron"), values, "class")},
        {"layer": np.arange(40), "neuron": np.arange(100)},
        method="test",
        parameters={},
    )
    plain, small = (wb.save_result(made, tmp_path / f"{own}.nc", compress=own) for own in (False, True))
    for path in (plain, small):
        same_bits(wb.load_result(path), made)
    if longest <= 32:
        assert small.stat().st_size < plain.stat().st_size / 4
