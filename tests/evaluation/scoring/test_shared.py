"""Scores with what options share computed once equal one plain pass for each option, in every architecture."""

import numpy as np
import pytest
import torch

from tests import models
from tests.oracles.evaluation import score
from workbench.evaluation.scoring.encode import Option
from workbench.evaluation.scoring.shared import log_probabilities
from workbench.model.edits import edited

KINDS = ("llama", "gpt2", "qwen3", "mistral", "gemma2", "gemma3", "bloom", "cohere2", "neox", "phi3", "opt", "xglm")


def some_options(seed=0, *, stem=0):
    """Options of random ids: contexts and tails of several lengths, with common beginnings and repeats."""
    rng = np.random.default_rng(seed)
    front = tuple(rng.integers(4, 250, stem).tolist())
    options = []
    for language in range(2):
        for item in range(4):
            context = front + tuple(rng.integers(4, 250, rng.integers(1, 9)).tolist())
            shared = tuple(rng.integers(4, 250, item % 3).tolist())
            for number in range(3):
                tail = shared + tuple(rng.integers(4, 250, rng.integers(1, 5)).tolist())
                options.append(Option((language, item, number), context, tail))
    return [*options, options[0], Option((1, 5, 0), options[-1].context, options[-1].tail[:1])]


@pytest.mark.parametrize("stem", [0, 12])
@pytest.mark.parametrize("kind", KINDS)
def test_scores_equal_plain_passes(wrapped, kind, stem):
    options = some_options(stem=stem)
    expected = [score(models.tiny(kind), option.context, option.tail) for option in options]
    assert log_probabilities(wrapped(kind), options, batch_size=3) == pytest.approx(expected, abs=2e-4)


def test_without_a_cache_every_option_runs_alone(wrapped, monkeypatch):
    model, options = wrapped("llama"), some_options(stem=12)
    expected = log_probabilities(model, options, batch_size=4)
    monkeypatch.setitem(model.abilities, "generate", False)
    with pytest.warns(match="slower"):
        assert log_probabilities(model, options, batch_size=4) == pytest.approx(expected, abs=1e-4)


def test_batch_size_and_order_change_nothing_but_rounding(wrapped):
    model, options = wrapped("llama"), some_options(1)
    expected = log_probabilities(model, options, batch_size=1)
    order = np.random.default_rng(0).permutation(len(options))
    shuffled = log_probabilities(model, [options[i] for i in order], batch_size=64)
    assert shuffled == pytest.approx(expected[order], abs=1e-4)


def test_equal_options_have_equal_scores(wrapped):
    options = some_options()
    scores = log_probabilities(wrapped("llama"), options, batch_size=8)
    assert scores[0] == scores[-2]


def test_edits_reach_context_and_options(wrapped):
    model, options = wrapped("llama"), some_options(stem=12)
    scales = torch.ones(model.n_layers, model.n_heads)
    scales[1, 2] = 0.0
    plain = models.tiny("llama")
    with torch.no_grad():
        plain.model.layers[1].self_attn.o_proj.weight[:, 2 * 8 : 3 * 8] = 0
    with edited(model, heads=scales):
        changed = log_probabilities(model, options, batch_size=3)
    assert changed == pytest.approx([score(plain, option.context, option.tail) for option in options], abs=2e-4)
    assert np.abs(changed - log_probabilities(model, options, batch_size=3)).max() > 1e-2
