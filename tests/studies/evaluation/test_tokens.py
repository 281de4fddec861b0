"""The study of tokenizers: its cells and sections, its accuracies by name, and what it refuses."""

import json

import numpy as np
import pytest

import workbench as wb
from tests.models import save
from workbench.errors import BadResult
from workbench.studies import run_evaluate, run_tokens

QUIET = wb.studies.Options(progress=False)
ROWS = [
    {"id": str(n), "language": code, "context": f"{code} {n}", "options": ["ab", "cd"], "gold": n % 2}
    for code in ("de", "en")
    for n in range(6)
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Three models, each with accuracies."""
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "task.jsonl").write_text("\n".join(map(json.dumps, ROWS)) + "\n", encoding="utf-8")
    names = []
    for kind in ("llama", "gpt2", "qwen2"):
        names.append(str(save(kind, folder / kind)))
        run_evaluate(names[-1], str(folder / "task.jsonl"), out=folder / f"run_{kind}", options=QUIET)
    return names, [str(folder / f"run_{kind}" / "task_jsonl.nc") for kind in ("llama", "gpt2", "qwen2")]


def test_tokens_are_counted_and_reported(files, tmp_path):
    names, _ = files
    folder = run_tokens(names, out=tmp_path / "run", languages="de,en,ja", limit=4, options=QUIET)
    made = wb.load_result(folder / "tokenization.nc")
    assert made.tokenizer.values.tolist() == ["llama", "gpt2", "qwen2"]
    again = wb.evaluation.tokenization(
        {"llama": wb.load_model(names[0])}, wb.load_corpus(languages="de,en,ja", limit=4)
    )
    assert made.tokens.sel(tokenizer="llama").values == pytest.approx(again.tokens[0].values, nan_ok=True)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "How many more tokens does the same text take than in the pivot?" in page
    assert not (folder / "efficiency.nc").exists()


def test_accuracies_are_matched_by_the_name_of_their_model(files, tmp_path):
    names, results = files
    how = {"out": tmp_path / "run", "languages": "de,en", "limit": 4, "options": QUIET}
    folder = run_tokens(names, accuracy=",".join(reversed(results)), **how)
    made = wb.load_result(folder / "efficiency.nc")
    expected = [wb.load_result(path).accuracy.values for path in results]  # in the order of the tokenizers
    assert made.y.values.reshape(3, 2) == pytest.approx(np.array(expected))
    assert "Do models do better where their tokenizers need fewer tokens?" in (folder / "report.html").read_text(
        "utf-8"
    )


def test_other_results_are_refused_before_anything_is_counted(files, tmp_path):
    names, results = files
    with pytest.raises(BadResult, match="is of the model"):
        run_tokens(names[:1], out=tmp_path / "a", accuracy=results[1], options=QUIET)
    with pytest.raises(BadResult, match="is the only accuracy"):
        run_tokens(names[:1], out=tmp_path / "b", accuracy=results[:1], options=QUIET)
    with pytest.raises(BadResult, match="is of the model"):
        run_tokens(names, out=tmp_path / "c", accuracy=[results[0], results[0]], options=QUIET)
