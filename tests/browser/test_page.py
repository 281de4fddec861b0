"""The report in a real browser: Debian's Chromium, no network. Without Chromium these tests fail; they never skip."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from tests.browser.chromium import WINDOWS
from workbench.figures import curves, explorer, heatmap, matrix
from workbench.results.make import make_result, provenance
from workbench.studies.findings.finding import Finding
from workbench.studies.report import Section, render, write_report

pytestmark = pytest.mark.browser
PAPER = {"width": 688, "height": 1016}  # pixels of an A4 page between its margins
LARGER = """() => [...document.querySelectorAll('section, figure > div, .wide, table, figure svg')].filter(one => {
    const box = one.getBoundingClientRect();
    return box.right > window.innerWidth + 1 || (one.tagName != 'SECTION' && box.height > window.innerHeight);
}).map(one => one.outerHTML.slice(0, 80))"""
LANGUAGES = ["ar", "de", "hi", "ja"]


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    """A report with every kind of figure."""
    rng = np.random.default_rng(0)
    heads, shape = ("language", "layer", "head"), (4, 6, 8)
    delta = rng.normal(size=shape)
    result = make_result(
        {
            "importance": (heads, rng.random(shape), "LAHIS importance [nats]"),
            "delta": (heads, delta, "rise of NLL [nats]"),
            "low": (heads, delta - 1, "lower end [nats]"),
            "high": (heads, delta + 1, "upper end [nats]"),
            "role": (("layer", "head"), rng.choice(["specific", "none"], (6, 8)), "role of the head"),
            "fired": (("language", "layer", "neuron"), rng.integers(0, 9, (4, 6, 400)), "firings [tokens]"),
            "effect": (("source_layer", "target_layer"), rng.normal(size=(6, 6)), "effect"),
            "probability": (("language", "layer"), rng.random((4, 6)), "probability"),
        },
        {"language": LANGUAGES},
        method="tests",
        parameters={},
    )
    patching = result[["effect"]].rename(source_layer="layer", target_layer="position")
    patching = patching.assign_coords(token=("position", ["<s>", "犬", " :", "हिन्दी", "كلب", "</s>"]))
    figures = [
        heatmap(result, "importance"),
        heatmap(result, "delta"),
        heatmap(result, "role"),
        heatmap(result, "fired"),
        heatmap(patching, "effect"),
        matrix(result, "effect"),
        curves(result, "probability"),
    ]
    folder = tmp_path_factory.mktemp("run")
    explorer(result[["importance", "delta", "low", "high"]]).write_html(folder / "explorer.html")
    table = pd.DataFrame({"a very long column name " * 5: [1.0]}, index=["de"])
    sections = [
        Section(
            f"Question {number}?",
            figure,
            table,
            "How to read.",
            Finding("What it says."),
            provenance(result),
            "demo.nc",
        )
        for number, figure in enumerate(figures)
    ]
    sections[0] = replace(
        sections[0], finding=Finding("Head 5 of layer 2.", (), ((2, 5),)), heads={(2, 5): "0.5"}, measure="importance"
    )
    return write_report(folder, title="Report", sections=sections)


def pages(printed):
    """Pages of a PDF that Chromium wrote."""
    return len(re.findall(rb"/Type /Page\b", printed))


@pytest.fixture
def opened(chromium, report):
    """Open the report in a window; says afterwards what the page complained of and asked for."""
    contexts = []

    def open_page(window, scheme="light", path=report):
        width, height = WINDOWS[window]
        context = chromium.new_context(offline=True, viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        complaints, requests = [], []
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-drawn]" if path == report else "footer")
        return page, complaints, requests

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("window", WINDOWS)
def test_every_figure_is_drawn_without_complaint_or_request(opened, report, window, scheme):
    page, complaints, requests = opened(window, scheme)
    drawn = page.evaluate(
        """() => [...document.querySelectorAll('.plot[id]')].map(plot => {
            const images = [...plot.querySelectorAll('.heatmaplayer image')];
            const full = images.filter(image => (image.href.baseVal || '').startsWith('data:image/png'));
            const count = (what) => plot.querySelectorAll(what).length;
            return {svg: count('.main-svg'), panels: count('.cartesianlayer > .subplot'), images: images.length,
                    full: full.length, lines: count('.scatterlayer .js-line'),
                    width: plot.querySelector('.main-svg').getBoundingClientRect().width};
        })"""
    )
    assert len(drawn) == 7
    assert all(figure["svg"] for figure in drawn)
    assert all(figure["full"] == figure["images"] for figure in drawn)
    assert [figure["images"] for figure in drawn[:2]] == [4, 4]
    assert all(figure["images"] >= figure["panels"] for figure in drawn[:6])
    assert drawn[6]["lines"] == 4
    assert all(figure["width"] > 300 for figure in drawn)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert complaints == []
    assert [url for url in requests if not url.startswith(("data:", "blob:"))] == [report.as_uri()]


def test_a_click_on_a_cell_opens_its_head_in_the_explorer(opened):
    page, complaints, _ = opened("desktop")
    page.locator("#figure-2").scroll_into_view_if_needed()
    box = page.locator("#figure-2 .nsewdrag").nth(1).bounding_box()
    x, y = box["x"] + box["width"] * 2.5 / 8, box["y"] + box["height"] * 0.5 / 6
    page.mouse.move(x, y)
    page.wait_for_selector("#figure-2 .hoverlayer text")
    page.mouse.click(x, y)
    page.wait_for_selector("#head-title")
    page.wait_for_selector("html[data-drawn]")
    assert page.url.partition("#")[0].endswith("/explorer.html")
    assert page.locator("#head-title").inner_text() == "Layer 5 · head 2, in German"
    assert complaints == []


@pytest.mark.parametrize("where", ["#section-1 .finding a", "#named-heads tbody a"])
def test_a_click_on_a_heads_name_opens_it_in_the_explorer(opened, where):
    page, _, _ = opened("desktop")
    page.locator(where).first.click()
    page.wait_for_selector("html[data-drawn] #head-title")
    assert page.locator("#head-title").inner_text().startswith("Layer 2 · head 5, in ")


def test_cells_that_are_no_heads_lead_nowhere(opened):
    page, _, _ = opened("desktop")
    leading = page.evaluate("[...document.querySelectorAll('.plot[data-explorer]')].map(plot => plot.id)")
    assert leading == ["figure-1", "figure-2", "figure-3"]


def test_on_a_phone_panels_stand_in_two_columns_with_the_scale_above_and_the_legend_below(opened):
    page, _, _ = opened("phone")
    fits = "id => document.getElementById(id).scrollWidth <= document.getElementById(id).parentNode.clientWidth"
    assert all(page.evaluate(fits, f"figure-{number}") for number in (1, 2, 3, 4, 5, 7))
    boxes = [one.bounding_box() for one in page.locator("#figure-1 .nsewdrag").all()]
    assert len({round(box["x"]) for box in boxes}) == len({round(box["y"]) for box in boxes}) == 2
    assert len({round(box["height"]) for box in boxes}) == 1
    scale = page.locator("#figure-1 .infolayer .cbbg").bounding_box()
    assert scale["y"] + scale["height"] <= min(box["y"] for box in boxes)
    plot, legend = (page.locator(f"#figure-7 {part}").bounding_box() for part in (".nsewdrag", ".legend"))
    assert legend["y"] >= plot["y"] + plot["height"] and legend["x"] + legend["width"] <= 390


def test_pointing_at_a_cell_says_everything(opened):
    page, _, _ = opened("desktop")
    page.locator("#figure-2").scroll_into_view_if_needed()
    box = page.locator("#figure-2 .nsewdrag").nth(1).bounding_box()
    page.mouse.move(box["x"] + box["width"] * 2.5 / 8, box["y"] + box["height"] * 0.5 / 6)
    page.wait_for_selector("#figure-2 .hoverlayer text")
    words = page.locator("#figure-2 .hoverlayer").text_content()
    for part in ("German · Deutsch", "Layer 5", "Head 2", "delta", "nats", "interval"):
        assert part in words, words


def test_pointing_at_a_token_names_it_as_it_is(opened):
    page, _, _ = opened("desktop")
    page.locator("#figure-5").scroll_into_view_if_needed()
    box = page.locator("#figure-5 .nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5 / 6, box["y"] + box["height"] * 5.5 / 6)
    page.wait_for_selector("#figure-5 .hoverlayer text")
    words = page.locator("#figure-5 .hoverlayer").text_content()
    assert "“<s>”" in words
    assert "Layer 0" in words


def test_no_button_sends_a_figure_away(opened):
    page, _, _ = opened("desktop")
    buttons = page.evaluate(
        "[...document.querySelectorAll('#figure-1 .modebar-btn')].map(button => button.dataset.title)"
    )
    assert "Download plot as a PNG" in buttons
    assert not [button for button in buttons if "hare" in button or "loud" in button]


def test_a_figure_is_saved_as_svg_without_a_server(opened, report):
    page, complaints, requests = opened("desktop")
    with page.expect_download() as waiting:
        page.locator("#figure-1 .modebar-btn[data-title='Download as SVG']").dispatch_event("click")
    assert waiting.value.suggested_filename == "figure-1.svg"
    drawn = ElementTree.parse(waiting.value.path()).getroot()
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert "Layer" in "".join(drawn.itertext())
    assert complaints == []
    assert [url for url in requests if not url.startswith(("data:", "blob:"))] == [report.as_uri()]


def test_ink_follows_the_theme(opened):
    page, complaints, _ = opened("desktop", "light")
    ink = "getComputedStyle(document.querySelector('#figure-1 .ytick text')).fill"
    light = page.evaluate(ink)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(500)
    assert page.evaluate(ink) != light
    assert complaints == []


def test_it_prints_in_the_light_with_no_figure_cut(opened):
    page, complaints, _ = opened("desktop", "dark")
    printed = page.pdf(prefer_css_page_size=True)
    assert complaints == []
    assert 5 <= pages(printed) <= 9  # the contents, and one or two figures on a page
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.wait_for_timeout(300)
    assert page.evaluate(LARGER) == []
    paper = page.evaluate("document.querySelector('#figure-1 .main-svg').style.background")
    assert paper == "rgb(255, 255, 255)"


def test_the_printed_form_needs_no_script_and_fits_the_paper(opened, report):
    path = render(report.parent, "pdf-ready")
    page, complaints, requests = opened("desktop", "dark", path)
    assert page.locator("script").count() == 0
    assert page.locator("figure svg.main-svg").count() == 7
    printed = page.pdf(prefer_css_page_size=True)
    assert 5 <= pages(printed) <= 9
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print")
    assert page.evaluate(LARGER) == []
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:")] == [path.as_uri()]
