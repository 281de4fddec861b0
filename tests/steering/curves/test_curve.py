"""The curve over layers and strengths, against steer and score, cell by cell."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
import torch

import workbench as wb
from tests.steering.responses.test_score import first_capital
from tests.steering.test_subspace import CORPUS
from workbench.errors import BadArgument, BadCorpus, BadResult
from workbench.results.proportions import wilson
from workbench.results.resuming.progress import storing_progress
from workbench.steering.curves.cells import Axes, Cell
from workbench.steering.curves.chosen import Table, chosen_variables, halves

PROMPTS = [f"{word} {number}" for number, word in enumerate(["Ein", "Hund", "lief", "zum", "Tor", "und", "sah"])]
QUIET = {"progress": False}
RATES = ("success", "relevance", "both", "harmonic")


def many(text):
    """An identifier that finds German often in what random models write."""
    return "de" if len(text) % 2 else "en" if text else None


@pytest.fixture(scope="module")
def model(wrapped):
    return wrapped("llama")


@pytest.fixture(scope="module")
def german(model):
    return wb.steering.directions(model, CORPUS, layer=[0, 2], **QUIET).sel(language="de")


def without_heads(model):
    def edit(strength):
        scales = torch.ones(model.n_layers, model.n_heads)
        scales[1] = 1 - strength
        return wb.model.edited(model, heads=scales)

    return edit


@pytest.fixture(scope="module")
def result(model, german):
    return wb.steering.curve(
        model,
        PROMPTS,
        german,
        identify=many,
        strengths=[2.0, 0.5],
        baselines={"heads": without_heads(model)},
        instruction="Say: {prompt}",
        tokens=4,
        **QUIET,
    )


def test_each_cell_is_what_steer_and_score_say(model, german, result):
    assert result.setting.values.tolist() == ["none", "direction", "random", "heads", "instruction"]
    assert result.layer.values.tolist() == [0, 2], "where the direction is not 0"
    for name, vectors in (("direction", german), ("random", wb.steering.random(german))):
        for layer in (0, 2):
            for strength in (2.0, 0.5):
                written = wb.steering.steer(model, PROMPTS, vectors, strength=strength, layers=layer, tokens=4, **QUIET)
                scored = wb.steering.score(model, written, identify=many, **QUIET)
                cell = result.sel(setting=name, layer=layer, strength=strength)
                assert cell.text.values.tolist() == written.completion.tolist()
                np.testing.assert_array_equal(cell.relevant, scored.relevant)
                np.testing.assert_array_equal(cell.succeeded, scored.succeeded)
                for rate in RATES:
                    for end in ("", "_low", "_high"):
                        assert cell[f"{rate}{end}"].item() == pytest.approx(scored[f"{rate}{end}"].item())
    assert len(np.unique(result.text.sel(setting="direction").values.astype(str))) > 8


def test_baselines_are_repeated_along_what_they_have_not(model, result):
    plain = wb.generate(model, PROMPTS, tokens=4, **QUIET).text.tolist()
    assert (result.text.sel(setting="none") == np.array(plain, dtype=object)).all()
    asked = wb.generate(model, [f"Say: {prompt}" for prompt in PROMPTS], tokens=4, **QUIET).text.tolist()
    assert (result.text.sel(setting="instruction") == np.array(asked, dtype=object)).all()
    for strength in (2.0, 0.5):
        with without_heads(model)(strength):
            edited = wb.generate(model, PROMPTS, tokens=4, **QUIET).text.tolist()
        cell = result.text.sel(setting="heads", strength=strength)
        assert (cell == np.array(edited, dtype=object)).all()
    scores = result.success.sel(setting=["none", "instruction"])
    assert (scores == scores.isel(layer=0, strength=0)).all()


def test_the_choice_is_made_on_one_half_and_scored_on_the_other(result):
    first = result.chooses.values
    assert first.sum() == 3
    for setting in result.setting.values:
        own = result.sel(setting=setting)
        best = (-1.0, 0.0, 0)
        for strength in (0.5, 2.0):
            for layer in (0, 2):
                cell = own.sel(layer=layer, strength=strength)
                s, r = cell.succeeded.values[first].mean(), cell.relevant.values[first].mean()
                score = 2 * s * r / (s + r) if s + r else 0.0
                if score > best[0]:
                    best = (score, strength, layer)
        assert (own.chosen_strength.item(), own.chosen_layer.item()) == best[1:]
        cell = own.sel(layer=best[2], strength=best[1])
        s, r = cell.succeeded.values[~first].mean(), cell.relevant.values[~first].mean()
        assert own.held_out_success.item() == pytest.approx(s)
        assert own.held_out_relevance.item() == pytest.approx(r)
        both = [a and b for a, b in zip(cell.succeeded.values, cell.relevant.values == 1, strict=True)]
        count = sum(both[prompt] for prompt in np.flatnonzero(~first))
        assert cell.both.item() == pytest.approx(sum(both) / 7) and own.held_out_both.item() == pytest.approx(count / 4)
        ends = own.held_out_both_low.item(), own.held_out_both_high.item()
        assert ends == pytest.approx(wilson(count, 4))
        wanted = 2 * s * r / (s + r) if s + r else 0.0
        assert own.held_out_harmonic.item() == pytest.approx(wanted)
        assert own.held_out_harmonic_low <= wanted + 1e-12 <= own.held_out_harmonic_high + 2e-12
        advantage = result.held_out_harmonic.sel(setting="direction").item() - wanted
        assert own.advantage.item() == pytest.approx(advantage)
        assert own.advantage_low <= own.advantage <= own.advantage_high


def test_a_planted_winner_is_chosen_and_does_not_flatter_itself():
    """Layer 1 wins on the choosing half alone; only layer 0 works on the other."""
    prompts = np.arange(8)
    half = halves(prompts, 0)
    axes = Axes(["none", "direction"], [4, 7], [0.5, 1.0])
    cells = [Cell("none", None, None, [])] + [Cell("direction", i, k, []) for i in (0, 1) for k in (0, 1)]
    scores = np.zeros((3, 5, 8))
    scores[:2, 3] = scores[:2, 4] = half
    scores[:2, 1] = ~half
    table = Table.of(axes, cells, scores, [np.full(8, str(n), dtype=object) for n in range(5)], prompts)
    made = {name: values for name, (_, values, _) in chosen_variables(table, axes, half, 0.95, 0).items()}
    assert made["chosen_layer"].tolist() == [4, 7] and made["chosen_strength"].tolist() == [0.5, 0.5]
    assert made["held_out_harmonic"].tolist() == [0, 0] and made["advantage"].tolist() == [0, 0]
    assert table.texts[1, 0, 1, 0] == "2" and table.texts[0, 1, 1, 3] == "0"


def test_equal_prompts_lie_in_one_half():
    clusters = np.array([0, 1, 2, 3, 0, 1, 4])
    half = halves(clusters, 1)
    assert half[0] == half[4] and half[1] == half[5] and len(np.unique(clusters[half])) == 2
    with pytest.raises(BadArgument, match="3 different prompts are too few"):
        halves(np.array([0, 1, 2, 0]), 0)


def test_a_stopped_curve_goes_on(model, german, tmp_path, monkeypatch):
    options = {"identify": many, "strengths": [1.0], "tokens": 2, **QUIET}
    whole = wb.steering.curve(model, PROMPTS, german, **options)
    calls = []

    def stops(strength):
        calls.append(strength)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return nullcontext()

    options["baselines"] = {"mine": stops}
    monkeypatch.setattr("workbench.results.resuming.progress._LEAST", 0)
    for _ in range(2):
        with storing_progress(tmp_path / "progress", "key"):
            try:
                again = wb.steering.curve(model, PROMPTS, german, **options)
            except KeyboardInterrupt:
                assert calls == [1.0]
    np.testing.assert_array_equal(again.harmonic.sel(setting=whole.setting), whole.harmonic)
    assert again.text.sel(setting=whole.setting).equals(whole.text)


def test_the_figures_draw_it(result):
    assert wb.figures.heatmap(result, "harmonic", setting="direction").data
    assert len(wb.figures.curves(result, "success", layer=0, x="strength").data) >= 5
    assert wb.figures.bars(result, "held_out_harmonic").data


def test_what_does_not_fit_is_refused(model, wrapped, german):
    def refused(error, message, direction=german, prompts=PROMPTS, **options):
        with pytest.raises(error, match=message):
            wb.steering.curve(model, prompts, direction, identify=first_capital, **options, **QUIET)

    refused(BadArgument, "strengths=", strengths=[1.0, 1.0])
    refused(BadArgument, "strengths=0", strengths=[0.0])
    refused(BadArgument, "strengths=", strengths=[])
    refused(BadArgument, r"layers=\[5\]; the layers are 0 to 2", layers=[5])
    refused(BadArgument, "at which the direction is not 0", layers=[1])
    refused(BadArgument, "setting of its own", baselines={"random": lambda strength: nullcontext()})
    refused(BadArgument, "does not take a strength", baselines={"mine": lambda: nullcontext()})
    refused(BadArgument, "gives a context manager", baselines={"mine": lambda strength: strength})
    refused(BadArgument, "give a text with {prompt}", instruction="Deutsch")
    refused(BadArgument, "the direction names none", german.drop_vars("language"))
    refused(BadArgument, "too few to choose", prompts=PROMPTS[:3])
    refused(BadCorpus, "no column prompt", prompts=pd.DataFrame({"a": [1]}))
    refused(BadResult, "of one language", wb.steering.directions(model, CORPUS, **QUIET), language="de")
    refused(BadResult, "belongs to another model", wb.steering.directions(wrapped("gpt2"), CORPUS, **QUIET)[
        {"language": 0}])  # fmt: skip
