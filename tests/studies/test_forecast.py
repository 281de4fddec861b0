"""What a study costs: a few passes are timed by a clock of the test's, and multiplied; the rest is measured."""

from itertools import accumulate, count

import numpy as np
import pytest

import workbench as wb
from tests.models import byte_tokenizer, tiny
from workbench.model.memory import budget, readable
from workbench.options import DEFAULTS
from workbench.results.make import make_result
from workbench.studies import forecast
from workbench.studies.analysis import Cell, compute_cells, plan
from workbench.studies.forecast import Forecast, Work, duration, seconds, seconds_per_token
from workbench.studies.patching.sweeps import patch_analysis
from workbench.studies.runs import Run
from workbench.text.corpus import Corpus


@pytest.fixture(scope="module")
def model():
    return wb.load_model(tiny("llama"), tokenizer=byte_tokenizer())


@pytest.fixture
def corpus():
    return Corpus({"de": ("abc", "abcde") * 20, "en": ("abcdefg", "a") * 20}, aligned=True, source="test")


def ticking(*steps):
    """A clock whose intervals are these seconds, the last one for ever."""
    times = accumulate(steps[min(place, len(steps) - 1)] for place in count())
    return lambda: next(times)


def test_a_slow_model_is_timed_on_one_text(model, corpus):
    clock = ticking(1, 9, 9, 1, 2, 3)  # start, two steps of the first pass; start, passing, reading
    encoded = model.encode(corpus)
    tokens = len(encoded[0].ids)
    assert seconds_per_token(model, encoded, clock=clock) == pytest.approx((2 / tokens, 3 / tokens))
    assert clock() - clock() == -3, "two passes and no more"


def test_a_fast_model_is_timed_on_many_texts(model, corpus, monkeypatch):
    sizes = []
    record = forecast.record
    monkeypatch.setattr(forecast, "record", lambda model, batch: sizes.append(len(batch.ids)) or record(model, batch))
    encoded = model.encode(corpus)
    clock = ticking(*[0.001] * 6, 0.001, 0.032, 0.064)
    columns = len(encoded) * max(len(text.ids) for text in encoded)
    assert seconds_per_token(model, encoded, clock=clock) == pytest.approx((0.032 / columns, 0.064 / columns))
    assert sizes == [1, 1, 80]


def test_works_are_passes_and_readings_of_all_tokens_and_a_model_is_timed_once(model, corpus):
    first = model.encode(corpus)[0]
    clock = ticking(0, 1, 1, 0, 2, 3, 1000)
    both, reading, nothing = (
        [Work(model, corpus, 2, 1), Work(model, ["ab"] * 2, 1, 0)],
        [Work(model, corpus, 0, 0.5)],
        [],
    )
    tokens = sum(len(text.ids) for text in model.encode(corpus))
    short = sum(len(text.ids) for text in model.encode(Corpus({"": ("ab", "ab")}, aligned=False, source="test")))
    each = 1 / len(first.ids)
    expected = [(tokens * (2 * 2 + 3) + short * 2) * each, tokens * 0.5 * 3 * each, 0]
    assert seconds([both, reading, nothing], clock=clock) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, ""),
        (9.9, ""),
        (10, "about 10 seconds"),
        (84, "about 80 seconds"),
        (91, "about 1.5 minutes"),
        (1234, "about 21 minutes"),
        (5400, "about 1.5 hours"),
        (100 * 3600, "about 100 hours"),
    ],
)
def test_a_duration_has_two_digits(seconds, words):
    assert duration(seconds) == words


def test_the_plan_names_time_memory_and_what_is_not_known(model, corpus):
    cells = [Cell(name, {}, lambda _: None, [Work(model, corpus, 1, 1)]) for name in ("first", "second")]
    search = Cell("search", {}, lambda _: None)
    assert plan(cells, cells[1:], 9) == "1 result to compute (second); 1 is there already"
    known = "; this takes about 2 minutes on this machine and up to "
    line = plan([*cells, search], [*cells, search], 120)
    assert line.startswith(f"3 results to compute (first, second, search){known}")
    assert line.endswith(" for activations; how long search takes is not known beforehand")
    line = plan([search], [search, Cell("graph", {}, lambda _: None), Cell("contexts", {}, lambda _: None)], 0)
    assert line.endswith("; how long search, graph and contexts take is not known beforehand")
    limited = wb.load_model(tiny("llama"), tokenizer=byte_tokenizer(), memory="2 GB")
    cells = [Cell("first", {}, lambda _: None, [Work(limited, corpus, 1, 1)])]
    assert plan(cells, cells, 120).endswith(f"{known}2 GB for activations") and readable(budget(limited)) == "2 GB"


def test_what_is_left_follows_the_pace_of_the_finished_cells():
    forecast = Forecast({"a": 10, "b": 20, "c": 30})
    assert forecast.left("a", 20) == 50 * 70 / 60  # twice as slow, in a sixth of the run
    assert forecast.left("b", 10) == 30  # 30 foreseen, 30 taken
    assert forecast.left("c", 30) == 0


def test_the_time_that_is_left_is_printed_after_each_long_cell(tmp_path, capfd):
    made = make_result({"x": (("layer",), np.ones(2), "x")}, {}, method="test", parameters={})
    cells = [Cell(name, {"name": name}, lambda _: made) for name in "abc"]
    clock = ticking(0, 60)
    compute_cells(Run(tmp_path), cells, {"a": 60, "b": 120, "c": 5}, clock=clock)
    assert capfd.readouterr().err == "a is ready; about 2.1 minutes left\n"  # then five seconds: no line
    compute_cells(Run(tmp_path), cells)
    assert capfd.readouterr().err == ""


def test_prompts_are_a_work_of_both_runs_and_of_the_cells(model):
    pairs = wb.load_pairs([{"source": "abcd", "target": "abce", "answer": answer, "foil": "y"} for answer in "xz"])
    works = [cell.works[0] for cell in patch_analysis(model, pairs, DEFAULTS).cells]
    tokens = len(model.encode(Corpus({"": ("abce",)}, aligned=False, source="test"))[0].ids)
    layers, heads = model.n_layers, model.n_heads
    assert [work.count for work in works] == [4, 4, 4]
    cells = [layers * layers, layers, layers * heads]  # the prompts differ in their last token alone
    share = [1 / tokens, 1 / tokens / 2, 1 / tokens]
    for work, number, positions in zip(works, cells, share, strict=True):
        assert work.passes == pytest.approx(1 + number * positions / 4)  # targets alone, half of the layers
        assert work.readings == pytest.approx(number / tokens / 2)
