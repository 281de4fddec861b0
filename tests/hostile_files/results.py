"""Result files that lead elsewhere, declare more than they hold, or hold what no result has."""

import json
import zlib

import h5py
import numpy as np
import xarray as xr

import workbench as wb
from workbench.results.make import make_result

SECRET = b"SECRET-OF-THE-READER"


def honest(folder, name="a.nc"):
    """A result with a number and a text for each of three items."""
    values = {
        "value": (("item",), np.arange(3.0), "values [nats]"),
        "text": (("item",), np.array(["a", "bc", "d"]), "t"),
    }
    return wb.save_result(make_result(values, {"item": [1, 2, 3]}, method="test", parameters={}), folder / name)


def _changed(folder, name, change):
    path = honest(folder, name)
    with h5py.File(path, "a") as file:
        change(file)
    return path


def _secret(folder):
    path = folder / "secret.bin"
    path.write_bytes(SECRET * 64)
    return path


def _another(folder):
    path = folder / "mine" / "mine.h5"
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        file["value"] = np.frombuffer(SECRET, np.uint8)
    return path


def external_storage(folder):
    """A dataset whose bytes lie in another file."""
    place = [(str(_secret(folder)), 0, 1280)]
    return _changed(folder, "storage.nc", lambda file: file.create_dataset("more", (1280,), "u1", external=place))


def external_link(folder):
    """A link to a dataset of another file."""
    other = h5py.ExternalLink(str(_another(folder)), "/value")
    return _changed(folder, "external.nc", lambda file: file.__setitem__("more", other))


def external_link_in_group(folder):
    """The same, in a group below the root."""
    other = h5py.ExternalLink(str(_another(folder)), "/value")
    return _changed(folder, "external_below.nc", lambda file: file.__setitem__("below/more", other))


def soft_link(folder):
    """A second name for a dataset of the file."""
    return _changed(folder, "soft.nc", lambda file: file.__setitem__("more", h5py.SoftLink("/value")))


def dangling_link(folder):
    """A name for nothing."""
    return _changed(folder, "dangling.nc", lambda file: file.__setitem__("more", h5py.SoftLink("/nowhere")))


def virtual_dataset(folder):
    """A dataset put together of another file's."""
    layout = h5py.VirtualLayout((20,), "u1")
    layout[:] = h5py.VirtualSource(_another(folder), "value", shape=(20,))
    return _changed(folder, "virtual.nc", lambda file: file.create_virtual_dataset("more", layout))


def huge_chunked(folder):
    """Six billion numbers in chunks of which none is stored."""
    options = {"chunks": (2**20,), "compression": "gzip", "fillvalue": 1}
    return _changed(folder, "chunked.nc", lambda file: file.create_dataset("more", (6 * 10**9,), "u1", **options))


def huge_contiguous(folder):
    """Six billion numbers of which none is stored."""
    return _changed(folder, "contiguous.nc", lambda file: file.create_dataset("more", (6 * 10**9,), "u1"))


def huge_value(folder):
    """One text of two gigabytes, fixed in width."""
    return _changed(folder, "value.nc", lambda file: file.create_dataset("more", (), "S2000000000"))


def huge_chunk(folder):
    """Ten numbers in a chunk of two gigabytes."""

    def change(file):
        file.create_dataset("more", (10,), "u1", chunks=(2 * 10**9,), maxshape=(None,), compression="gzip")

    return _changed(folder, "chunk.nc", change)


def long_chunk(folder):
    """A chunk of a kilobyte that unpacks to 128 megabytes."""

    def change(file):
        more = file.create_dataset("more", (1024,), "u1", chunks=(1024,), compression="gzip")
        more.id.write_direct_chunk((0,), zlib.compress(bytes(2**27)))

    return _changed(folder, "long_chunk.nc", change)


def shared_text(folder):
    """A million texts that are all the same megabyte."""

    def change(file):
        one = file.create_dataset("one", (1,), h5py.string_dtype(), chunks=(1,))
        one[0] = "x" * 2**20
        mask, place = one.id.read_direct_chunk((0,))
        many = file.create_dataset("more", (10**6,), h5py.string_dtype(), chunks=(10**6,), compression="gzip")
        many.id.write_direct_chunk((0,), zlib.compress(place * 10**6), mask)

    return _changed(folder, "shared.nc", change)


def endless_heap(folder):
    """A heap of texts whose first entry leads to itself."""
    path = honest(folder, "heap.nc")
    data = bytearray(path.read_bytes())
    place = data.index(b"GCOL") + 16
    data[place : place + 16] = bytes(16)
    path.write_bytes(data)
    return path


def _layout(name, layout):
    def build(folder):
        def change(file):
            file.attrs.pop("seal", None)  # as in files that have no checksums
            file.attrs["layout"] = layout if isinstance(layout, str) else json.dumps(layout)

        return _changed(folder, f"layout_{name}.nc", change)

    build.__name__, build.__doc__ = f"layout_{name}", f"A note of dtypes: {name}."
    return build


def _sealed(name, seal):
    def build(folder):
        text = seal if isinstance(seal, str) else json.dumps(seal)
        return _changed(folder, f"sealed_{name}.nc", lambda file: file.attrs.__setitem__("seal", text))

    build.__name__, build.__doc__ = f"sealed_{name}", f"A note of dtypes beside checksums: {name}."
    return build


def cycle(folder):
    """A group that holds itself."""

    def change(file):
        group = file.create_group("group")
        group["group"] = group

    return _changed(folder, "cycle.nc", change)


def many_names(folder):
    """One dataset under a thousand names."""

    def change(file):
        for number in range(1000):
            file[f"name{number}"] = file["value"]

    return _changed(folder, "names.nc", change)


def deep_groups(folder):
    """A group in a group, two thousand times."""
    return _changed(folder, "deep.nc", lambda file: file.create_group("/".join("g" * 2000)))


def _kind(name, build_kind):
    def build(folder):
        return _changed(folder, f"{name}.nc", lambda file: build_kind(file))

    build.__name__, build.__doc__ = name, f"Values of a type that no result has: {name}."
    return build


def _references(file):
    file.create_dataset("more", (1,), h5py.ref_dtype)[0] = file["value"].ref


def other_filter(folder):
    """A dataset packed by another filter than gzip."""
    return _changed(
        folder, "lzf.nc", lambda file: file.create_dataset("more", data=np.zeros(9), chunks=(9,), compression="lzf")
    )


def not_a_number_of_format(folder):
    """A format that is a list."""
    return _changed(folder, "format.nc", lambda file: file.attrs.__setitem__("format", np.arange(4)))


def a_folder(folder):
    """A folder with the name of a result."""
    (folder / "folder.nc").mkdir()
    return folder / "folder.nc"


def long_name(folder):
    """A name that is longer than a file system takes."""
    return folder / ("x" * 5000 + ".nc")


def plain_netcdf(folder):
    """NetCDF of someone else."""
    xr.Dataset({"a": 1}).to_netcdf(folder / "plain.nc")
    return folder / "plain.nc"


_PAIR = np.dtype([("a", "i4"), ("b", "i4")])
RESULTS = [
    external_storage,
    external_link,
    external_link_in_group,
    soft_link,
    dangling_link,
    virtual_dataset,
    huge_chunked,
    huge_contiguous,
    huge_value,
    huge_chunk,
    long_chunk,
    shared_text,
    endless_heap,
    _layout("wide", {"text": "<U100000000"}),
    _layout("endless", {"text": "<U" + "9" * 5000}),
    _layout("numbers", {"value": "<U3"}),
    _layout("other_type", {"text": "V2000000000"}),
    _layout("absent", {"nowhere": "O"}),
    _layout("list", ["text"]),
    _layout("no_json", "{"),
    _layout("deep", "[" * 10**5),
    _sealed("wide", {"layout": {"text": "<U100000000"}, "checksums": {}}),
    _sealed("other_type", {"layout": {"text": "V2000000000"}, "checksums": {}}),
    _sealed("list", {"layout": ["text"], "checksums": {}}),
    _sealed("without", {"checksums": {}}),
    _sealed("no_json", "{"),
    _sealed("deep", "[" * 10**5),
    cycle,
    many_names,
    deep_groups,
    _kind("compound", lambda file: file.create_dataset("more", data=np.zeros(3, _PAIR))),
    _kind("opaque", lambda file: file.create_dataset("more", data=np.zeros(3, "V7"))),
    _kind("references", _references),
    _kind("lists", lambda file: file.create_dataset("more", (3,), h5py.vlen_dtype("i4"))),
    _kind("enumeration", lambda file: file.create_dataset("more", (3,), h5py.enum_dtype({"a": 0, "b": 1}))),
    _kind("named_type", lambda file: file.__setitem__("more", np.dtype("f8"))),
    _kind("compound_attribute", lambda file: file.attrs.__setitem__("more", np.zeros(3, _PAIR))),
    other_filter,
    not_a_number_of_format,
    a_folder,
    long_name,
    plain_netcdf,
]
