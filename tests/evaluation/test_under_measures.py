"""Agreement, consistency and confusion without groups of heads, against plain loops over `accuracy` and `respond`."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests.evaluation.test_accuracy import QUICK, rows
from workbench.errors import BadArgument, BadCorpus, BadResult
from workbench.evaluation import edit_measures
from workbench.evaluation.edit_measures import agreement, consistency, linearized
from workbench.results.groups import random_groups, read_units

GROUPS = {"de": [(0, 0), (0, 1), (1, 2)], "en": [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1)], "none": []}
CONTROLS = 2
SCRIPT = ("de", "ru", "fr")
PROMPTS = pd.DataFrame(
    [
        ("openings", source, language, f"{language} {source} {number}: ja nein")
        for language, source, count in (("de", "a", 4), ("de", "b", 2), ("ru", "a", 16), ("fr", "b", 3))
        for number in range(count)
    ],
    columns=["task", "source", "language", "prompt"],
)
ANSWERS = {"tokens": 16, "temperature": 0.8}


def runs(model):
    """Group to its heads, then those of its random groups."""
    for name, pairs in GROUPS.items():
        mask = read_units(pairs, model.n_layers, model.n_heads, unit="head")
        drawn = random_groups(name, mask, CONTROLS, seed=0, unit="head", reuse_own=True)
        yield name, [np.argwhere(own).tolist() for own in (mask, *drawn)]


def check(effects, model, measure, languages):
    """Every variable of change against a plain loop; `measure` takes the heads that are off and gives [language]."""
    clean = measure(None)
    np.testing.assert_allclose(effects.baseline.sel(language=languages), clean, atol=1e-11)
    for name, sets in runs(model):
        own, *random = (100 * (measure(heads) - clean) for heads in sets)
        cell = effects.sel(group=name, language=languages)
        np.testing.assert_allclose(cell.delta, own, atol=1e-9)
        np.testing.assert_allclose(cell.control_delta, random, atol=1e-9)
        np.testing.assert_allclose(cell.control_mean, np.mean(random, 0), atol=1e-9)
        np.testing.assert_allclose(cell.excess, own - np.mean(random, 0), atol=1e-9)
        for end, tail in (("low", 0.025), ("high", 0.975)):
            np.testing.assert_allclose(cell[f"control_{end}"], np.quantile(random, tail, axis=0), atol=1e-9)
        known = ~np.isnan(own)
        assert (cell.low.values <= cell.delta.values + 1e-9)[known].all()
        assert (cell.delta.values <= cell.high.values + 1e-9)[known].all()
    moved = effects.delta.sel(group=["de", "en"]).values
    assert np.nanmax(np.abs(moved)) > 0, "the heads must matter, or the comparison says nothing"


@pytest.mark.parametrize(("measure", "variable"), [("agreement", "agreement"), ("consistency", "excess")])
def test_agreement_is_that_of_consistency_in_a_loop(wrapped, measure, variable):
    model, task = wrapped("llama"), wb.load_task(rows(SCRIPT, items=16, options=("ab", "cd", "ef")))
    effects = wb.evaluation.under(model, task, GROUPS, measure=measure, controls=CONTROLS, **QUICK)

    def loop(heads):
        answers = wb.evaluation.accuracy(model, task, heads=heads, answer_only=False, **QUICK)
        pairs = wb.evaluation.consistency(answers, permutations=1)[variable].values
        return np.array([np.mean([pairs[k, m] for m in range(3) if m != k]) for k in range(3)])

    check(effects, model, loop, list(SCRIPT))
    assert effects.attrs["measure"] == measure and "mcnemar" not in effects and effects.p_value.shape == (3, 3)


def test_consistency_of_items_is_linear_in_what_each_item_adds():
    """Where the number of options varies; the slope against a copy of the data with one item more."""
    generator = np.random.default_rng(0)
    n, options = 300, np.repeat([2, 4, 5], 100)
    place = generator.integers(0, options)
    gold = place[:, None] == np.arange(5)
    choice = generator.integers(0, options, (3, n))
    choice[1] = np.where(generator.random(n) < 0.5, choice[0], choice[1])
    values = consistency(choice, gold, options)

    def excess(items):
        total = np.zeros(3)
        for k in range(3):
            for m in {0, 1, 2} - {k}:
                same = (choice[k, items] == choice[m, items]).mean()
                for width in (2, 4, 5):
                    own = items[options[items] == width]
                    a, b = ((choice[row, own] == place[own]).mean() for row in (k, m))
                    same -= len(own) / len(items) * (a * b + (1 - a) * (1 - b) / (width - 1))
                total[k] += same / 2
        return total

    every = np.arange(n)
    np.testing.assert_allclose(values.mean(1), excess(every), atol=1e-12)
    for item in (0, 150, 299):
        pseudo = excess(every) + (n + 1) * (excess(np.append(every, item)) - excess(every))
        np.testing.assert_allclose(values[:, item], pseudo, atol=0.03)
    assert agreement(choice)[2] == pytest.approx(((choice[2] == choice[0]) + (choice[2] == choice[1]).astype(int)) / 2)


def identify(text):
    """A stub that changes with what is written."""
    letters = [letter for letter in text if letter.isalpha()]
    return ("ru", "de", "ru", "fr")[len(letters) % 4], 0.9


def segmented(text):
    """Characters, some of which count as an English word."""
    return ["word" if ord(letter) % 16 == 0 else letter for letter in text]


SEGMENT = dict.fromkeys(SCRIPT, segmented)


@pytest.mark.parametrize("measure", ["line_pass", "word_pass", "lines_right"])
def test_confusion_is_that_of_responses_in_a_loop(wrapped, measure):
    model = wrapped("llama")
    how = {"identify": identify, "segment": SEGMENT, "words": ["word"]}
    effects = wb.evaluation.under(
        model, PROMPTS, GROUPS, measure=measure, controls=CONTROLS, respond=ANSWERS, **how, **QUICK
    )
    tables = {}

    def loop(heads):
        table = wb.evaluation.respond(model, PROMPTS, heads=heads, **ANSWERS, **QUICK)
        tables[str(heads)] = result = wb.evaluation.confusion(table, **how)
        return result[f"mean_{measure}"].sel(task="openings", language=list(SCRIPT)).values

    check(effects, model, loop, list(SCRIPT))
    assert np.isnan(effects.delta.sel(language="de")).all() == (measure == "word_pass")
    for name, pairs in GROUPS.items():
        skipped = tables[str([list(pair) for pair in pairs])].skipped.sum(("task", "source"), min_count=1)
        np.testing.assert_array_equal(
            effects.skipped.sel(group=name, language=list(SCRIPT)), skipped.sel(language=list(SCRIPT))
        )
    assert wb.results.provenance(effects)["parameters"]["respond"]["tokens"] == 16
    assert effects.sizes["item"] == 16 and wb.figures.matrix(effects, "excess").data


def test_a_rate_of_items_by_hand():
    part, whole = np.array([1, 0, 1, 0, 1]), np.array([1, 1, 1, 0, 1])
    source = np.array(["a", "a", "a", "a", "b"])
    values = linearized(part, whole, source)
    assert values.mean() == pytest.approx((2 / 3 + 1) / 2)
    assert values - values.mean() == pytest.approx(np.array([1 / 3, -2 / 3, 1 / 3, 0, 0]) * 5 / 2 / 3)
    assert np.isnan(linearized(part, np.zeros(5), source)).all()


def test_where_no_response_counts_nothing_is_claimed(wrapped):
    effects = wb.evaluation.under(
        wrapped("llama"), PROMPTS, GROUPS, controls=1, respond={"tokens": 1}, identify=identify, **QUICK
    )
    assert np.isnan(effects.delta).all() and np.isnan(effects.p_value).all() and np.isnan(effects.baseline).all()
    assert effects.baseline_skipped.sel(language=list(SCRIPT)).values.tolist() == [6, 16, 3]


def test_what_cannot_be_measured_is_refused(wrapped):
    model, task = wrapped("llama"), wb.load_task(rows(items=3))
    with pytest.raises(BadArgument, match="measure='line_pass'"):
        wb.evaluation.under(model, task, GROUPS, measure="line_pass", **QUICK)
    with pytest.raises(BadArgument, match="measure='accuracy'"):
        wb.evaluation.under(model, PROMPTS, GROUPS, measure="accuracy", identify=identify, **QUICK)
    with pytest.raises(BadArgument, match="identify=None; measure='line_pass' needs it"):
        wb.evaluation.under(model, PROMPTS, GROUPS, **QUICK)
    with pytest.raises(BadArgument, match="words=None; measure='word_pass' needs it"):
        wb.evaluation.under(model, PROMPTS, GROUPS, measure="word_pass", identify=identify, **QUICK)
    with pytest.raises(BadArgument, match=r"does not take: .*'beam'"):
        wb.evaluation.under(model, PROMPTS, GROUPS, identify=identify, respond={"beam": 2}, **QUICK)
    for option in ({"format": "letters"}, {"normalize": "bytes"}, {"shots": 1}):
        with pytest.raises(BadArgument, match=f"{next(iter(option))}: of a task only"):
            wb.evaluation.under(model, PROMPTS, GROUPS, identify=identify, **option, **QUICK)
    for option in ({"identify": identify}, {"words": ["house"]}, {"segment": {}}, {"respond": ANSWERS}):
        with pytest.raises(BadArgument, match=f"{next(iter(option))}: of prompts only"):
            wb.evaluation.under(model, task, GROUPS, **option, **QUICK)
    both = pd.concat([PROMPTS, PROMPTS.assign(task="other")])
    with pytest.raises(BadCorpus, match=r"several tasks \(openings, other\)"):
        wb.evaluation.under(model, both, GROUPS, identify=identify, **QUICK)
    apart = rows(("de",), items=3) + [{**row, "id": f"x{row['id']}"} for row in rows(("en",), items=3)]
    with pytest.raises(BadResult, match="not aligned"):
        wb.evaluation.under(model, wb.load_task(apart), GROUPS, measure="agreement", **QUICK)


def test_a_type_error_inside_is_no_unknown_option(monkeypatch, wrapped):
    def respond(model, prompts, *, tokens, **_):
        raise TypeError("a defect inside")

    monkeypatch.setattr(edit_measures, "respond", respond)
    with pytest.raises(TypeError, match="a defect inside"):
        wb.evaluation.under(wrapped("llama"), PROMPTS, GROUPS, identify=identify, respond=ANSWERS, **QUICK)
