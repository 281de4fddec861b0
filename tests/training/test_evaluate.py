"""The evaluation of a shipped model, with its slow measurements replaced."""

import pytest

from workbench import shipped
from workbench.training import evaluate as module
from workbench.training.data.prompts import read_words


@pytest.fixture
def evaluated(monkeypatch):
    """Evaluate with measurements that take no time; the bars around them are the real ones."""
    monkeypatch.setattr(module, "bits_per_byte", lambda *_: 1.0)
    monkeypatch.setattr(module, "continuations", lambda *_: ["a"])
    monkeypatch.setattr(module, "make_identifier", lambda: lambda text: "de")
    words = read_words(module.WORDS)
    first = next(iter(words))
    codes = module.LANGUAGES
    items = [(first, *both) for both in zip(codes, codes[1:] + codes[:1], strict=True)]
    monkeypatch.setattr(module, "draw_items", lambda *_, **__: items)
    return lambda **how: module.evaluate(shipped.folder("polyglot"), None, words, **how)


def test_no_bar_is_drawn_without_progress(evaluated, capfd):
    evaluated(progress=False)
    assert capfd.readouterr().err == ""
    evaluated()
    assert "bits per byte of the shipped sentences: 100%" in capfd.readouterr().err
