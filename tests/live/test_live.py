"""The live explorer, driven from Python as a reader drives it from the page."""

import numpy as np
import pytest

import workbench as wb
from tests.models import byte_tokenizer, tiny
from workbench.errors import BadArgument, BadResult, TooLarge, UnsupportedSite
from workbench.live.reading import MOST_TOKENS, Reader
from workbench.model.load import load_model
from workbench.results.make import make_result
from workbench.text.corpus import Corpus

TEXTS = {"ar": ("هطل المطر", "نعم لا"), "de": ("Der Hund", "Es regnet"), "hi": ("बारिश", "कुत्ता है")}
LAYERS, HEADS, NEURONS = 3, 4, 48


@pytest.fixture(scope="module")
def model():
    return load_model(tiny("llama"), tokenizer=byte_tokenizer())


@pytest.fixture(scope="module")
def corpus():
    return Corpus(TEXTS, aligned=True, source="test")


@pytest.fixture(scope="module")
def results(model):
    """What the analyses return, with numbers that nothing had to be computed for."""
    rng = np.random.default_rng(0)
    cells, shape = ("language", "layer", "head"), (3, LAYERS, HEADS)

    def made(variables):
        about = {"language": list(TEXTS)}
        return make_result(variables, about, method="tests", parameters={}, model=model.info)

    delta = rng.normal(size=shape)
    ends = {"low": (cells, delta - 1, "low [nats]"), "high": (cells, delta + 1, "high [nats]")}
    kind = rng.choice(["specific", "related", "other"], (LAYERS, NEURONS))
    return [
        made({"delta": (cells, delta, "change of the loss [nats]"), **ends}),
        made({"importance": (cells, rng.random(shape), "importance [nats]")}),
        made(
            {
                "role": (("layer", "head"), np.full((LAYERS, HEADS), "specific"), "role"),
                "member": (cells, np.arange(3)[:, None, None] == np.ones(shape), "belongs to"),
            }
        ),
        made(
            {
                "kind": (("layer", "neuron"), kind, "class"),
                "member": (("language", "layer", "neuron"), rng.random((3, LAYERS, NEURONS)) > 0.5, "belongs to"),
            }
        ),
    ]


@pytest.fixture
def widget(model, corpus, results):
    return wb.live.explorer(model, *results, sentences=corpus)


@pytest.fixture
def bare(model, corpus):
    return wb.live.explorer(model, sentences=corpus)


def drawn(panel, trace=0):
    return np.asarray(panel.figure.data[trace].z, dtype=float)


def measured(model, text):
    """[layer, head, query, key], NaN where a token may not look."""
    found = wb.model.capture(model, text, "pattern").pattern.values[0]
    return np.where(np.tri(found.shape[-1], dtype=bool), found, np.nan)


def click(panel, layer, head, trace=0):
    """What the page sends when a cell is clicked."""
    points = {"trace_indexes": [trace], "point_indexes": [[layer, head]], "xs": [head], "ys": [layer]}
    panel.figure._js2py_pointsCallback = {"event_type": "plotly_click", "points": points}


def test_what_is_drawn_is_the_models_pattern(model, bare):
    for side, code in enumerate(("ar", "de")):
        np.testing.assert_allclose(drawn(bare.patterns, side), measured(model, TEXTS[code][0])[0, 0], atol=1e-6)
    bare.chooser.layer, bare.chooser.head = 2, 3
    np.testing.assert_allclose(drawn(bare.patterns, 1), measured(model, TEXTS["de"][0])[2, 3], atol=1e-6)
    assert bare.patterns.figure.layout.xaxis2.ticktext[:3] == ("&lt;bos&gt;", "D", "e")


def test_typing_a_sentence_draws_its_pattern_and_colours_the_heads(model, bare):
    before = drawn(bare.grid)
    bare.sides[0].text.value = "गाड़ी चली"
    np.testing.assert_allclose(drawn(bare.patterns), measured(model, "गाड़ी चली")[0, 0], atol=1e-6)
    assert not np.allclose(drawn(bare.grid), before)
    assert bare.patterns.figure.layout.annotations[0].text == "typed text"
    assert bare.patterns.figure.layout.annotations[1].text == "German · Deutsch"
    assert len(bare.patterns.figure.data[0].z) == len(bare.patterns.figure.layout.xaxis.tickvals)


def test_habits_of_a_text_are_those_of_kinds(model):
    text = "Der Hund und der Hund"
    expected = wb.heads.kinds(model, Corpus({"de": (text,)}, True, "test"), progress=False).isel(language=0)
    habits = Reader(model)(text).habits
    assert set(habits) == {"previous", "first", "current", "distance", "entropy"}
    for name, values in habits.items():
        np.testing.assert_allclose(values, expected[name], atol=1e-5)


def test_a_text_is_run_once(model, monkeypatch):
    reader, runs = Reader(model), []
    states = type(model).states
    monkeypatch.setattr(type(model), "states", lambda self, *a, **k: runs.append(1) or states(self, *a, **k))
    assert reader("Es regnet") is reader("Es regnet")
    assert len(runs) == 1


def test_menus_keys_and_clicks_choose_one_head(widget):
    widget.layer.value = 1
    widget.chooser.head = 2
    assert (widget.chooser.layer, widget.head.value) == (1, 2)
    click(widget.grid, 2, 3, trace=1)
    assert (widget.layer.value, widget.head.value) == (2, 3)
    assert widget.sides[0].language.value == "de"
    frame = widget.grid.figure.layout.shapes[0]
    assert (frame.x0, frame.y0, len(widget.grid.figure.layout.shapes)) == (2.5, 1.5, 6)
    assert "head 3 of layer 2" in widget.patterns.heading.value
    assert widget.chooser.status.startswith("Layer 2, head 3.")


def test_results_are_drawn_by_language_with_their_intervals(widget, results):
    widget.chooser.layer, widget.chooser.head = 1, 2
    importance, delta = widget.numbers.figure.data
    np.testing.assert_allclose(delta.x, results[0].delta[:, 1, 2])
    np.testing.assert_allclose(delta.error_x.array, 1)
    np.testing.assert_allclose(importance.x, results[1].importance[:, 1, 2])
    np.testing.assert_allclose(drawn(widget.grid, 2), results[1].importance.sel(language="hi"))
    specific = widget.classes.figure.data[0].x[0]
    assert specific == int((results[3].kind[1] == "specific").sum())
    rank = 1 + int((results[1].importance[0] > results[1].importance[0, 1, 2]).sum())
    assert f"rank {rank} of 12 heads" in widget.chooser.status
    assert "Role: specific (German)." in widget.chooser.status


def test_another_measure_brings_its_own_scale_and_panels(widget):
    assert len(widget.grid.figure.data) == 3
    widget.measure.value = "change of the loss [nats]"
    scale = widget.grid.figure.layout.coloraxis
    assert scale.cmid == 0 and scale.cmin == -scale.cmax
    widget.measure.value = "importance [nats]"
    assert widget.grid.figure.layout.coloraxis.cmid is None
    widget.measure.value = next(name for name in widget.measure.options if "entropy" in name)
    assert [trace.meta["language"] for trace in widget.grid.figure.data] == ["left text", "right text"]
    np.testing.assert_allclose(drawn(widget.grid, 1), widget.sides[1].reading.habits.entropy)
    click(widget.grid, 0, 1)
    assert (widget.chooser.layer, widget.chooser.head, widget.sides[0].language.value) == (0, 1, "ar")


def test_a_typed_text_stays_and_a_sentence_changes_with_its_language(widget):
    left, right = widget.sides
    left.text.value = "Guten Tag"
    left.language.value = right.language.value = "hi"
    assert (left.text.value, right.text.value) == ("Guten Tag", TEXTS["hi"][0])
    widget.sentence.value = 1
    assert (left.text.value, right.text.value) == (TEXTS["hi"][1], TEXTS["hi"][1])
    assert left.title == right.title == "Hindi · हिन्दी"


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "Type a sentence"), ("  \t", "Type a sentence"), ("a" * (MOST_TOKENS + 9), "make it shorter")],
)
def test_a_text_that_will_not_do_is_answered_in_a_line(bare, text, words):
    before = drawn(bare.patterns)
    bare.sides[0].text.value = text
    assert words in bare.sides[0].note.value and 'role="alert"' in bare.sides[0].note.value
    np.testing.assert_array_equal(drawn(bare.patterns), before)
    bare.sides[0].text.value = "gut"
    assert bare.sides[0].note.value == ""


def test_odd_texts_are_read(bare):
    bare.sides[0].text.value = "ᏣᎳᎩ"
    assert "few pieces of this script" in bare.sides[0].note.value
    bare.sides[0].text.value = "half of an emoji \ud83d <b>"
    assert bare.sides[0].note.value == ""
    assert len(bare.sides[0].reading.tokens) == drawn(bare.patterns).shape[0]


def test_the_theme_and_the_width_of_the_page_are_followed(widget):
    light = widget.patterns.figure.layout.template.layout.font.color
    widget.chooser.width, widget.chooser.dark = 900, True
    for panel in (widget.grid, widget.patterns, widget.numbers, widget.classes):
        assert panel.figure.layout.template.layout.font.color != light
        assert panel.figure.layout.width == 900
    widget.chooser.head = 1
    assert widget.patterns.figure.layout.width == 900


def test_a_lens_among_the_results_follows_the_left_text(model, corpus, results, bare):
    stored = wb.lens.logit_lens(model, ["Na ja", "Gut"], progress=False)
    widget = wb.live.explorer(model, results[1], stored, sentences=corpus)
    assert bare.lens is None and widget.lens.result.text.values.tolist() == [TEXTS["ar"][0]]
    widget.sides[0].text.value = "गाड़ी चली"
    widget.sides[1].text.value = "ja"
    expected = wb.lens.logit_lens(model, "गाड़ी चली", progress=False)
    np.testing.assert_array_equal(drawn(widget.lens.grid), expected.probability.values[0])
    with pytest.raises(BadResult, match="another model"):
        wb.live.explorer(model, stored.isel(layer=[0, 1]), sentences=corpus)


def test_it_shows_in_a_notebook(bare):
    assert "application/vnd.jupyter.widget-view+json" in bare._repr_mimebundle_()


def test_what_cannot_be_shown_is_refused(model, corpus, results):
    with pytest.raises(BadArgument, match="load_model"):
        wb.live.explorer("polyglot")
    with pytest.raises(BadResult, match="another model"):
        wb.live.explorer(model, results[1].isel(head=[0, 1]), sentences=corpus)
    with pytest.raises(BadResult, match="other weights"):
        wb.live.explorer(load_model(tiny("llama", seed=1), tokenizer=byte_tokenizer()), results[1], sentences=corpus)
    with pytest.raises(TooLarge, match="give sentences"):
        wb.live.explorer(model, sentences=Corpus({"de": ("a " * 500,)}, True, "test"))


def test_sentences_too_long_to_draw_are_left_out(model):
    sentences = Corpus({"de": ("a " * 99, "Es regnet"), "en": ("a", "It rains")}, True, "test")
    assert wb.live.explorer(model, sentences=sentences).sentence.options == (("0 · It rains", 0),)


def test_a_model_without_patterns_is_refused(model, corpus, monkeypatch):
    monkeypatch.setitem(model.abilities, "pattern", False)
    with pytest.raises(UnsupportedSite):
        wb.live.explorer(model, sentences=corpus)
