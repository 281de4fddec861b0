"""The live lens, driven from Python as a reader drives it from the page."""

import asyncio
import sys

import numpy as np
import pytest

import workbench as wb
from tests.models import byte_tokenizer, tiny
from workbench.errors import BadArgument, BadResult, TooLarge
from workbench.live.delay import Delay
from workbench.live.lens import MOST_TOKENS
from workbench.model.load import load_model

MODULE = sys.modules["workbench.live.lens"]  # the function has the same name
TEXT = "Der Hund"
SCRIPTS = {
    "Latin": "Le chien dort.",
    "Arabic": "القط ينام",
    "Devanagari": "बिल्ली सोती है",
    "Japanese": "猫が寝る",
    "Cyrillic": "Кошка спит",
}


@pytest.fixture(scope="module")
def model():
    return load_model(tiny("llama"), tokenizer=byte_tokenizer())


@pytest.fixture(scope="module")
def tuned(model):
    corpus = wb.load_corpus({"de": ["Guten Tag", "ja ja"], "fr": ["un chat", "oui"]})
    return wb.lens.tune(model, corpus, steps=9, rows=4, rate=0.1, held_out=0.5, progress=False)


@pytest.fixture
def widget(model):
    return wb.live.lens(model, TEXT)


@pytest.fixture
def runs(monkeypatch):
    """Texts that the model read."""
    texts, plain = [], wb.lens.logit_lens
    monkeypatch.setattr(MODULE, "logit_lens", lambda *a, **k: texts.append(a[1]) or plain(*a, **k))
    return texts


def drawn(widget):
    return np.asarray(widget.grid.figure.data[0].z, dtype=float)


def same(figure, other):
    """Whether two figures have the same cells: numbers, texts, hover texts and tokens of the axis."""
    ticks = [one.layout.xaxis.ticktext for one in (figure, other)]
    pairs = list(zip(figure.data, other.data, strict=True))
    for one, two in pairs:
        np.testing.assert_array_equal(np.array(one.z, dtype=float), np.array(two.z, dtype=float))
        assert np.array(one.text).tolist() == np.array(two.text).tolist()
        assert np.array(one.hovertext).tolist() == np.array(two.hovertext).tolist()
        assert one.name == two.name
    return ticks[0] == ticks[1] and figure.layout.width == other.layout.width


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_a_typed_text_is_drawn_as_the_figure_of_its_lens(model, widget, text):
    for colour in ("probability", "language", "rank"):
        widget.colour.value = colour
        widget.text.value = text
        result = wb.lens.logit_lens(model, text, top=3, progress=False)
        assert widget.result.equals(result)
        assert same(widget.grid.figure, wb.figures.lens_grid(result, colour=widget.colour.value))
        assert f"\u2068{text}\u2069" in widget.grid.heading.value
    assert widget.note.value == "" and widget.page.status.startswith(f"{result.sizes['position']} tokens, logit lens.")


def test_the_menus_change_colour_lens_and_target(model, tuned):
    widget = wb.live.lens(model, TEXT, tuned=tuned)
    assert widget.lens.layout.display is None and wb.live.lens(model, TEXT).lens.layout.display == "none"
    widget.lens.value = "logit lens"
    plain = drawn(widget)
    widget.lens.value = "tuned lens"
    expected = wb.lens.logit_lens(model, TEXT, tuned=tuned, progress=False).probability.values[0]
    np.testing.assert_array_equal(drawn(widget), expected)
    assert not np.allclose(expected, plain) and "tuned lens." in widget.page.status
    widget.target.value = " kalt "
    widget.colour.value = "rank"
    ranks = wb.lens.logit_lens(model, TEXT, tuned=tuned, target="kalt", progress=False)["rank"].values[0]
    np.testing.assert_allclose(10 ** drawn(widget), ranks)
    assert "How far is each layer from saying “kalt”?" in widget.grid.heading.value


def test_a_colour_alone_runs_nothing(widget, runs):
    widget.colour.value = "entropy"
    widget.colour.value = "language"
    assert runs == []


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "Type a text"), (" \t", "Type a text"), ("a" * 200, "make it shorter")],
)
def test_a_text_that_will_not_do_is_answered_in_a_line(widget, text, words):
    before = drawn(widget)
    widget.text.value = text
    assert words in widget.note.value and 'role="alert"' in widget.note.value
    assert "The previous text is still shown." in widget.note.value
    np.testing.assert_array_equal(drawn(widget), before)
    widget.text.value = TEXT
    assert widget.note.value == ""


def test_any_error_is_shown_in_the_widget(widget, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no <memory>")

    monkeypatch.setattr(MODULE, "logit_lens", fail)
    widget.text.value = "Na ja"
    assert "RuntimeError: no &lt;memory&gt;. The previous text" in widget.note.value
    assert "reads" not in widget.page.status


def test_odd_texts_are_read_and_warnings_are_notes(widget):
    widget.text.value = "half of an emoji \ud83d <b>"
    assert widget.note.value == "" and "\ufffd &lt;b&gt;\u2069" in widget.grid.heading.value
    widget.text.value = "the end<eos>"
    assert 'role="note"' in widget.note.value and "special tokens" in widget.note.value


def test_what_is_typed_in_quick_succession_is_read_once(widget, runs):
    async def type_letters():
        for end in range(1, 6):
            widget.text.value = "Hallo"[:end]
            await asyncio.sleep(0.01)
        assert runs == []
        await asyncio.sleep(0.6)

    asyncio.run(type_letters())
    assert runs == ["Hallo"]
    assert widget.result.text.values.tolist() == ["Hallo"]


def test_a_delayed_call_comes_once_and_can_be_dropped():
    calls = []

    async def ask():
        delay = Delay(lambda: calls.append(1), seconds=0.02)
        delay()
        delay()
        await asyncio.sleep(0.1)
        delay()
        delay.cancel()
        await asyncio.sleep(0.1)

    asyncio.run(ask())
    assert calls == [1]
    Delay(lambda: calls.append(2))()
    assert calls == [1, 2]


def test_the_theme_of_the_page_is_followed_and_the_width_is_the_grids_own(widget):
    light, width = widget.grid.figure.layout.template.layout.font.color, widget.grid.figure.layout.width
    widget.page.width, widget.page.dark = 700, True
    assert widget.grid.figure.layout.template.layout.font.color != light
    assert widget.grid.figure.layout.width == width
    widget.text.value = TEXT * 3
    assert widget.grid.figure.layout.width > width
    assert widget.grid.figure.layout.template.layout.font.color != light


def test_it_shows_in_a_notebook_and_says_what_to_do_elsewhere(widget):
    assert "application/vnd.jupyter.widget-view+json" in widget._repr_mimebundle_()
    assert "\n" not in repr(widget) and "wb.figures.lens_grid(wb.lens.logit_lens(model, text))" in repr(widget)


def test_what_cannot_be_read_is_refused(model, tuned):
    other = load_model(tiny("gpt2"), tokenizer=byte_tokenizer())
    for call, error, message in (
        (lambda: wb.live.lens("polyglot"), BadArgument, "load_model"),
        (lambda: wb.live.lens(model, " "), BadArgument, "Type a text"),
        (lambda: wb.live.lens(model, "a" * (MOST_TOKENS + 9)), TooLarge, "make it shorter"),
        (lambda: wb.live.lens(model, TEXT, tuned=wb.lens.logit_lens(model, TEXT, progress=False)), BadResult, "tune"),
        (lambda: wb.live.lens(other, TEXT, tuned=tuned.isel(layer=[0])), BadArgument, "tune one for it"),
    ):
        with pytest.raises(error, match=message):
            call()
