"""The figure and the card of a neuron hold what was found, in every script."""

import html
import re

import numpy as np
import pytest
import xarray as xr

from workbench.errors import BadArgument
from workbench.figures import neuron, neuron_card

LANGUAGES = ["ar", "en", "ja"]


@pytest.fixture
def found():
    text = np.full((3, 2, 3), "", dtype=object)
    text[0, 0], text[1, 0], text[1, 1, :2], text[2, 0, :2] = (
        ["صبا", "ح", " ا"],
        ["a<b", "&", " c"],
        ["x", "y"],
        ["日", "本"],
    )
    activation = np.where(text == "", np.nan, 0.5)
    activation[1, 0] = [4.0, -2.0, 0.0]
    axes = ("language", "context", "piece")
    data = {
        "text": (axes, text),
        "activation": (axes, activation),
        "peak": (axes[:2], np.nanmax(np.where(text == "", -9, activation), 2)),
        "row": (axes[:2], [[3, -1], [0, 1], [7, -1]]),
        "fires": ("language", [0.2, 0.9, 0.1]),
        "mean": ("language", [0.1, -0.2, 0.3]),
        "promoted": ("rank", np.array(["<s>", " a"], dtype=object)),
        "promoted_by": ("rank", [2.0, 1.0]),
        "suppressed": ("rank", np.array(["z", "y"], dtype=object)),
        "suppressed_by": ("rank", [-3.0, -1.0]),
        "label": ("method", np.array(["specific (ar)"], dtype=object)),
    }
    return xr.Dataset(data, {"language": LANGUAGES, "method": ["ternary"]}, {"layer": 2, "neuron": 5, "site": "gate"})


def test_the_card_holds_every_text_once_and_in_its_direction(found):
    page = neuron_card(found)
    contexts = re.findall(r'<p class="context" dir="(\w+)" lang="(\w+)"[^>]*>(.*?)</p>', page.html)
    plain = [(side, code, html.unescape(re.sub("<[^>]+>", "", inside))) for side, code, inside in contexts]
    assert plain == [("auto", "en", "a<b& c"), ("auto", "en", "xy"), ("rtl", "ar", "صباح ا"), ("auto", "ja", "日本")]
    assert "specific (ar)" in page.html
    assert page._repr_html_() == page.html
    assert page.page.startswith("<!doctype html>")
    assert "Neuron 5 of layer 2" in page.title


def test_colours_grow_with_the_activation(found):
    page = neuron_card(found).html
    shades = {
        float(value): float(alpha) for value, alpha in re.findall(r'title="([+-][\d.]+)" style="[^"]*,([\d.]+)\)', page)
    }
    assert shades == {4.0: 0.8, 0.5: 0.17}  # nothing below zero: a gate there does not fire
    signed = neuron_card(found.assign_attrs(site="neuron")).html
    assert re.search(r'title="-2" style="background:rgba\(0,114,178,0\.44\)"', signed)


def test_the_figure_holds_the_numbers(found):
    languages, up, down = neuron(found).data
    assert languages.x.tolist() == [0.2, 0.9, 0.1]
    assert (up.text, up.x, up.y) == (("&lt;s&gt;", "␣a"), (2.0, 1.0), (0, 1))
    assert (down.text, down.x, down.y) == (("y", "z"), (-1.0, -3.0), (2, 3))


def test_another_result_is_refused(heads):
    for draw in (neuron, neuron_card):
        with pytest.raises(BadArgument, match=r"neurons\.look"):
            draw(heads)
