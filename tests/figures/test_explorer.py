"""The explorer's parts against the numbers they were given, and what its page says and holds."""

import base64
import gzip
import json
import re

import numpy as np
import plotly.graph_objects as go
import pytest

import workbench as wb
from tests.figures import explorer_cases as cases
from workbench.errors import BadArgument, CannotWrite
from workbench.figures.explorer import parts
from workbench.figures.explorer.contents import KINDS, find, kind_of
from workbench.results.make import make_result

SORTED = sorted(cases.LANGUAGES)


@pytest.fixture(scope="module")
def results():
    return cases.everything()


@pytest.fixture(scope="module")
def html(results):
    return wb.figures.explorer(*results).to_html()


def inside(html):
    """What the page's script reads."""
    packed = re.search(r'id="data">([^<]+)<', html)
    assert packed
    return json.loads(gzip.decompress(base64.b64decode(packed[1])))


def floats(text):
    return np.frombuffer(base64.b64decode(text), "<f4")


def test_head_grid_says_whose_panel_a_trace_is(results):
    figure = parts.head_grid(results[0], "importance")
    assert [trace.meta["language"] for trace in figure.data] == SORTED
    for trace in figure.data:
        np.testing.assert_allclose(trace.z, results[0].importance.sel(language=trace.meta["language"]))
    one = parts.head_grid(results[0], "importance", language="ja")
    assert [trace.meta["language"] for trace in one.data] == ["ja"]


@pytest.mark.parametrize(("which", "variable"), [(3, "role"), (3, "certain"), (5, "kind")])
def test_head_grid_refuses_what_is_no_number_of_a_head(results, which, variable):
    with pytest.raises(BadArgument):
        parts.head_grid(results[which], variable)


def test_pattern_draws_what_a_token_may_see(results):
    found = results[4].isel(sentence=0).sel(language="de")
    n = int(found.length)
    values, tokens = found.pattern[1, 2, :n, :n].values, found.token.values[:n].tolist()
    figure = parts.pattern(values, tokens)
    z = np.asarray(figure.data[0].z)
    np.testing.assert_allclose(z[np.tril_indices(n)], values[np.tril_indices(n)])
    assert np.isnan(z[np.triu_indices(n, 1)]).all()
    assert figure.layout.xaxis.ticktext[2] == "␣&lt;b&gt;" == figure.layout.yaxis.ticktext[2]
    assert figure.layout.coloraxis.cmin == 0 and figure.layout.coloraxis.cmax == 1
    pair = parts.pattern_pair((values, tokens, "German"), ([[1.0]], ["a"], "other"))
    np.testing.assert_allclose(np.asarray(pair.data[0].z), z)
    with pytest.raises(BadArgument, match="of 2 tokens"):
        parts.pattern(values, ["a", "b"])


def test_profile_holds_every_language_with_its_interval(results):
    figure = parts.profile([(results[0], "importance"), (results[1], "delta")], layer=1, head=2, language="ja")
    assert [trace.y[0] for trace in figure.data] == ["Arabic · العربية"] * 2
    for trace, (result, name) in zip(figure.data, ((results[0], "importance"), (results[1], "delta")), strict=True):
        mine = result.sel(layer=1, head=2, language=SORTED)
        np.testing.assert_allclose(trace.x, mine[name])
        np.testing.assert_allclose(trace.error_x.array, mine.high - mine[name])
        np.testing.assert_allclose(trace.error_x.arrayminus, mine[name] - mine.low)
    assert len(set(figure.data[0].marker.color)) == 2
    with pytest.raises(BadArgument):
        parts.profile([], layer=0, head=0)


def test_layer_classes_counts_neurons(results):
    figure = parts.layer_classes(results[5], 0)
    assert dict(zip(figure.data[0].y, figure.data[0].x, strict=True)) == {"specific": 2, "related": 1, "unassigned": 0}
    counts = {trace.name: list(trace.x) for trace in figure.data[1:]}
    assert counts == {"specific": [0, 1, 0, 1], "related": [0, 1, 0, 1]}  # ar, de, hi, ja
    assert "17 in no class" in figure.layout.title.subtitle.text


def test_kind_is_what_exceeds_even_attention_most():
    kind, share = kind_of(cases.kinds(np.random.default_rng(0)))
    assert (kind[3] == KINDS.index("previous")).all() and (share[3] == 0.75).all()
    assert (kind[:3] == -1).all() and np.isnan(share[:3]).all()


def test_results_are_told_by_their_variables_in_any_order(results):
    found = find(results[::-1])
    assert [one.name for one in found.measures][:2] == ["importance", "delta"]
    assert "low" not in {one.name for one in found.measures}
    assert found.notes == () and dict(found.origin) == {"model": "tiny", "corpus": "by hand"}
    assert found.axis("language") == SORTED


def test_what_is_missing_is_said(results):
    notes = find(results[:1]).notes
    calls = ["heads.ablate", "heads.roles", "heads.kinds", "heads.patterns", "neurons.ternary"]
    assert len(notes) == len(calls)
    assert all(f"wb.{call}(" in note for call, note in zip(calls, notes, strict=True))


def test_two_measures_of_one_name_get_two_labels(results):
    labels = [one.label for one in find([results[0], results[0]]).measures]
    assert len(set(labels)) == 2


@pytest.mark.parametrize("given", [[], ["importance.nc"]], ids=["nothing", "a path"])
def test_nothing_to_show_is_refused(given):
    with pytest.raises(BadArgument):
        wb.figures.explorer(*given)


def test_a_result_that_is_not_shown_is_refused_alone_and_passed_over_beside_others(results):
    other = cases.make({"probability": (("language", "layer"), np.ones((4, 3)), "probability")})
    with pytest.raises(BadArgument, match="got: probability"):
        wb.figures.explorer(other)
    assert len(find([other, results[0]]).measures) == 1


def test_results_of_two_models_are_refused(results):
    other = cases.make({"delta": (cases.CELLS, np.ones(cases.SHAPE), "delta")}, model={"name": "big", "hash": "3"})
    with pytest.raises(BadArgument, match="2 models"):
        wb.figures.explorer(results[0], other)


def test_the_figure_is_the_heatmap(results, html, tmp_path):
    figure = wb.figures.explorer(*results)
    assert isinstance(figure, go.Figure) and len(figure.data) == len(SORTED)
    assert "explorer" not in figure.to_html(include_plotlyjs=False)  # plotly's own page of the heatmap
    figure.write_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == html
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite):
        figure.write_html(tmp_path / "file" / "page.html")


def test_the_page_holds_every_number(html, results):
    data = inside(html)
    assert [one["code"] for one in data["languages"]] == SORTED
    for measure, result in zip(data["measures"][:2], results[:2], strict=True):
        for name, key in ((measure["name"], "values"), ("low", "low"), ("high", "high"), ("p_value", "p_value")):
            expected = result[name].sel(language=SORTED).values.astype("f4").ravel()
            np.testing.assert_array_equal(floats(measure[key]), expected)
    assert not data["measures"][1]["complete"] and data["measures"][0]["complete"]
    specific = data["classes"]["neurons"][0]["specific"]
    assert specific == [[3, ["de"]], [5, ["ja"]]]
    assert data["roles"]["language"][1][2] == "hi"


def test_patterns_are_exact_to_half_a_step(html, results):
    data = inside(html)["patterns"]
    values = np.frombuffer(base64.b64decode(data["values"]), np.uint8) / 255
    for s, row in enumerate(data["texts"]):
        for k, text in enumerate(row):
            mine = results[4].isel(sentence=s, language=k)
            n = int(mine.length)
            assert text["tokens"] == mine.token.values[:n].tolist()
            size = n * (n + 1) // 2
            part = values[text["start"] : text["start"] + cases.LAYERS * cases.HEADS * size]
            expected = mine.pattern.values[..., :n, :n][..., *np.tril_indices(n)].ravel()
            assert np.abs(part - expected).max() <= 0.5 / 255 + 1e-6


def test_a_language_that_a_measure_lacks_is_grey_there(results):
    fewer = results[1].sel(language=["de", "ja"])
    delta = inside(wb.figures.explorer(results[0], fewer).to_html())["measures"][1]
    cells = floats(delta["values"]).reshape(4, cases.LAYERS, cases.HEADS)
    assert np.isnan(cells[[0, 2]]).all() and not delta["complete"]


def test_texts_cannot_leave_their_place(results):
    page = wb.figures.explorer(results[0], title="</title><script>alert(1)</script>").to_html()
    assert "<script>alert" not in page
    assert "default-src 'none'" in page


def test_patterns_that_an_interrupt_left_out_are_absent(results):
    broken = results[4].copy(deep=True)
    broken.pattern[0, 1] = np.nan
    texts = inside(wb.figures.explorer(broken).to_html())["patterns"]["texts"]
    assert texts[0][1]["start"] == -1 and texts[0][2]["start"] > 0


@pytest.mark.parametrize("which", [3, 4, 5], ids=["roles", "patterns", "classes"])
def test_each_part_alone_makes_a_page(results, which):
    figure = wb.figures.explorer(results[which])
    data = inside(figure.to_html())
    assert bool(data["measures"]) == (which != 5)


def test_a_lens_of_sentences_is_a_part_of_the_page(results):
    result = cases.sentences()
    lens = inside(wb.figures.explorer(*results, result).to_html())["lens"]
    assert [text["label"] for text in lens["texts"]] == ["\u2068Der </script> Hund\u2069", "\u2068القط ينام\u2069"]
    assert len(lens["colours"]) == 4
    for prompt, text in enumerate(lens["texts"]):
        for colour, grid in zip(("probability", "entropy", "rank", "language"), text["grids"], strict=True):
            figure = wb.figures.lens_grid(result, prompt=prompt, colour=colour)
            assert [trace["text"] for trace in grid["data"]] == [trace.text.tolist() for trace in figure.data]
            assert text["hover"] == figure.data[0].hovertext.tolist() and "hovertext" not in grid["data"][0]
            assert grid["question"] == figure.layout.title.text
    assert "likeliest token is \u2068“␣ينام”\u2069" in lens["texts"][1]["words"]
    assert inside(wb.figures.explorer(results[0]).to_html())["lens"] is None


def test_a_lens_alone_is_a_page_of_its_own():
    figure = wb.figures.explorer(cases.sentences())
    assert figure.data[0].text.tolist() == wb.figures.lens_grid(cases.sentences()).data[0].text.tolist()
    page = figure.to_html()
    assert "<h1>What every layer of tiny would predict</h1>" in page and "Missing:" not in page
    assert find([cases.sentences()]).only_lens and not find([*cases.everything(), cases.sentences()]).only_lens


def test_a_study_like_the_demo_fits_eight_megabytes():
    rng = np.random.default_rng(0)
    codes, shape, n = list("abcdefghijkl"), (3, 12, 6, 8), 36
    raw = np.tril(rng.random((*shape, n, n), np.float32))  # random: nothing of it can be compressed
    looks = make_result(
        {
            "pattern": (("sentence", *cases.CELLS, "query", "key"), raw / raw.sum(-1, keepdims=True), "attention"),
            "token": (("sentence", "language", "position"), np.full((3, 12, n), " token", dtype=object), "token"),
            "length": (("sentence", "language"), np.full((3, 12), n), "length [tokens]"),
            "importance": (cases.CELLS, rng.random(shape[1:]), "importance"),
        },
        {"language": codes},
        method="tests",
        parameters={},
    )
    assert len(wb.figures.explorer(looks).to_html().encode()) < 8e6
