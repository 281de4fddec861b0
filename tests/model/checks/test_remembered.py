"""The outcome of the checks is remembered for the same files, type and libraries, and for nothing else."""

import workbench as wb
from tests.models import save
from workbench.model.checks import capabilities as trials


def test_the_outcome_is_remembered_for_the_same_files_alone(tmp_path, monkeypatch):
    folder = save("llama", tmp_path / "model")
    first = wb.load_model(folder)
    tried = []
    monkeypatch.setattr(trials, "check_restarts", lambda *_: tried.append(1) or 0.0)
    again = wb.load_model(folder)
    assert not tried
    for name in ("abilities", "lost", "parity", "n_neurons", "plain_head"):
        assert getattr(again, name) == getattr(first, name)
    wb.load_model(folder, check="full")
    assert len(tried) == 1
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"rms_norm_eps": 1e-06', '"rms_norm_eps": 1e-05'))
    wb.load_model(folder)
    assert len(tried) == 2
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-3] ^= 1
    weights.write_bytes(content)
    changed = wb.load_model(folder)
    assert len(tried) == 3 and changed.digest != first.digest
    wb.load_model(folder, dtype="bfloat16")
    assert len(tried) == 4


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr("workbench.model.checks.remembered.cache_folder", lambda: tmp_path / "file")
    assert all(wb.load_model(save("llama", tmp_path / "model")).abilities.values())
