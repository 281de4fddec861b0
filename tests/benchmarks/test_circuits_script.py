"""`benchmarks/circuits.py`: the plain loop beside the training reaches the same loss; no timing."""

import importlib

import pytest

import workbench as wb


def test_the_plain_loop_does_the_same_arithmetic(monkeypatch):
    circuits = importlib.import_module("circuits")
    monkeypatch.setattr(circuits, "FEATURES", 32)
    monkeypatch.setattr(circuits, "BATCH", 64)
    rows = circuits.train_rows(wb.load_model("polyglot"), 3)
    losses = [float(row.split("last loss ")[1].split()[0]) for row in rows if "last loss" in row]
    assert len(losses) == 3
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
