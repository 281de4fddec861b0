"""The same items through lm-eval itself: every score, every accuracy, and every option read back, are the same.

These tests need lm-eval (`make lm-eval`). XCOPA_FOLDER names a folder with XCOPA's own files, to try those instead of
our own rows.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from tests.evaluation.harness import xcopa

pytestmark = pytest.mark.harness
MODEL = Path(__file__).parents[3] / "data" / "polyglot"
ITEMS = 60
NORMALIZE = {"none": "acc", "characters": "acc_norm", "bytes": "acc_bytes"}


def tasks():
    """Name to a task and the format in which it is measured."""
    folder = os.environ.get("XCOPA_FOLDER")
    causes = wb.load_task(folder, languages="it,tr,zh", limit=ITEMS) if folder else wb.load_task(xcopa.rows())
    words = wb.load_task("words", languages="de,ja", limit=ITEMS)
    every = {"words": (words, "cloze"), "letters": (words, "letters"), "causes": (causes, "cloze")}
    for name, plain in (("quotes", 0), ("mixed", 8)):
        every[name] = (replace(wb.load_task(quoted(plain)), name=name), "cloze")
    return every


def quoted(plain):
    """Rows whose contexts end in an opening quotation mark, but for the first ones."""
    marks = {"de": "„", "en": "“"}
    return [
        {
            "id": str(number),
            "language": code,
            "context": f"{words[0]} {number} {words[1]}{'' if number < plain else f' {marks[code]}'}",
            "options": [f"{option} {number}" for option in words[2:]],
            "gold": number % 2,
        }
        for code, words in {"de": ("Haus", "heißt", "rot", "der Hund"), "en": ("House", "is", "red", "the dog")}.items()
        for number in range(20)
    ]


@pytest.fixture(scope="module")
def harness(tmp_path_factory):
    """Name of a task to lm-eval's logs of it by language, and lm-eval's own accuracies by name of a task."""
    folder = tmp_path_factory.mktemp("harness")
    names = {
        name: wb.evaluation.to_lm_eval(task, folder / "tasks", format=form, unconditional=_unconditional(name, form))
        for name, (task, form) in tasks().items()
    }
    every = [each for own in names.values() for each in own]
    command = ["-m", "lm_eval", "run", "--model", "hf", "--model_args", f"pretrained={MODEL},dtype=float32"]
    command += ["--include_path", str(folder / "tasks"), "--tasks", ",".join(every)]
    command += ["--log_samples", "--output_path", str(folder / "out"), "--batch_size", "16", "--device", "cpu"]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder / "cache")}
    done = subprocess.run([sys.executable, *command], env={**os.environ, **offline}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    logs = {name: [next((folder / "out").rglob(f"samples_{own}_2*")) for own in names[name]] for name in names}
    stated = json.loads(next((folder / "out").rglob("results_*.json")).read_text(encoding="utf-8"))["results"]
    return folder / "tasks", names, logs, stated


def _unconditional(name, form):
    return form == "cloze" and name != "mixed"


@pytest.fixture(scope="module")
def model():
    return wb.load_model("polyglot")


@pytest.mark.parametrize("name", ["words", "letters", "causes", "quotes", "mixed"])
def test_scores_and_picks_are_those_of_lm_eval(harness, model, name):
    _, names, logs, stated = harness
    task, form = tasks()[name]
    ours = wb.evaluation.accuracy(model, task, format=form, progress=False)
    theirs = wb.evaluation.from_lm_eval(logs[name])
    np.testing.assert_allclose(ours.score, theirs.score, rtol=0, atol=1e-4)
    for normalize, metric in NORMALIZE.items():
        chosen, logged = (wb.evaluation.choose(each, normalize=normalize) for each in (ours, theirs))
        np.testing.assert_array_equal(chosen.correct, logged.correct)
        assert chosen.accuracy.values.tolist() == [stated[own][f"{metric},none"] for own in names[name]]
    if _unconditional(name, form):
        np.testing.assert_allclose(ours.unconditional, theirs.unconditional, rtol=0, atol=1e-4)
        chosen = wb.evaluation.choose(ours, normalize="unconditional")
        assert chosen.accuracy.values.tolist() == [stated[own]["acc_mutual_info,none"] for own in names[name]]


def test_a_task_of_lm_eval_is_read_with_its_own_texts(harness):
    folder, names, _, _ = harness
    task = tasks()["causes"][0]
    read = wb.load_task(f"lm_eval:{','.join(f'{folder}/{name}' for name in names['causes'])}")
    assert (read.context, read.options, read.gold) == (task.context, task.options, task.gold)
    words, form = tasks()["words"][0], names["words"][0]
    read = wb.load_task(f"lm_eval:{folder}/{form}", languages="de")
    assert read.delimiter == {"de": ""} and read.context["de"] == words.context["de"]
