"""An entry of the atlas: the folder of a model's results, with the study that makes them again."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import xarray as xr

from workbench.errors import BadArgument, BadResult
from workbench.results.files import load_result

FORMAT = 1
RECORD = "entry.json"
STUDY = "study.toml"
PARTS = ("model", "licence", "corpora", "versions", "lacks", "results", "left_out")  # of the record
_KINDS = {"licence": str, "corpora": dict, "versions": dict, "lacks": list, "results": dict, "left_out": list}
_OF_RESULT = {"method", "bytes", "sha256", "rounding"}


@dataclass(frozen=True)
class Entry:
    """What the atlas holds of one model.

    Attributes:
        folder: Of its files: `entry.json`, `study.toml`, and a NetCDF file for each result.
        record: What `entry.json` says: `model` (name, architecture, revision, hash), `licence` of the weights,
            `corpora` (name: hash), `versions`, `lacks` (what an entry usually has, and this one not), `results` (name:
            method, bytes, rounding, and the relative error of large arrays) and `left_out`.
    """

    folder: Path
    record: Mapping[str, Any]

    @property
    def model(self) -> str:
        """Name of the model."""
        return str(self.record["model"]["name"])

    @cached_property
    def results(self) -> tuple[str, ...]:
        """Names of the results: `analysis/cell`, such as heads/ablation."""
        return tuple(self.record["results"])

    def load(self, result: str) -> xr.Dataset:
        """Load a result.

        Args:
            result: its name, such as heads/ablation; the cell alone, ablation, where one analysis alone has it.

        Raises:
            BadArgument: there is no such result, or several.
            BadResult: its file is missing or damaged.
        """
        return load_result(self.file(self.full_name(result)))

    def full_name(self, result: str) -> str:
        """The name of a result with its analysis.

        Raises:
            BadArgument: there is no such result, or several.
        """
        if result in self.results:
            return result
        alike = [name for name in self.results if name.partition("/")[2] == result]
        if len(alike) == 1:
            return alike[0]
        what = "several" if alike else "none"
        raise BadArgument(
            f"result={result!r}: {self.model} has {what} of this name (has: {', '.join(alike or self.results)})"
        )

    def file(self, result: str) -> Path:
        """The file of a result, by its whole name."""
        return self.folder / f"{result}.nc"


class ReadWhenUsed(Mapping[str, xr.Dataset]):
    """The results of an entry by their whole names; a file is read when its result is first used, and once."""

    def __init__(self, entry: Entry):
        self._entry = entry
        self._read: dict[str, xr.Dataset] = {}

    def __getitem__(self, name: str) -> xr.Dataset:
        if name not in self._read:
            if name not in self._entry.results:
                raise KeyError(name)
            self._read[name] = self._entry.load(name)
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entry.results

    def __iter__(self) -> Iterator[str]:
        return iter(self._entry.results)

    def __len__(self) -> int:
        return len(self._entry.results)


def short_name(model: str) -> str:
    """The name of a model in the atlas: of a folder its last part, of the hub `owner--name`."""
    path = Path(model).expanduser()
    return path.name if path.is_absolute() or path.exists() else model.replace("/", "--")


def read_entry(folder: str | Path) -> Entry:
    """Read the entry in a folder; its results are not loaded.

    Raises:
        BadResult: it is no entry, of another format, or its record is damaged.
    """
    path = Path(folder) / RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadResult(f"{folder} is no entry of an atlas: {RECORD}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise BadResult(f"{path} is damaged: {error}") from None
    if not isinstance(record, dict) or "format" not in record:
        raise BadResult(f"{path} is no record of an entry: it has no 'format'")
    if record["format"] != FORMAT:
        raise BadResult(f"{path} has the format {record['format']!r}, this workbench reads {FORMAT}")
    if missing := [part for part in PARTS if part not in record]:
        raise BadResult(f"{path} lacks {', '.join(missing)}")
    model, results = record["model"], record["results"]
    if not isinstance(model, dict) or not all(isinstance(model.get(part), str) for part in ("name", "hash")):
        raise BadResult(f"{path} does not name its model and its hash")
    if not all(isinstance(record[part], kind) for part, kind in _KINDS.items()):
        raise BadResult(f"{path} is no record of an entry: {', '.join(_KINDS)} are of other kinds")
    if odd := [name for name, part in results.items() if not isinstance(part, dict) or not part.keys() >= _OF_RESULT]:
        raise BadResult(f"{path} lacks {', '.join(sorted(_OF_RESULT))} of {odd[0]!r}")
    if odd := [name for name in results if ".." in name.split("/") or name.startswith("/")]:
        raise BadResult(f"{path} names a result outside its folder: {odd[0]!r}")
    return Entry(Path(folder), record)
