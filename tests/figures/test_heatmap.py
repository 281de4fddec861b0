"""Heatmaps show the result's own numbers, in a fixed order, on a scale that fits their sign."""

import numpy as np
import pytest
import xarray as xr

from tests.figures.conftest import HEADS, LAYERS
from workbench.errors import BadArgument, UnknownLanguage, WorkbenchError
from workbench.figures import heatmap
from workbench.figures.drawing import style
from workbench.figures.question import plain_question
from workbench.results.files import load_result, save_result
from workbench.results.make import make_result


def panel_titles(figure):
    return [note.text for note in figure.layout.annotations]


def test_panels_are_the_languages_by_code_and_hold_the_results_numbers(heads):
    figure = heatmap(heads, "importance")
    assert panel_titles(figure) == ["Arabic · العربية", "German · Deutsch", "Hindi · हिन्दी", "Japanese · 日本語"]
    for trace, code in zip(figure.data, ["ar", "de", "hi", "ja"], strict=True):
        np.testing.assert_array_equal(trace.z, heads.importance.sel(language=code).values)


def test_axes_are_titled_layer_zero_is_at_the_bottom_and_all_panels_zoom_together(heads):
    layout = heatmap(heads, "importance", columns=2).layout
    assert (layout.yaxis.title.text, layout.xaxis3.title.text) == ("Layer", "Head")
    assert layout.yaxis.autorange != "reversed"
    assert layout.yaxis.ticktext == ("0", "1", "2")
    assert layout.xaxis.matches is None
    assert {layout.xaxis2.matches, layout.xaxis4.matches} == {"x"}
    assert layout.xaxis.showticklabels is False


def test_title_asks_the_question_and_the_line_under_it_names_unit_model_and_corpus(heads):
    title = heatmap(heads, "importance").layout.title
    assert title.text == "Which attention heads matter for each language?"
    assert title.subtitle.text == "Colour: LAHIS importance [nats] · model tiny · corpus by hand"
    assert heatmap(heads, "importance", title="Mine").layout.title.text == "Mine"
    one = heatmap(heads, "delta", language="ja").layout.title
    assert one.text == "What does switching one head off cost Japanese?"


@pytest.mark.parametrize(
    ("variable", "axes", "asked"),
    [
        ("kl", ("language",), "How far apart are the two models' outputs in each language?"),
        ("kl", ("mode", "language"), "What do predictions lose when all outputs are replaced at once?"),
        ("kl", ("layer",), "How does kl change with layer?"),
        ("distance", ("language", "layer"), "In which layer do the states of the two models part?"),
        ("distance", ("layer", "head"), "How far back does each head look in the languages?"),
        ("necessity", ("language",), "How much of the task is lost without the circuit, in each language?"),
    ],
)
def test_a_variable_of_the_newer_analyses_is_drawn_under_its_question(variable, axes, asked):
    labels = {"language": ["de", "fr"], "layer": [0, 1], "head": [0, 1], "mode": ["replaced", "mean_ablated"]}
    values = {variable: (axes, np.full((2,) * len(axes), 0.5), "")}
    result = make_result(values, {axis: labels[axis] for axis in axes}, method="tests", parameters={})
    assert plain_question(result, variable) == asked


def test_a_variable_may_bring_its_own_question(heads):
    heads["importance"].attrs["question"] = "Is <this> it?"
    assert heatmap(heads, "importance").layout.title.text == "Is &lt;this&gt; it?"


def test_scale_starts_at_zero_for_what_is_never_negative(heads):
    scale = heatmap(heads, "importance").layout.coloraxis
    assert (scale.cmin, scale.cmax) == (0, pytest.approx(float(heads.importance.max())))
    assert scale.colorbar.title.text == "nats"


@pytest.mark.parametrize("variable", ["delta", "gradient"])
def test_scale_of_signed_numbers_is_symmetric_even_when_all_are_positive(heads, variable):
    scale = heatmap(heads, variable).layout.coloraxis
    assert scale.cmax == pytest.approx(float(np.abs(heads[variable]).max()))
    assert scale.cmin == -scale.cmax
    assert scale.cmid == 0


def test_importance_with_both_signs_becomes_signed(heads):
    heads["importance"] -= 0.5
    scale = heatmap(heads, "importance").layout.coloraxis
    assert scale.cmin == -scale.cmax < 0


def test_all_zero_or_all_missing_still_has_a_scale(heads):
    for value in (0.0, np.nan):
        heads["delta"][:] = value
        scale = heatmap(heads, "delta").layout.coloraxis
        assert (scale.cmin, scale.cmax) == (-1, 1)


def test_select_by_coordinate_keeps_or_drops_the_axis(heads):
    one = heatmap(heads, "delta", language="de")
    np.testing.assert_array_equal(one.data[0].z, heads.delta.sel(language="de").values)
    two = heatmap(heads, "delta", language=["ja", "ar"], layer=[0, 2])
    assert panel_titles(two) == ["Arabic · العربية", "Japanese · 日本語"]
    np.testing.assert_array_equal(two.data[1].z, heads.delta.sel(language="ja").values[[0, 2]])
    assert two.layout.yaxis.ticktext == ("0", "2")
    assert two.layout.yaxis.autorange != "reversed"  # layer 0 is at the bottom here too
    rows = heatmap(heads, "delta", layer=1)
    assert (rows.layout.yaxis.title.text, rows.layout.xaxis.title.text) == ("Language", "Head")
    assert rows.layout.yaxis.autorange == "reversed"
    assert heatmap(heads, "delta", head=slice(1, 2), language="de").data[0].z.shape == (3, 2)


def test_axes_can_be_chosen(heads):
    figure = heatmap(heads, "delta", facet="layer", x="head", y="language")
    assert panel_titles(figure) == ["Layer 0", "Layer 1", "Layer 2"]
    expected = heads.delta.sel(language=["ar", "de", "hi", "ja"]).isel(layer=1).values
    np.testing.assert_array_equal(figure.data[1].z, expected)
    flipped = heatmap(heads, "delta", language="de", x="layer")
    np.testing.assert_array_equal(flipped.data[0].z, heads.delta.sel(language="de").values.T)


def test_hover_names_language_layer_head_value_interval_and_p_value(heads):
    trace = heatmap(heads, "delta").data[1]
    for words in ("German · Deutsch", "Layer %{y:d}", "Head %{x:d}", "delta %{z:.4g} nats", "interval", "p-value"):
        assert words in trace.hovertemplate
    chosen = heads.sel(language="de", layer=2, head=3)
    expected = [float(chosen.low), float(chosen.high), float(chosen.p_value)]
    np.testing.assert_allclose(trace.customdata[2, 3], expected)


def test_an_interval_is_not_lent_to_another_variable_even_after_a_file(heads, tmp_path):
    loaded = load_result(save_result(heads, tmp_path / "heads.nc"))
    assert heatmap(loaded, "gradient").data[0].customdata is None
    assert heatmap(loaded, "delta").data[0].customdata is not None


def test_words_get_a_colour_each_and_a_legend(roles):
    figure = heatmap(roles, "role")
    assert [trace.name for trace in figure.data] == ["specific", "shared", "general", "none"]
    assert all(trace.showlegend for trace in figure.data)
    assert len({trace.colorscale[0][1] for trace in figure.data}) == 4
    for trace in figure.data:
        np.testing.assert_array_equal(np.isfinite(trace.z), roles.role.values == trace.name)
    assert "role: specific" in figure.data[0].hovertemplate


def test_membership_is_yes_and_no_with_one_legend_for_all_panels(heads):
    figure = heatmap(heads, "member")
    assert sum(bool(trace.showlegend) for trace in figure.data) == 2
    first = next(trace for trace in figure.data if trace.name == "yes")
    np.testing.assert_array_equal(np.isfinite(first.z), heads.member.sel(language="ar").values)


def test_every_neuron_is_drawn_in_panels_of_full_width(neurons):
    figure = heatmap(neurons, "fired")
    assert figure.data[0].z.shape == (3, 300)
    np.testing.assert_array_equal(figure.data[0].z, neurons.fired.sel(language="ar").values)
    assert figure.layout.xaxis.domain == figure.layout.xaxis2.domain == (0, 1)
    assert "%{z:,d} tokens" in figure.data[0].hovertemplate


def test_more_neurons_than_pixels_is_said(neurons):
    wide = neurons.isel(neuron=np.arange(1200) % 300).assign_coords(neuron=np.arange(1200))
    figure = heatmap(wide, "fired", language="de")
    assert "1,200 cells across" in figure.layout.title.subtitle.text
    assert figure.data[0].z.shape == (3, 1200)


def test_positions_are_labelled_with_their_tokens_and_no_token_is_read_as_a_tag(sweep):
    figure = heatmap(sweep, "effect")
    assert figure.layout.xaxis.ticktext == ("&lt;s&gt;", "犬", "␣is", "a↵", "&lt;b&gt;")
    assert figure.data[0].text[0][1] == "Position 1: “犬”"


def test_what_was_not_measured_is_grey_and_said(sweep, heads):
    figure = heatmap(sweep, "effect")
    assert figure.layout.plot_bgcolor == style.MISSING
    assert "grey: not measured" in figure.layout.title.subtitle.text
    assert "grey" not in heatmap(heads, "delta").layout.title.subtitle.text


def test_languages_that_no_registry_knows_keep_their_names(heads):
    planted = heads.assign_coords(language=["<planted>", "q1", "q2", "q3"])
    assert panel_titles(heatmap(planted, "delta"))[0] == "&lt;planted&gt;"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"variable": "effects"}, r"no variable 'effects'.*importance\[language, layer, head\]"),
        ({"variable": "sample_delta"}, r"has 4 \(sample, language, layer, head\); select"),
        ({"variable": "baseline"}, r"has 1 \(language\).*curves"),
        ({"variable": "delta", "x": "neuron"}, r"x='neuron' is no axis.*language, layer, head"),
        ({"variable": "delta", "facet": "pair"}, r"facet='pair'"),
        ({"variable": "delta", "x": "head", "y": "head"}, "three different axes"),
        ({"variable": "delta", "language": "de", "facet": "layer"}, "3 axes with facet"),
        ({"variable": "delta", "pair": 1}, r"no axis 'pair'.*language, layer, head"),
        ({"variable": "delta", "layer": 9}, r"layer 9 is not in this result \(has: 0, 1, 2\)"),
        ({"variable": "delta", "layer": []}, "selects nothing"),
        ({"variable": "delta", "columns": 0}, "columns=0"),
    ],
)
def test_bad_arguments_name_what_the_result_has(heads, options, says):
    with pytest.raises(BadArgument, match=says):
        heatmap(heads, **options)


def test_unknown_language_is_named_with_those_there_are(heads):
    with pytest.raises(UnknownLanguage, match=r"'xx' is not in this result \(has: ja, ar, hi, de\)"):
        heatmap(heads, "delta", language="xx")


def test_too_many_panels_are_refused(heads):
    many = heads.isel(layer=np.zeros(60, int)).assign_coords(layer=np.arange(60))
    with pytest.raises(BadArgument, match="60 panels"):
        heatmap(many, "delta", facet="layer")


def test_something_else_than_a_dataset_is_refused(heads):
    with pytest.raises(WorkbenchError, match="result=<ndarray>; give a Dataset"):
        heatmap(heads.delta.values, "delta")


def test_the_result_is_left_as_it_was(heads):
    before = heads.copy(deep=True)
    heatmap(heads, "member")
    heatmap(heads, "delta", language=["de"])
    assert heads.identical(before)


def test_a_language_is_taken_in_any_spelling(heads):
    one, other = (heatmap(heads, "delta", language=name) for name in ("de", "German"))
    assert one.to_json() == other.to_json()


@pytest.mark.parametrize(("variable", "sign"), [("delta", "±"), ("importance", "")])
def test_a_scale_ends_before_a_number_that_is_far_beyond_all_others_and_says_so(heads, variable, sign):
    usual = np.random.default_rng(1).random((50, LAYERS, HEADS))
    many = heads[[variable]].isel(language=np.zeros(50, int)).assign_coords(language=[f"q{n}" for n in range(50)])
    many[variable] = many[variable].copy(data=usual)
    many[variable][7, 1, 2] = 21.0
    scale = heatmap(many, variable, layer=slice(0, 2), facet="layer").layout.coloraxis
    ordered = sorted(many[variable].values.ravel())
    place = 0.995 * (len(ordered) - 1)  # linear between two neighbours, by hand
    end = ordered[int(place)] + (place % 1) * (ordered[int(place) + 1] - ordered[int(place)])
    assert scale.cmax == pytest.approx(end) and scale.cmax < 1
    assert scale.cmin == (-scale.cmax if sign else 0)
    assert scale.colorbar.title.text == f"nats<br>clipped at {sign}{end:.3g}<br>largest 21"
    assert heatmap(many, variable, language="q7").data[0].z.max() == 21  # the number itself stays


def test_a_scale_that_holds_all_numbers_or_none_but_zero_is_not_clipped(heads):
    heads["delta"][:] = 0
    heads["delta"][0, 0, 0] = 5
    assert heatmap(heads, "delta").layout.coloraxis.cmax == 5


def test_a_head_that_serves_one_language_bears_its_code(roles):
    owners = np.array([["", "ja", ""], ["", "", ""]])
    figure = heatmap(roles.assign(specific_to=(("layer", "head"), owners)), "role")
    specific = next(trace for trace in figure.data if trace.name == "specific")
    assert specific.text.tolist() == owners.tolist()
    assert specific.texttemplate == "%{text}" and "is marked with its code" in figure.layout.title.subtitle.text
    assert heatmap(roles, "role").data[0].texttemplate is None


def test_words_of_more_neurons_than_pixels_are_counted_by_layer(rng):
    names = np.array(["specific", "general", "other"])
    kind = names[rng.integers(0, 3, (LAYERS, 1200))]
    figure = heatmap(xr.Dataset({"kind": (("layer", "neuron"), kind)}), "kind")
    assert [(bar.type, bar.name) for bar in figure.data] == [("bar", "specific"), ("bar", "general")]
    for bar in figure.data:
        assert list(bar.x) == [sum(one == bar.name for one in row) for row in kind.tolist()]
        assert list(bar.y) == [0, 1, 2]
    assert f"other left out: {(kind == 'other').sum():,}" in figure.layout.title.subtitle.text
    assert figure.layout.xaxis.title.text == "Number of neurons"
    few = heatmap(xr.Dataset({"kind": (("layer", "neuron"), kind[:, :800])}), "kind")
    assert {trace.type for trace in few.data} == {"heatmap"}
