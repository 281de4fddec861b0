"""Settings compared on the same prompts: rates, paired changes and McNemar's test by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import workbench as wb
from workbench.errors import BadArgument
from workbench.evaluation.responses import mitigation as module

PROMPTS = pd.DataFrame({"source": "s", "language": ["de"] * 8, "prompt": [str(i) for i in range(8)]})


def answers(right):
    """A stand-in for `respond`: each setting's rows that are right (1), wrong (0) or skipped (None)."""

    def respond(model, prompts, *, name, **_):
        texts = ["kurz" if row is None else f"a b c d {'de' if row else 'en'}" for row in right[name]]
        return prompts.assign(completion=texts)

    return respond


def test_changes_are_paired(monkeypatch, wrapped):
    right = {"plain": [0, 0, 0, 0, 0, 0, 1, None], "shots": [1, 1, 1, 1, 1, 0, 0, 1]}
    monkeypatch.setattr(module, "respond", answers(right))
    result = wb.evaluation.mitigation(
        wrapped("llama"), PROMPTS, {name: {"name": name} for name in right}, identify=lambda text: text.split()[-1]
    ).sel(language="de")
    assert result.line_pass.values == pytest.approx([1 / 7, 6 / 8])
    assert result.skipped.values.tolist() == [1, 0] and result.compared.values.tolist() == [7, 7]
    assert result.change.sel(setting="shots").item() == pytest.approx((5 - 1) / 7)
    assert result.p_value.sel(setting="shots").item() == pytest.approx(stats.binomtest(5, 6).pvalue)
    assert result.p_value.sel(setting="shots").item() == pytest.approx(0.21875)
    assert np.isnan(result.p_value.sel(setting="plain"))


def test_no_interval_of_settings_is_without_width(monkeypatch, wrapped):
    right = {"plain": [0] * 8, "same": [0] * 8, "cured": [1] * 8}
    monkeypatch.setattr(module, "respond", answers(right))
    result = wb.evaluation.mitigation(
        wrapped("llama"), PROMPTS, {name: {"name": name} for name in right}, identify=lambda text: text.split()[-1]
    ).sel(language="de")
    none, every = (stats.binomtest(count, 8).proportion_ci(method="wilson") for count in (0, 8))
    assert result.line_pass_low.values == pytest.approx([none.low, none.low, every.low])
    assert result.line_pass_high.values == pytest.approx([none.high, none.high, every.high])
    same, cured = result.sel(setting="same"), result.sel(setting="cured")
    assert (same.change_low.item(), same.change_high.item()) == pytest.approx((-none.high, none.high))
    low, high = 1 - np.hypot(1 - every.low, none.high), 1.0
    assert (cured.change_low.item(), cured.change_high.item()) == pytest.approx((low, high))
    plain = result.sel(setting="plain")
    assert (plain.change_low, plain.change_high) == (0, 0), "a setting does not differ from itself"


def test_settings_reach_the_model(wrapped):
    settings = {"plain": {"tokens": 6, "temperature": 0}, "off": {"tokens": 6, "temperature": 0, "heads": [(0, 0)]}}
    seen = []

    def identify(text):
        seen.append(text)
        return "de"

    result = wb.evaluation.mitigation(wrapped("llama"), PROMPTS, settings, identify=identify, progress=False)
    assert result.attrs["baseline"] == "plain" and result.sizes == {"setting": 2, "language": 1}
    with pytest.raises(BadArgument, match="does not take"):
        wb.evaluation.mitigation(wrapped("llama"), PROMPTS, {"x": {"shot": 1}}, identify=identify, progress=False)
    with pytest.raises(BadArgument, match="give at least one"):
        wb.evaluation.mitigation(wrapped("llama"), PROMPTS, {}, identify=identify)


def test_a_type_error_inside_is_no_unknown_option(monkeypatch, wrapped):
    def respond(model, prompts, *, tokens, **_):
        raise TypeError("a defect inside")

    monkeypatch.setattr(module, "respond", respond)
    with pytest.raises(TypeError, match="a defect inside"):
        wb.evaluation.mitigation(wrapped("llama"), PROMPTS, {"a": {"tokens": 1}}, identify=lambda text: "de")
    with pytest.raises(BadArgument, match=r"setting 'b' has an option .*does not take: .*'tokens'"):
        settings = {"a": {"tokens": 1}, "b": {}}
        wb.evaluation.mitigation(wrapped("llama"), PROMPTS, settings, identify=lambda text: "de")
