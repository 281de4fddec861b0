"""Inspect a result file before reading: no references to other files, no more declared data than it can contain.

HDF5 follows links, external storage and virtual datasets into other files of the machine, and allocates what a dataset
declares, not what it stores. So the file is traversed with h5py's low-level API, which follows nothing.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
from h5py import h5a, h5d, h5g, h5l, h5o, h5t, h5z  # pyright: ignore[reportAttributeAccessIssue] (compiled, without types)

from workbench.errors import BadResult
from workbench.results.hdf5.declared import Declared
from workbench.results.hdf5.packed_text import check_layout, check_texts

_DEPTH = 16  # nested groups; a result has none, other NetCDF files a few
_FILTERS = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32}
_SCALES = {
    b"DIMENSION_LIST": h5t.VLEN,
    b"REFERENCE_LIST": h5t.COMPOUND,
}  # attributes with which NetCDF links axes to their labels
_LONGEST_NUMBER = {h5t.INTEGER: 8, h5t.ENUM: 8, h5t.FLOAT: 16}  # bytes
_LINKS = {h5l.TYPE_SOFT: "a soft link", h5l.TYPE_EXTERNAL: "a link into another file"}


def inspect(path: Path) -> None:
    """Reject a result file that reads other files or declares more memory than it can contain.

    Raises:
        BadResult: no such file, no permission, damaged, or with links, types, filters or sizes that no result has.
    """
    size = _size(path)
    try:
        with h5py.File(path, "r") as file:
            if file.id.get_create_plist().get_sizes() != (8, 8):
                raise _refused(path, "/", "addresses of another width than eight bytes")
            declared = Declared(path, size)
            datasets, attributes = _contents(file, path)
            for name, dataset in datasets:
                declared.add(name, dataset)
            declared.check()
            check_texts(datasets, attributes, declared)
            check_layout(file, declared)
    except BadResult:
        raise
    except Exception as error:  # HDF5 raises many types at a damaged file
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> BadResult:
    """The error for a file that cannot be read."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return BadResult(f"{path} ({path.stat().st_size} bytes) is cut short or is not a NetCDF file: {reason}")


def _size(path: Path) -> int:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        status = None
    except OSError as error:
        raise BadResult(f"the result file {str(path)[:200]} cannot be read: {error.strerror}") from error
    if status is None or not stat.S_ISREG(status.st_mode):
        raise BadResult(f"there is no result file {path}; `save_result` writes one, such as runs/demo/heads.nc")
    if not os.access(path, os.R_OK):
        raise BadResult(f"the result file {path} cannot be read: Permission denied")
    return status.st_size


def _contents(file: Any, path: Path) -> tuple[list[tuple[str, Any]], list[tuple[str, Any]]]:
    """All datasets and attributes with their names, after a check that none refers to another file."""
    datasets, attributes, seen = [], [], set()
    waiting = [("/", file.id, 0)]
    while waiting:
        name, node, depth = waiting.pop()
        place = h5o.get_info(node).addr
        if place in seen or depth > _DEPTH:
            raise _refused(path, name, "a group or dataset that appears in several places, or is nested too deep")
        seen.add(place)
        for title, attribute in _attributes(name, node):
            _check_attribute(path, title, attribute)
            attributes.append((title, attribute))
        if isinstance(node, h5d.DatasetID):
            _check_dataset(path, name, node)
            datasets.append((name, node))
        else:
            group = node if isinstance(node, h5g.GroupID) else h5g.open(node, b"/")
            waiting += [(inner, item, depth + 1) for inner, item in _members(path, name, group)]
    return datasets, attributes


def _members(path: Path, name: str, group: Any) -> Iterator[tuple[str, Any]]:
    """Groups and datasets of a group, opened without following a link."""
    for key in group:
        inner = f"{name.rstrip('/')}/{key.decode('utf-8', 'replace')}"
        kind = group.links.get_info(key).type
        if kind != h5l.TYPE_HARD:
            raise _refused(path, inner, _LINKS.get(kind, "a link of an unknown kind"))
        member = h5o.open(group, key)
        if not isinstance(member, h5g.GroupID | h5d.DatasetID):
            raise _refused(path, inner, "neither a group nor a dataset")
        yield inner, member


def _attributes(name: str, node: Any) -> Iterator[tuple[str, Any]]:
    for index in range(h5a.get_num_attrs(node)):
        attribute = h5a.open(node, index=index)
        yield f"{name}@{attribute.name.decode('utf-8', 'replace')}", attribute


def _check_attribute(path: Path, title: str, attribute: Any) -> None:
    kind = attribute.get_type()
    if _SCALES.get(attribute.name) == kind.get_class() and _is_reference(kind):
        return
    _check_type(path, title, kind)


def _is_reference(kind: Any) -> bool:
    """Whether a type links axes as NetCDF does: lists of references, or pairs of a reference and an axis."""
    if kind.get_class() == h5t.VLEN:
        return kind.get_super().get_class() == h5t.REFERENCE
    inner = [kind.get_member_type(number).get_class() for number in range(kind.get_nmembers())]
    return inner == [h5t.REFERENCE, h5t.INTEGER]


def _check_dataset(path: Path, name: str, dataset: Any) -> None:
    stored = dataset.get_create_plist()
    if stored.get_layout() not in (h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED):
        raise _refused(path, name, "a virtual dataset, whose values are in other files")
    if stored.get_external_count():
        raise _refused(path, name, "a dataset whose values are in other files")
    filters = [stored.get_filter(number)[0] for number in range(stored.get_nfilters())]
    if not set(filters) <= _FILTERS or len(set(filters)) < len(filters):
        raise _refused(path, name, "a filter other than gzip, shuffle and fletcher32, once each")
    _check_type(path, name, dataset.get_type())


def _check_type(path: Path, name: str, kind: Any) -> None:
    type_class = kind.get_class()
    if type_class == h5t.STRING:
        return
    if type_class not in _LONGEST_NUMBER or kind.get_size() > _LONGEST_NUMBER[type_class]:
        raise _refused(path, name, "values that are neither numbers, booleans nor text")
    if type_class == h5t.ENUM and kind.dtype != bool:
        raise _refused(path, name, "an enumeration that is not of booleans")


def _refused(path: Path, name: str, what: str) -> BadResult:
    return BadResult(f"{path} holds {what} ({name[:200]!r}), which no result has; it was not read")
