"""The race for the top heads: the stated confidence over planted and random runs, and the full sweep on a model."""

import importlib

import numpy as np
import pytest

import workbench as wb
from tests.heads.cases import corpus, model
from workbench.errors import BadArgument, Interrupted, UnsupportedSite
from workbench.heads.scores.racing import race, stages

module = importlib.import_module("workbench.heads.scores.search")  # the package's `search` is the function
RUNS, CELLS, SAMPLES, TOP, RISK = 200, 16, 160, 4, 0.01


def population(run, kind):
    """Values and guesses [cell, sample] of one run: a few cells that matter, or means without any gap."""
    generator = np.random.default_rng(run)
    means = generator.permutation(np.r_[np.linspace(1.0, 2.0, TOP), np.linspace(-0.3, 0.3, CELLS - TOP)])
    if kind == "close":
        means = generator.normal(size=CELLS) * 0.5
    noise = generator.normal(size=(CELLS, SAMPLES))
    if kind == "skewed":
        noise = generator.exponential(size=(CELLS, SAMPLES)) - 1
    values = means[:, None] + 0.5 * noise
    guess = None
    if kind in ("guessed", "close"):
        guess = values + 0.2 * generator.normal(size=values.shape) + 0.3 * generator.normal(size=(CELLS, 1))
    if kind == "misled":
        guess = generator.normal(size=values.shape) * 3
    return values, guess


def run_race(values, guess, **options):
    def draw(cells, start, stop):
        asked.append((cells, start, stop))
        return values[cells, start:stop]

    asked = []
    cells, samples = values.shape
    options = {"top": TOP, "risk": RISK, **options}
    return race(draw, cells, samples, guess=guess, **options), asked


@pytest.mark.parametrize("kind", ["gap", "skewed", "guessed", "misled", "close"])
def test_two_hundred_races_find_the_top_with_the_stated_confidence(kind):
    wrong = missed = spent = 0
    for run in range(RUNS):
        values, guess = population(run, kind)
        found, _ = run_race(values, guess, order=np.argsort(-values[:, :3].mean(1)))
        exact = values.mean(1)
        wrong += set(np.flatnonzero(found.member)) != set(np.argsort(-exact)[:TOP])
        missed += bool(((found.low > exact + 1e-9) | (found.high < exact - 1e-9)).any())
        spent += found.seen.sum() / values.size / RUNS
    assert wrong <= RISK * RUNS
    assert missed <= RISK * RUNS
    assert spent < (0.5 if kind == "close" else 0.2), "the goal is a fifth where there is a gap"


def test_a_race_is_exact_where_everything_was_seen_and_equal_cells_go_by_order():
    values = np.tile(np.random.default_rng(0).normal(size=40), (6, 1))
    values[2] += 1e-9
    found, _ = run_race(values, None, top=3)
    assert np.flatnonzero(found.member).tolist() == [0, 1, 2]
    assert (found.seen == 40).all()
    np.testing.assert_array_equal(found.low, values.mean(1))
    np.testing.assert_array_equal(found.high, values.mean(1))


def test_a_race_measures_each_cell_on_each_sample_once_and_the_promising_first():
    values, _ = population(0, "gap")
    order = np.argsort(-values.mean(1))
    found, asked = run_race(values, None, order=order)
    counts = np.zeros(values.shape, int)
    for cells, start, stop in asked:
        counts[cells, start:stop] += 1
    assert counts.max() == 1 and (counts.sum(1) == found.seen).all()
    assert set(asked[0][0]) == set(order) and asked[0][1:] == (0, 8)
    assert set(asked[1][0]) <= set(order[: 2 * TOP]) and asked[1][1:] == (8, 10)
    assert set(asked[2][0]) <= set(order[2 * TOP :]) and asked[2][1:] == (8, 10)


def test_stages_grow_and_end_with_all():
    assert stages(100, 16) == [16, 21, 27, 35, 46, 59, 77, 100]
    assert stages(16, 16) == [16] and stages(1, 16) == [1]


MANY = {
    "de": tuple(f"{one} {two}" for one in ("Der Hund", "Nein", "Es regnet") for two in "abcdef"),
    "en": tuple(f"{one} {two}" for one in ("The dog", "No") for two in "ghijklm"),
}


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_the_search_finds_the_heads_of_the_full_sweep(kind):
    exact = wb.heads.ablate(model(kind), corpus(MANY), progress=False)
    found = wb.heads.search(model(kind), corpus(MANY), top=4, first=5, progress=False)
    for language in MANY:
        values = exact.delta.sel(language=language).to_numpy()
        bar = np.sort(values.ravel())[-4]
        assert (found.member.sel(language=language).to_numpy() == (values >= bar)).all()
    assert ((found.low <= exact.delta + 1e-5) & (exact.delta <= found.high + 1e-5)).all()
    assert found.attrs["spent"] < 1, "a search that measures everything would prove nothing"
    assert found.attrs["spent"] == pytest.approx(int(found.texts.sum()) / (12 * 32))


def test_heads_that_were_measured_on_all_texts_are_exact():
    exact = wb.heads.ablate(model("gpt2"), corpus(MANY), progress=False)
    found = wb.heads.search(model("gpt2"), corpus(MANY), top=4, first=18, progress=False)
    assert (found.texts == np.array([18, 14])[:, None, None]).all() and found.attrs["spent"] == 1
    for name in ("mean", "low", "high"):
        np.testing.assert_allclose(found[name], exact.delta, atol=1e-5)


def test_batches_and_the_order_of_texts_change_nothing():
    turned = {language: MANY[language][::-1] for language in reversed(MANY)}
    forth = wb.heads.search(model("llama"), corpus(MANY), top=4, first=5, progress=False)
    back = wb.heads.search(model("llama"), corpus(turned), top=4, first=5, batch_size=2, progress=False)
    for name in ("member", "mean", "low", "high", "texts"):
        np.testing.assert_allclose(back[name].sel(language=list(MANY)), forth[name], atol=1e-5)


def test_what_the_search_finds_can_be_knocked_out():
    found = wb.heads.search(model("llama"), corpus(), top=2, progress=False)
    assert found.member.dtype == bool and (found.member.sum(("layer", "head")) == 2).all()
    matrix = wb.heads.knockout(model("llama"), corpus(), found, controls=1, progress=False)
    assert matrix.heads.values.tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top": 12}, "give a whole number from 1 to 11: .* 12 heads"),
        ({"top": 0}, "top"),
        ({"confidence": 1.0}, "confidence"),
        ({"first": 1}, "at least 2"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(BadArgument, match=message):
        wb.heads.search(model("llama"), corpus(), progress=False, **{"top": 2, **options})


def test_a_model_without_heads_is_refused(monkeypatch):
    monkeypatch.setitem(model("llama").abilities, "head", False)
    with pytest.raises(UnsupportedSite, match="head"):
        wb.heads.search(model("llama"), corpus(), top=2, progress=False)


def test_an_interrupt_keeps_finished_languages(monkeypatch):
    run, calls = module.race, []

    def stop(*args, **options):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return run(*args, **options)

    monkeypatch.setattr(module, "race", stop)
    with pytest.raises(Interrupted, match="finished languages: de of 3") as caught:
        wb.heads.search(model("llama"), corpus(), top=2, progress=False)
    partial = caught.value.partial
    assert np.isfinite(partial["mean"]).all(("layer", "head")).to_numpy().tolist() == [True, False, False]
    assert partial.member.sum(("layer", "head")).to_numpy().tolist() == [2, 0, 0]
