"""The explorer of several models: what its page holds of each of them, and what it refuses."""

import base64
import gzip
import json
import re

import numpy as np
import pytest
import xarray as xr
from plotly.offline import get_plotlyjs

import workbench as wb
from tests.figures import explorer_cases as cases
from workbench.errors import BadArgument, CannotWrite

NAMES = ["tiny </script><b>", "larger"]


@pytest.fixture(scope="module")
def results():
    return dict(zip(NAMES, (cases.everything(), cases.of_another_model()), strict=True))


@pytest.fixture(scope="module")
def html(results):
    return wb.figures.model_explorer(results).to_html()


def block(html, name="data"):
    """The data of an id, as the page's script reads them."""
    packed = re.search(rf'id="{name}">([^<]+)<', html)
    assert packed
    return json.loads(gzip.decompress(base64.b64decode(packed[1])))


def test_each_model_has_its_own_data(html, results):
    models = block(html)["models"]
    assert [model["name"] for model in models] == NAMES
    small, large = (block(html, model["block"]) for model in models)
    assert (small["layers"], small["heads"]) == ([0, 1, 2], [0, 1, 2, 3])
    assert (large["layers"], large["heads"]) == ([0, 1, 2, 3, 4], [0, 1])
    for data, those in ((small, results[NAMES[0]]), (large, results[NAMES[1]])):
        codes = [language["code"] for language in data["languages"]]
        expected = those[0].importance.sel(language=codes).values.astype("f4").ravel()
        values = np.frombuffer(base64.b64decode(data["measures"][0]["values"]), "<f4")
        np.testing.assert_array_equal(values, expected)


def test_a_model_has_its_own_origin_and_notes(html):
    small, large = (block(html, f"model-{number}") for number in (0, 1))
    assert small["about"] == [["model", "tiny"], ["corpus", "by hand"]] and large["about"][0] == ["model", "larger"]
    assert not any(note.startswith("Missing") for note in small["notes"])
    assert sum(note.startswith("Missing") for note in large["notes"]) == 5
    page = html[: html.index("<script>")]
    assert "by hand" not in page and "Missing" not in page  # the script writes those of the model that is chosen


def test_the_page_is_one_file_with_plotly_once(html):
    assert html.count(get_plotlyjs()[:300]) == 1
    assert html.count('type="application/gzip+base64"') == 3
    assert "default-src 'none'" in html
    assert "</script><b>" not in html


@pytest.mark.parametrize("title", [None, "Mine"])
def test_one_model_is_the_page_of_the_explorer(results, title):
    alone = wb.figures.model_explorer({"larger": results["larger"]}, title=title)
    assert alone.to_html() == wb.figures.explorer(*results["larger"], title=title).to_html()
    assert 'id="model"' not in alone.to_html()


def test_the_menu_has_a_label(html):
    assert re.search(r'<label>Model <select id="model"></select></label>', html)


def test_titles():
    heads, sentences = cases.of_another_model(), [cases.sentences()]

    def heading(results, **options):
        found = re.search("<h1>(.*)</h1>", wb.figures.model_explorer(results, **options).to_html())
        return found and found[1]

    assert heading({"a": heads, "b": sentences}) == "The heads of 2 models in every language"
    assert heading({"a": sentences, "b": heads}) == "The heads of 2 models in every language"
    assert heading({"a": sentences, "b": sentences}) == "What every layer of 2 models would predict"
    assert heading({"a": heads, "b": sentences}, title="<Two>") == "&lt;Two&gt;"


def test_the_figure_is_the_heatmap_of_the_first_model(results, html, tmp_path):
    figure = wb.figures.model_explorer(results)
    assert figure.to_json() == wb.figures.explorer(*results[NAMES[0]]).to_json()
    assert 'id="model"' not in figure.to_html(include_plotlyjs=False)  # plotly's own page of the heatmap
    figure.write_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == html
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite):
        figure.write_html(tmp_path / "file" / "page.html")


def test_results_of_two_models_under_one_name_are_refused(results):
    with pytest.raises(BadArgument, match=r"results\['both'\]: these results are of 2 models \(tiny, larger\)"):
        wb.figures.model_explorer({"tiny": cases.everything(), "both": [*cases.everything(), *results["larger"]]})


GOOD = cases.of_another_model()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "one model at least"),
        (GOOD, "give a dict"),
        (GOOD[0], "give a dict"),
        (None, "give a dict"),
        ({"a": GOOD, 3: GOOD}, "has the key 3; a key is the name of a model"),
        ({" ": GOOD}, "a key is the name of a model"),
        ({"a": GOOD, "b": GOOD[0]}, r"results\['b'\]=<Dataset>; give a list"),
        ({"a": GOOD, "b": "importance.nc"}, r"results\['b'\]='importance.nc'; give a list"),
        ({"a": GOOD, "b": ["importance.nc"]}, r"results\['b'\]\[0\]='importance.nc' is a text; load it first: wb"),
        ({"a": GOOD, "b": [*GOOD, 1]}, r"results\['b'\]\[1\]=1; give a Dataset"),
        ({"a": GOOD, "b": []}, r"results\['b'\]: nothing here that the explorer shows"),
        ({"a": GOOD, "b": [xr.Dataset()]}, r"results\['b'\]: nothing here that the explorer shows"),
    ],
)
def test_what_is_no_results_of_models_is_refused(given, words):
    with pytest.raises(BadArgument, match=words) as refused:
        wb.figures.model_explorer(given)
    assert "\n" not in str(refused.value)
