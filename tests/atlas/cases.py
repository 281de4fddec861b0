"""A small study of a tiny model, run once, and atlases made of it."""

import hashlib
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path

import workbench as wb
from tests.atlas.across.cases import lape
from tests.models import save

STUDY = """question = "What is in it?"
models = ["{model}"]
languages = ["de", "fr", "ja"]
limit = 4

[options]
truncate = true

[[analyses]]
run = "heads"
ablation_texts = 3

[[analyses]]
run = "neurons"

[[analyses]]
run = "neuron_knockout"
controls = 1

[[analyses]]
run = "evaluate"
tasks = "words"
limit = 3

[[analyses]]
run = "tokens"
tokenizers = "{model}"
"""


@cache
def studied() -> tuple[Path, Path]:
    """The folder of a finished study of a tiny model on the shipped sentences, and its study file."""
    home = Path(tempfile.mkdtemp())
    model = save("llama", home / "tiny")
    study = home / "study.toml"
    study.write_text(STUDY.format(model=model.as_posix()), encoding="utf-8")
    wb.Study.read(study).run(home / "run", progress=False)
    return home / "run", study


@cache
def atlas() -> Path:
    """An atlas of that study's model."""
    run, study = studied()
    folder = Path(tempfile.mkdtemp()) / "atlas"
    wb.atlas.add(run, study, licence="Apache-2.0", folder=folder)
    return folder


def copied(folder: Path) -> Path:
    """A copy of that atlas, to be damaged."""
    return Path(shutil.copytree(atlas(), folder / "atlas"))


def rewritten(folder: Path, change) -> Path:
    """A copy of that atlas whose record was changed."""
    new = copied(folder)
    path = new / "tiny" / "entry.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(change(record)), encoding="utf-8")
    return new


def changed(folder, result, change):
    """A copy of the atlas in which a result was changed, and its record too."""
    new = copied(folder)
    path = new / "tiny" / f"{result}.nc"
    wb.save_result(change(wb.load_result(path)), path)
    record = json.loads((new / "tiny" / "entry.json").read_text(encoding="utf-8"))
    record["results"][result]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (new / "tiny" / "entry.json").write_text(json.dumps(record), encoding="utf-8")
    return new


def changed_number(folder: Path) -> Path:
    """A copy of that atlas in which the effects of removing heads are wrong."""

    def wrong(made):
        made["delta"], made["low"], made["high"] = made.delta + 5, made.low + 5, made.high + 5
        return made

    return changed(folder, "heads/ablation", wrong)


def public() -> dict[str, dict]:
    """Small arguments of the public functions."""
    run, study = studied()
    from tests.public import NEW

    folder, compared = {"folder": atlas()}, {"a": {"neurons/lape": lape(6, (0, 5))}}
    return {
        "atlas.add": {"run": run, "study": study, "licence": "MIT", "folder": NEW},
        "atlas.check": {"models": "tiny", "measure": False, "share": 0.1, **folder},
        "atlas.contents": {"model": "tiny", **folder},
        "atlas.entry": {"model": "tiny", **folder},
        "atlas.explorer": {"models": ["tiny"], **folder},
        "atlas.load": {"model": "tiny", "result": "ablation", **folder},
        "atlas.models": {**folder},
        "atlas.overview": {**folder},
        "atlas.results": {"models": "tiny", **folder},
        "atlas.claims": {"results": compared, "resamples": 20},
        "atlas.sentences": {"results": compared, "resamples": 20},
        "atlas.depth_curves": {"results": compared, "what": "neurons", "points": 5, "resamples": 20},
    }
