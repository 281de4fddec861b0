"""Put a study's results into an atlas: validated, rounded, with what makes them again."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from workbench.arguments import checked
from workbench.atlas.contents import missing
from workbench.atlas.entry import FORMAT, RECORD, STUDY, Entry, short_name
from workbench.atlas.licences import check_licence
from workbench.atlas.narrow import relative, rounding, stored
from workbench.atlas.validate import problems
from workbench.errors import BadResult, BadStudy, warn
from workbench.results.files import save_result, write_whole
from workbench.results.make import origin
from workbench.results.writing.whole_folder import check_target, whole_folder
from workbench.studies.study.folder import plan_in, results_in
from workbench.studies.study.study import Study

LARGEST = 4 * 2**20  # bytes of an entry


@checked
def add(run: str | Path, study: str | Path, *, licence: str | None = None, folder: str | Path = "atlas") -> Entry:
    """Add the results of a study of one model to an atlas.

    Numbers are rounded to float32, but where the error is above a hundredth of half their interval; attention patterns
    and texts that a model wrote are left out. What an entry usually has and this study lacks is said in a warning.

    Args:
        run: the folder of a study that `workbench study run` finished.
        study: the study file that makes it again; it must say what the folder's own record says.
        licence: of the model's weights, such as Apache-2.0; known of models that are shipped or packaged.
        folder: the atlas; made where it is not there.

    Returns:
        The entry, in `folder/<model>`.

    Raises:
        BadArgument: no licence, or one that forbids to publish results.
        BadStudy: no such study, one of several models, corpora or seeds, or another than the folder's.
        BadResult: a result without provenance, labels or descriptions, with values outside their interval, or of
            another model; names all faults.
        CannotWrite: the model is in the atlas already, or the folder cannot be written.

    Example:
        >>> wb.atlas.add("runs/llama", "llama.toml", licence="Llama 3.2 Community License")      # doctest: +SKIP
    """
    run, study = Path(run).expanduser(), Path(study).expanduser()
    plan = plan_in(run)
    if json.loads(json.dumps(Study.read(study).record)) != json.loads(json.dumps(plan.record)):
        raise BadStudy(f"{study} is not the study that was run in {run}; give the file that made it")
    if len(plan.models) != 1:
        raise BadStudy(f"{study} is of {len(plan.models)} models; an entry is of one: run a study of each")
    if len(plan.corpora) > 1 or len(plan.seeds) > 1:
        raise BadStudy(f"{study} is of several corpora or seeds; an entry is of one of each")
    results = {f"{job.name}/{cell}": result for job, cell, result in results_in(run)}
    if not results:
        raise BadStudy(f"{run} has no finished result; `workbench study run {study}` makes them")
    faults = [fault for name, result in results.items() for fault in problems(name, result)]
    if faults:
        raise BadResult("; ".join(faults))
    model = _model(results)
    record = {
        "format": FORMAT,
        "model": model,
        "licence": check_licence(model["name"], licence),
        "corpora": _corpora(results),
        "versions": origin(next(iter(results.values())))["versions"],
        "lacks": missing(results),
    }
    target = Path(folder).expanduser() / model["name"]
    if record["lacks"]:
        warn(f"the entry of {model['name']} lacks {'; '.join(record['lacks'])}")
    return _written(target, record, results, study)


def _written(target: Path, record: Mapping[str, Any], results: Mapping[str, xr.Dataset], study: Path) -> Entry:
    """Write an entry, whole or not at all.

    Raises:
        CannotWrite: as `whole_folder`.
        BadResult: it is larger than an entry may be.
    """
    check_target(target, LARGEST)
    with whole_folder(target, LARGEST) as new:
        parts: dict[str, Any] = {}
        for name, result in results.items():
            narrow = stored(result)
            if narrow is None:
                continue
            path = save_result(narrow, new / f"{name}.nc", compress=True)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            own = {"method": str(result.attrs["method"]), "bytes": path.stat().st_size, "sha256": digest}
            parts[name] = {**own, "rounding": rounding(result, narrow), "relative": relative(narrow)}
        whole = {**record, "results": parts, "left_out": sorted(results.keys() - parts.keys())}
        if (size := sum(part["bytes"] for part in parts.values())) > LARGEST:
            largest = sorted(parts, key=lambda name: -parts[name]["bytes"])[:3]
            raise BadResult(
                f"the entry has {size / 2**20:.1f} MiB, and may have {LARGEST / 2**20:.3g}; the largest are "
                f"{', '.join(largest)}: give the study fewer texts, or leave one out"
            )
        shutil.copyfile(study, new / STUDY)
        write_whole(new / RECORD, json.dumps(whole, ensure_ascii=False, indent=1))
    return Entry(target, whole)


def _model(results: Mapping[str, xr.Dataset]) -> dict[str, str]:
    """The model of the results.

    Raises:
        BadResult: they are of several models by their hashes, or none names one.
    """
    of = {name: origin(result).get("model") for name, result in results.items()}
    known = {name: model for name, model in of.items() if model}
    hashes = {model["hash"]: model for model in known.values()}
    if len(hashes) != 1:
        names = (
            ", ".join(f"{short_name(model['name'])} ({digest[:8]})" for digest, model in hashes.items()) or "no model"
        )
        raise BadResult(f"these results are of {names}; an entry is of one model")
    first = next(iter(hashes.values()))
    parts = {part: str(first.get(part, "")) for part in ("architecture", "revision", "hash", "dtype")}
    return {"name": short_name(str(first["name"])), **parts}


def _corpora(results: Mapping[str, xr.Dataset]) -> dict[str, str]:
    """Name to hash of the texts that the results were measured on."""
    texts = [origin(result).get("corpus") or {} for result in results.values()]
    return {str(of.get("source")): str(of["hash"]) for of in texts if of.get("hash")}
