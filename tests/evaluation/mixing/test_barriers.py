"""Barriers: models that always or never pick the odd option out, or that are deaf to language, by hand."""

import json

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from tests.evaluation.mixing.test_mixed import task
from workbench.errors import BadArgument, BadTask
from workbench.evaluation.mixing import barriers as module


def planted(rule):
    """A stand-in for `accuracy`: `rule(parts, gold)` picks an option from the languages of an item's options."""

    def accuracy(model, of, **_):
        shape = (len(of.languages), len(of))
        choice = np.full(shape, -1)
        for place, language in enumerate(of.languages):
            for row in of.present(language):
                choice[place, row] = rule([option[:2] for option in of.options[language][row]], min(of.gold[row]))
        gold = np.array([min(places) for places in of.gold])
        correct = np.where(choice < 0, np.nan, choice == gold)
        score = np.where(choice[..., None] < 0, np.nan, np.zeros(4))
        return xr.Dataset(
            {
                "choice": (("language", "item"), choice),
                "correct": (("language", "item"), correct),
                "gold": (("item", "option"), gold[:, None] == np.arange(4)),
                "score": (("language", "item", "option"), score),
            },
            {"language": list(of.languages)},
        )

    return accuracy


def odd(parts):
    """The place of the option whose language differs from all others; None where there is none."""
    alone = [place for place, code in enumerate(parts) if parts.count(code) == 1]
    return alone[0] if len(alone) == 1 and len(set(parts)) == 2 else None


def always(parts, gold):
    return gold if odd(parts) is None else odd(parts)


def never(parts, gold):
    return next(place for place in range(4) if place != odd(parts)) if odd(parts) == gold else gold


def deaf(parts, gold):
    return gold


def run(monkeypatch, wrapped, rule, **options):
    monkeypatch.setattr(module, "accuracy", planted(rule))
    return wb.evaluation.barriers(wrapped("llama"), task(12), languages=["de", "fr"], **options)


def test_always_the_odd_option(monkeypatch, wrapped):
    result = run(monkeypatch, wrapped, always)
    assert result.accuracy.sel(variant="gt").values.tolist() == [1, 1]
    assert result.accuracy.sel(variant="onewrong").values.tolist() == [0, 0]
    assert result.odd_bias.values.tolist() == [0.75, 0.75]
    assert result.balanced.values.tolist() == [0.25, 0.25]
    assert result["drop"].sel(variant="onewrong").values.tolist() == [1, 1]
    assert (result.p_value.sel(variant="onewrong") < 0.01).all()


def test_never_the_odd_option(monkeypatch, wrapped):
    result = run(monkeypatch, wrapped, never)
    assert result.accuracy.sel(variant="gt").values.tolist() == [0, 0]
    assert result.odd_bias.values.tolist() == [-0.25, -0.25]


def test_deaf_to_language(monkeypatch, wrapped):
    result = run(monkeypatch, wrapped, deaf, variants=("full", "gt", "mixup_free"))
    assert result.language.values.tolist() == ["de", "fr", "mul"]
    assert np.nansum(np.abs(result["drop"])) == 0 and result.odd_bias.sel(language=["de", "fr"]).values.tolist() == [
        0,
        0,
    ]
    assert np.isnan(result.accuracy.sel(variant="gt", language="mul"))
    assert np.isnan(result.accuracy.sel(variant="mixup_free", language="de"))
    assert result.accuracy.sel(variant="mixup_free", language="mul").item() == 1
    assert np.isnan(result.left_out.sel(variant="gt", language="mul"))
    assert result.chance.item() == 0.25 and result.pivot_accuracy.item() == 1


def test_with_a_model(wrapped):
    """The drop is the difference of the accuracies that a user would measure alone."""
    model, quiz = wrapped("llama"), task(6, codes=("en", "de"))
    result = wb.evaluation.barriers(model, quiz, variants=("full", "question"), progress=False)
    how = {"format": "letters", "variant": "released", "progress": False}
    english = wb.evaluation.accuracy(model, quiz.select("en"), **how).accuracy.item()
    for variant in ("full", "question"):
        alone = wb.evaluation.accuracy(model, wb.evaluation.mixed(quiz, variant), **how).accuracy.item()
        assert result.accuracy.sel(variant=variant, language="de").item() == alone
        assert result["drop"].sel(variant=variant, language="de").item() == pytest.approx(english - alone)


def test_an_edit_is_recorded(wrapped):
    quiz = task(3, codes=("en", "de"))
    edited = wb.evaluation.barriers(wrapped("llama"), quiz, variants=["gt"], heads=[(0, 1)], progress=False)
    assert json.loads(edited.attrs["provenance"])["parameters"]["heads"] == [[0, 1, 0.0]]


def test_wrong_arguments(wrapped):
    with pytest.raises(BadArgument, match="variants=\\[\\]"):
        wb.evaluation.barriers(wrapped("llama"), task(), variants=[])
    with pytest.raises(BadArgument, match="variants='half'"):
        wb.evaluation.barriers(wrapped("llama"), task(), variants=["half"])


def test_where_no_item_is_left_the_variant_is_refused(wrapped):
    rows = [
        {"id": str(n), "language": code, "context": f"{code} {n}", "options": ["ab", "cd"], "gold": 0}
        for code in ("en", "de")
        for n in range(4)
    ]
    task, model = wb.load_task(rows), wrapped("llama")
    for shots in (0, 1):
        with pytest.raises(BadTask, match=r"rows, options: every item has a part that is spelled as in 'en'"):
            wb.evaluation.barriers(model, task, variants=["question", "options"], shots=shots, progress=False)
    asked = wb.evaluation.barriers(model, task, variants=["question"], progress=False)
    full = wb.evaluation.accuracy(model, task.select("de"), format="letters", variant="released", progress=False)
    assert asked.accuracy.item() == pytest.approx(full.accuracy.item()), "the options are the same in both languages"
    assert np.isnan(asked.odd_bias).all() and np.isnan(asked.balanced).all()
