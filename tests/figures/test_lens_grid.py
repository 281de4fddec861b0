"""The grid of a lens writes every token where it belongs, in its direction, and says the rest when hovered."""

import numpy as np
import pytest
import xarray as xr

from workbench.errors import BadArgument
from workbench.figures import lens_grid
from workbench.figures.lens_grid import legend_above
from workbench.results.make import make_result

AXES = ("prompt", "layer", "position")
SAID = [[[" a", "<b>", "كتا"], ["日", " b", "z"]], [["x", "", ""], ["y", "", ""]]]
LANGUAGE = [[["Latin", "unknown", "Arabic"], ["ja", "Latin", "Latin"]], [["de", "", ""], ["Latin", "", ""]]]


@pytest.fixture
def found():
    there = np.array(SAID, dtype=object) != ""
    numbers = {
        "probability": np.where(there, 0.25, np.nan),
        "entropy": np.where(there, np.arange(6.0).reshape(1, 2, 3), np.nan),
        "rank": np.where(there, [[[1, 10, np.nan], [100, 1, np.nan]], [[np.nan] * 3] * 2], np.nan),
        "target_probability": np.where(there, 0.125, np.nan),
        "logit_difference": np.where(there, -1.5, np.nan),
    }
    words = {"top_token": (AXES, np.array(SAID, dtype=object), "token"), "language": (AXES, LANGUAGE, "language")}
    target = [["t", " b", ""], ["", "", ""]]
    result = make_result(
        {name: (AXES, values, f"{name} in words") for name, values in numbers.items()}
        | words
        | {"target": (AXES[::2], target, "target"), "text": (AXES[:1], ["one <two>", "three"], "text")},
        {},
        method="lens.logit_lens",
        parameters={},
        model={"name": "tiny"},
    )
    return result.assign_coords(token=(AXES[::2], [["<s>", " ك", "c"], ["d", "", ""]]))


def test_every_cell_has_its_token_and_its_number(found):
    figure = lens_grid(found)
    (trace,) = figure.data
    assert trace.text.tolist() == [["<b>␣a</b>", "&lt;b&gt;", "\u2067كتا\u2069"], ["日", "<b>␣b</b>", "z"]]
    assert np.array_equal(trace.z, found.probability.values[0])
    assert list(figure.layout.xaxis.ticktext) == ["&lt;s&gt;", "\u2067␣ك\u2069", "c"]
    assert list(figure.layout.yaxis.ticktext) == ["embedding", "output"]
    assert figure.layout.coloraxis.cmax == 1
    assert "one &lt;two&gt;" in figure.layout.title.subtitle.text and "model tiny" in figure.layout.title.subtitle.text
    assert not figure.layout.updatemenus


def test_hovering_says_everything(found):
    cell = lens_grid(found).data[0].hovertext[0][1]
    for part in (
        "embedding, after \u2068“\u2067␣ك\u2069”\u2069</b> (position 1)",
        "says \u2068“&lt;b&gt;”\u2069, probability 0.25",
        "language no letters",
        "entropy 1 nats",
        "target \u2068“␣b”\u2069: rank 10, probability 0.125",
        "target less foil -1.5 logits",
    ):
        assert part in cell
    assert "Japanese · 日本語" in lens_grid(found).data[0].hovertext[1][0]
    assert "target \u2068" not in lens_grid(found).data[0].hovertext[0][2]


def test_candidates_are_said_too(found):
    more = found.assign(
        candidate=((*AXES, "place"), np.full((2, 2, 3, 2), "k", dtype=object)),
        candidate_probability=((*AXES, "place"), np.full((2, 2, 3, 2), 0.1)),
    )
    assert "then \u2068“k”\u2069 0.1" in lens_grid(more).data[0].hovertext[0][0]


def test_ranks_are_logarithmic_with_the_first_brightest(found):
    figure = lens_grid(found, colour="rank")
    np.testing.assert_allclose(figure.data[0].z, [[0, 1, np.nan], [2, 0, np.nan]])
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (0, 2)
    assert list(figure.layout.coloraxis.colorbar.ticktext) == ["1", "10", "100"]
    assert figure.layout.title.text == "How far is each layer from saying what really follows?"


def test_a_word_is_named_where_one_is_followed(found):
    word = found.assign(target=(AXES[::2], np.array([["t", "t", "t"], ["t", "", ""]], dtype=object)))
    for prompt in (0, 1):
        figure = lens_grid(word, prompt=prompt, colour="rank")
        assert figure.layout.title.text == "How far is each layer from saying “t”?"
        assert "begins the word" in figure.layout.title.subtitle.text
    short = lens_grid(found.assign(target=(AXES[::2], [["a", "a", ""], ["", "", ""]])), colour="rank")
    assert "what really follows" in short.layout.title.subtitle.text  # "aaa" is no word that is followed


def test_languages_are_colours_with_a_legend(found):
    figure = lens_grid(found, colour="language")
    assert [trace.name for trace in figure.data] == ["Japanese · 日本語", "Arabic script", "Latin script", "no letters"]
    assert sum(np.isfinite(np.array(trace.z, dtype=float)).sum() for trace in figure.data) == 6
    assert len({trace.colorscale[1][1] for trace in figure.data}) == 4


def test_texts_become_a_menu(found):
    figure = lens_grid(found, prompt=None, colour="language")
    buttons = figure.layout.updatemenus[0].buttons
    assert [button.label for button in buttons] == ["\u2068one &lt;two&gt;\u2069", "\u2068three\u2069"]
    for number, button in enumerate(buttons):
        shown, layout = button.args
        assert sum(shown["visible"]) == (4, 2)[number]
        assert layout["xaxis"]["ticktext"] == [["&lt;s&gt;", "\u2067␣ك\u2069", "c"], ["d"]][number]
    assert [trace.visible for trace in figure.data] == buttons[0].args[0]["visible"]
    assert len(lens_grid(found, prompt=1).data[0].x) == 1


def test_other_results_and_texts_are_refused(found):
    for options, message in (
        ({"prompt": 2}, "prompt=2; give a whole number from 0 to 1: the texts"),
        ({"prompt": []}, "give the number of a text"),
        ({"prompt": [0, 0]}, "several different ones"),
        ({"colour": "red"}, "has: probability, entropy, rank, language"),
    ):
        with pytest.raises(BadArgument, match=message):
            lens_grid(found, **options)
    for other in (xr.Dataset(), found.drop_vars("token"), found.isel(prompt=0)):
        with pytest.raises(BadArgument, match=r"draws what lens\.logit_lens returns"):
            lens_grid(other)


def test_a_legend_above_leaves_the_cells_alone(found):
    figure = lens_grid(found, colour="language")
    above = legend_above(lens_grid(found, colour="language"))
    assert above.layout.legend.orientation == "h" and above.layout.legend.yanchor == "bottom"
    assert [trace.to_plotly_json().keys() for trace in above.data] == [t.to_plotly_json().keys() for t in figure.data]
    assert legend_above(lens_grid(found)).layout.legend.orientation is None
