"""Changes after which a run must compute anew: each makes one, and says whether nothing was taken from before."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import numpy as np

import workbench as wb
from tests.models import save
from workbench.results import make_result
from workbench.studies import runs
from workbench.studies.options import Options, common_key, open_model

TEXTS = {"de": ["Guten Tag", "Hallo"], "en": ["Good day", "Hello"]}


def computed_anew(place: Path, before: dict, after: dict, **other: object) -> bool:
    """Whether a cell with the second key is computed although one with the first key is there."""
    made = []

    def compute():
        made.append(0)
        return make_result({"x": (("layer",), np.arange(3.0), "x")}, {}, method="test", parameters={})

    folder = place / "changes"
    shutil.rmtree(folder, ignore_errors=True)
    runs.open_run(folder).cell("one", before, compute)
    runs.open_run(folder).cell("one", before, compute)
    with mock.patch.multiple(runs, **other) if other else nullcontext(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runs.open_run(folder).cell("one", after, compute)
    return len(made) == 2


def key(folder: Path, options: Options | None = None, texts: dict | None = None, **corpus: object) -> dict:
    """What the numbers of a cell depend on."""
    read = wb.load_corpus({code: list(rows) for code, rows in (texts or TEXTS).items()}, **corpus)
    options = options or Options()
    return common_key(open_model(str(folder), options), options, read)


def of_model(change: Callable[[Path], None]) -> Callable[[Path], bool]:
    """A change of a model's folder."""

    def tried(place: Path) -> bool:
        shutil.rmtree(place / "model", ignore_errors=True)
        folder = save("llama", place / "model")
        before = key(folder)
        change(folder)
        return computed_anew(place, before, key(folder))

    return tried


def of_key(**change: object) -> Callable[[Path], bool]:
    """A change of options or texts."""

    def tried(place: Path) -> bool:
        shutil.rmtree(place / "model", ignore_errors=True)
        folder = save("llama", place / "model")
        return computed_anew(place, key(folder), key(folder, **change))

    return tried


def config(**changes: object) -> Callable[[Path], bool]:
    """A change of `config.json`."""

    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return of_model(change)


def tokenizer(old: str, new: str) -> Callable[[Path], bool]:
    """A change of `tokenizer.json`."""

    def change(folder: Path) -> None:
        path = folder / "tokenizer.json"
        text = path.read_text()
        assert old in text, f"{old} is not in the tokenizer"
        path.write_text(text.replace(old, new))

    return of_model(change)


def flip(place: float) -> Callable[[Path], bool]:
    """A flipped sign bit in the weights, so far from their beginning."""

    def change(folder: Path) -> None:
        path = folder / "model.safetensors"
        content = bytearray(path.read_bytes())
        start = 8 + int.from_bytes(content[:8], "little")
        content[start + int(place * (len(content) - start)) // 4 * 4 + 3] ^= 0x80
        path.write_bytes(bytes(content))

    return of_model(change)


def of_program(part: str) -> Callable[[Path], bool]:
    """A change of the workbench's own code, or of a library."""
    return lambda place: computed_anew(place, {"a": 1}, {"a": 1}, **{part: lambda: "another"})


CHANGES = [
    config(rope_parameters={"rope_theta": 5000.0, "rope_type": "default"}),
    config(rms_norm_eps=1e-3),
    config(hidden_act="gelu"),
    tokenizer('"normalizer": null', '"normalizer": {"type": "Lowercase"}'),
    flip(0.0),
    flip(0.5),
    flip(0.999),
    of_key(options=Options(seed=1)),
    of_key(options=Options(truncate=True)),
    of_key(options=Options(dtype="bfloat16")),
    of_key(limit=1),
    of_key(languages=["en", "de"]),
    of_key(texts={**TEXTS, "de": ["Guten Tag", "Hallo!"]}),
    of_program("code"),
    of_program("versions"),
]
