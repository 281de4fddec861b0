"""`benchmarks/real.py` on a tiny random Gemma 3: its texts, its results and its arithmetic are right; no timing."""

import importlib

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import workbench as wb
from tests import models


def script(name):
    return importlib.import_module(name)


@pytest.fixture(scope="module")
def name(tmp_path_factory):
    return str(models.save("gemma3", tmp_path_factory.mktemp("gemma3"), seed=3))


@pytest.fixture(scope="module")
def plain(name):
    return script("loading").plain(name)[0]


@pytest.fixture(scope="module")
def made(name, plain):
    model = wb.load_model(name)
    return script("real_case").cases(plain, model, texts=(5, 20), pairs=2, shots=0)


def test_batches_are_real_text_without_padding(made):
    texts, prompts = made
    model, languages = texts.model, script("real_case").LANGUAGES
    assert texts.ids.shape == (5, 20)
    assert (texts.ids[:, 0] == model.tokenizer.bos_token_id).all()
    assert (texts.ids[:, 1:] > 3).all(), "special tokens stand in the middle"
    for row, language in zip(texts.ids, languages, strict=False):
        begin = wb.load_corpus("parallel", languages=languages).texts[language][0]
        assert row[1:].tolist() == model.tokenizer(begin).input_ids[1:20]
    assert prompts.source.shape == prompts.target.shape == prompts.ids.shape
    assert (prompts.source != prompts.target).any(1).all()
    assert (prompts.tokens[0] != prompts.tokens[1]).all()
    assert (prompts.source[:, : prompts.shared] == prompts.target[:, : prompts.shared]).all()
    assert (prompts.source[:, prompts.shared] != prompts.target[:, prompts.shared]).any()


def test_every_job_agrees_with_its_peers(made, monkeypatch):
    said = []
    real = script("real")
    monkeypatch.setattr(real, "matmul_rate", lambda model, rows: 1e9)
    size = real.Size((5, 20), 2, 1, 1, 1, 1)
    real.table(*made, size, list(script("engine").JOBS), said.append)
    lines = [line for line in said if line.startswith("| ")][1:]
    assert len(lines) == 7
    assert not any("DIFFERS" in line for line in said)
    for goal in real.GOALS.values():
        assert any(f"{goal:g}x: " in line or f"{goal:g} forwards: " in line for line in lines)


def test_what_differs_is_said(made):
    real, engine = script("real"), script("engine")
    wrong = engine.Measured(1.0, {"TransformerLens": 2.0}, {"TransformerLens": 0.5}, 0.1, 3.0)
    job, case = real.rows(*made)["nll"]
    assert "!!! DIFFERS" in real.line("nll", job, case, wrong)


def test_gradients_are_held_against_float64(made, monkeypatch):
    real = script("real")
    assert max(real.from_float64(made[0]).values()) < 1e-5
    monkeypatch.setattr(real, "from_float64", lambda case: {"ours": 0.1})
    said = []
    monkeypatch.setattr(real, "matmul_rate", lambda model, rows: 1e9)
    real.table(*made, real.SIZES["quick"], ["lahis"], said.append)
    assert any("!!! DIFFERS" in text and "float64" in text for text in said)


def test_the_limit_counts_what_a_plain_forward_multiplies(made, plain):
    """Attention is counted causal, and the counter counts all of it: that much is put back."""
    texts, count = made[0], FlopCounterMode(display=False)
    module = texts.copy()
    module.set_attn_implementation("eager")
    with count, torch.no_grad():
        module(input_ids=texts.ids, use_cache=False)
    rows, positions = texts.ids.shape
    one = script("limit").Arithmetic.of(texts.model, positions)
    whole = one.record() + one.layers * (one.score * positions**2 - one.scores()) + positions * one.row
    assert count.get_total_flops() == pytest.approx(rows * whole, rel=0.02)


def test_cells_where_nothing_differs_cost_nothing(made):
    prompts = made[1]
    one = script("limit").Arithmetic.of(prompts.model, prompts.target.shape[1], prompts.shared)
    cost = script("real").residual_flops(prompts)
    records = one.record() + one.layers * one.layer(one.shared)
    assert cost(one, [(0, 0), (1, prompts.shared - 1)]) == records / 2
    assert cost(one, [(1, prompts.target.shape[1] - 1)]) > records


def test_loading_is_timed_beside_transformers(name):
    found = script("loading").loading(name, repeats=1, full=1)
    assert set(found) == {"transformers alone", "load_model", 'load_model(check="full")'}
    assert all(seconds > 0 and ratio > 0 for seconds, ratio in found.values())
