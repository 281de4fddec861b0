"""Nothing that was computed from something else is taken for current."""

import json
import shutil

import pytest

from tests.models import save
from workbench.model.load import load_model
from workbench.studies import runs
from workbench.studies.options import Options, common_key


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save("llama", tmp_path_factory.mktemp("stale") / "model")


def config(path, **changes):
    stored = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**stored, **changes}))


def tokenizer(path, old, new):
    file = path / "tokenizer.json"
    file.write_text(file.read_text().replace(old, new))


@pytest.mark.parametrize(
    "change",
    [
        lambda path: config(path, rope_parameters={"rope_theta": 5000.0, "rope_type": "default"}),
        lambda path: config(path, rms_norm_eps=1e-3),
        lambda path: config(path, hidden_act="gelu"),
        lambda path: tokenizer(path, '"normalizer": null', '"normalizer": {"type": "Lowercase"}'),
    ],
    ids=["rope", "eps", "activation", "normalizer"],
)
def test_a_changed_model_has_another_key(folder, tmp_path, change):
    changed = shutil.copytree(folder, tmp_path / "changed")
    change(changed)
    keys = [common_key(load_model(path), Options())["model"]["hash"] for path in (folder, changed)]
    assert keys[0] != keys[1]


@pytest.mark.parametrize("part", ["code", "versions"])
def test_other_code_and_other_libraries_compute_anew(tmp_path, monkeypatch, part):
    import numpy as np

    from workbench.results.make import make_result

    made = []

    def compute():
        made.append(1)
        return make_result({"x": (("layer",), np.arange(3.0), "x")}, {}, method="test", parameters={})

    runs.open_run(tmp_path / "run").cell("one", {"a": 1}, compute)
    runs.open_run(tmp_path / "run").cell("one", {"a": 1}, compute)
    assert len(made) == 1
    monkeypatch.setattr(runs, part, lambda: "another")
    runs.open_run(tmp_path / "run").cell("one", {"a": 1}, compute)
    assert len(made) == 2
