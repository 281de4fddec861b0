"""A stop loses at most the training that was running: the next run trains only what is missing."""

import numpy as np
import pytest

import workbench as wb
from tests.laboratories.inside.cases import CORPUS, WORDS
from tests.models import byte_tokenizer, tiny
from workbench.errors import Interrupted
from workbench.laboratories.bench import Bench
from workbench.results.resuming import progress
from workbench.studies import run_lab

QUIET = wb.studies.Options(progress=False)
TRAINED = Bench.trained


def tiny_lab(*, trained=("de",), seeds=2, quick=False, inside=None, progress=True, seed=0):
    """Plain text of two languages, on a tiny model."""
    lab = wb.laboratories
    recipe = lab.Recipe("tiny", lab.lines(["de", "en"]), lab.text(), lab.everything(), 1, 2, 32)
    texts = {"words": WORDS, "corpus": CORPUS, "languages": ["de", "en"], "tokenizer": byte_tokenizer()}
    how = {"controls": ["none"], "seeds": seeds, "inside": inside, "progress": progress, "seed": seed}
    return lab.run(recipe, tiny("llama"), measures=lambda made: [lab.bits_per_byte(made.test)], **texts, **how)


def test_a_stopped_run_goes_on_with_the_next_training(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.studies.laboratories.registry.laboratories", lambda: {"more_from_less": tiny_lab})
    monkeypatch.setattr(progress, "_LEAST", 0.0)  # short trainings are stored like long ones, however slow the disk is
    monkeypatch.setattr(progress, "_SHARE", float("inf"))
    calls = []

    def trained(bench, recipe, seed, *, look):
        calls.append((recipe.steps, seed))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return TRAINED(bench, recipe, seed, look=look)

    monkeypatch.setattr(Bench, "trained", trained)
    how = {"inside": False, "options": QUIET}
    with pytest.raises(Interrupted):
        run_lab("more_from_less", out=tmp_path / "run", **how)
    assert calls == [(1, 0), (1, 1), (0, 0)], "condition by condition, seed by seed"
    folder = run_lab("more_from_less", out=tmp_path / "run", **how)
    assert calls[3:] == [(0, 0), (0, 1)], "what was finished is not trained again"
    whole = run_lab("more_from_less", out=tmp_path / "whole", **how)
    resumed, once = (wb.load_result(path / "more_from_less.nc") for path in (folder, whole))
    np.testing.assert_array_equal(resumed.score, once.score)
