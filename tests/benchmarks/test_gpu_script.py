"""`benchmarks/gpu.py` where there is no GPU: a tiny shape on the CPU, the same code; its numbers agree and it ends."""

import importlib
import sys
import time

import pytest


@pytest.fixture
def gpu(monkeypatch):
    module = importlib.import_module("gpu")
    monkeypatch.setattr(module, "matmul_rate", lambda model, rows: 1e9)
    return module


def run(gpu, monkeypatch, capsys, *options):
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--device", "cpu", "--quick", *options])
    gpu.main()
    return capsys.readouterr().out


def test_everything_runs_agrees_and_is_written(gpu, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(gpu, "forget_peak", lambda: False)  # collecting garbage 40 times would take longest
    out = tmp_path / "gpu.md"
    said = run(gpu, monkeypatch, capsys, "--out", str(out))
    written = out.read_text(encoding="utf-8")
    assert all(line in said for line in written.splitlines())
    assert "DIFFERS" not in written
    assert "Error" not in written
    for job in gpu.JOBS.values():
        assert written.count(f"\n{job.title:<26}") == 2, "once in each type"
    assert "float32" in written
    assert "bfloat16" in written
    assert [path.name for path in tmp_path.iterdir()] == ["gpu.md"], "nothing partial stays"


def test_the_peak_is_what_was_held_on_the_way(gpu):
    import torch

    with gpu.Peak("cpu") as peak:
        torch.ones(64 * 2**18).sum()
    assert peak.megabytes == pytest.approx(64, abs=16) or peak.megabytes != peak.megabytes, (
        "nan where Linux does not say"
    )


def test_it_ends_within_its_limit_and_keeps_what_it_has(gpu, monkeypatch, capsys, tmp_path):
    def slow(label, shape, device, dtype, quick, say):
        say(f"first words in {dtype}")
        time.sleep(30)

    monkeypatch.setattr(gpu, "measure", slow)
    out, start = tmp_path / "gpu.md", time.perf_counter()
    run(gpu, monkeypatch, capsys, "--limit", "1", "--out", str(out))
    assert time.perf_counter() - start < 10
    written = out.read_text(encoding="utf-8")
    assert written.count("first words") == written.count("stopped after its share") == 2


def test_a_job_that_fails_does_not_stop_the_others(gpu):
    said = []

    def one(name):
        if name == "nll":
            raise RuntimeError("no kernel\nand more")
        return name

    gpu.each(said.append, one)
    assert len(said) == len(gpu.JOBS)
    assert "nll: RuntimeError: no kernel" in said


def test_only_float32_is_called_wrong(gpu, monkeypatch):
    import torch

    case = gpu.Case(gpu.SMALL["gemma3-small"], "cpu", torch.float32)
    monkeypatch.setattr(gpu, "gap", lambda *args: 0.5)
    assert "!!! DIFFERS" in gpu.exactness("residual", case)
    case.dtype = torch.bfloat16
    assert "!!! DIFFERS" not in gpu.exactness("residual", case)


def test_shapes_are_those_of_the_models(gpu):
    gemma = gpu.gemma()
    embedding = gemma.vocab_size * gemma.hidden_size
    attention = gemma.hidden_size * gemma.head_dim * 2 * (gemma.num_attention_heads + gemma.num_key_value_heads)
    mlp = 3 * gemma.hidden_size * gemma.intermediate_size
    assert 265e6 < embedding + gemma.num_hidden_layers * (attention + mlp) < 270e6
    assert set(gpu.LARGE) == {"gpt2s", "gemma3-270m", "qwen2-0.5b"}
