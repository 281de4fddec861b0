"""The explorer in a real browser: clicks, keys, links, three windows, two themes, no network."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

import workbench as wb
from tests.browser.chromium import WINDOWS
from tests.figures import explorer_cases as cases

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def explorer(tmp_path_factory) -> Path:
    """A small page with every part."""
    path = tmp_path_factory.mktemp("run") / "explorer.html"
    wb.figures.explorer(*cases.everything()).write_html(path)
    return path


@pytest.fixture(scope="module")
def opened(chromium, explorer):
    """Show an address in a window, in a page that other tests have used or a fresh one.

    In the end no page may have complained, nor asked for anything but itself.
    """
    pages, heard = {}, []

    def open_page(address="", *, window="desktop", scheme="light", path=explorer, fresh=False):
        page = pages.get((window, path))
        if page is None or fresh:
            width, height = WINDOWS[window]
            context = chromium.new_context(offline=True, viewport={"width": width, "height": height})
            page = pages[window, path] = context.new_page()
            page.emulate_media(color_scheme=scheme)
            complaints, requests = [], []
            page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda request: requests.append(request.url))
            heard.append((complaints, requests, path))
            page.goto(path.as_uri() + (f"#{address}" if address else ""))
            page.wait_for_selector("html[data-drawn]")
        else:
            page.emulate_media(color_scheme=scheme)
            page.evaluate("window.scrollTo(0, 0)")
            page.evaluate(
                "([address, start]) => { location.hash = address; first(); select({...start, ...readAddress()}); }",
                [address or "view=head", {"measure": 0, "sentence": 0, "view": "head"}],
            )
        return page

    yield open_page
    for complaints, requests, path in heard:
        assert complaints == []
        asked = {url.partition("#")[0] for url in requests if not url.startswith(("data:", "blob:"))}
        assert asked == {path.as_uri()}


def click_head(page, language, layer, head):
    """Click the middle of a head's cell."""
    panel = sorted(cases.LANGUAGES).index(language)
    box = page.locator("#grid .nsewdrag").nth(panel).bounding_box()
    x = box["x"] + box["width"] * (head + 0.5) / cases.HEADS
    page.mouse.click(x, box["y"] + box["height"] * (cases.LAYERS - layer - 0.5) / cases.LAYERS)


def drawn(page, plot):
    """What a plot holds: its first trace's numbers."""
    return page.evaluate(
        f"(([x, z]) => z ? z : x)([...document.querySelectorAll('{plot}')].map(p => [p.data[0].x, p.data[0].z])[0])"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("window", WINDOWS)
def test_a_click_on_a_head_shows_all_of_it(opened, window, scheme):
    page = opened(window=window, scheme=scheme)
    click_head(page, "hi", 1, 2)
    assert page.locator("#head-title").inner_text() == "Layer 1 · head 2, in Hindi"
    assert "specific to Hindi (the same in 90 %" in page.locator("#facts").inner_text()
    delta = cases.everything()[1].sel(language="hi", layer=1, head=2)
    said = page.locator("#status").inner_text()
    assert said.startswith("Hindi, layer 1, head 2. ")
    assert (
        f"rise of NLL: {float(delta.delta):.3g} nats (95% interval {float(delta.low):.3g} to {float(delta.high):.3g})"
        in said
    )
    assert " that delta is 0, corrected" in said
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    squares = page.locator(".square .main-svg:first-child")
    assert squares.count() == 2 and all(one.bounding_box()["width"] > 280 for one in squares.all())
    page.evaluate("document.getElementById('numbers').scrollIntoView()")
    assert page.locator("#profile .point").count() == 7  # two measures of four languages, one not measured


def test_the_pattern_is_the_one_of_the_head_sentence_and_language(opened):
    page = opened("layer=2&head=3&language=ja&beside=de&sentence=7")
    patterns = cases.everything()[4].sel(layer=2, head=3, sentence=7)
    for plot, language in (("#first .plot", "ja"), ("#second .plot", "de")):
        mine = patterns.sel(language=language)
        n = int(mine.length)
        shown = drawn(page, plot)
        assert len(shown) == n
        for q in range(n):
            assert shown[q][q + 1 :] == [None] * (n - q - 1)
            assert shown[q][: q + 1] == pytest.approx(mine.pattern[q, : q + 1].values, abs=0.5 / 255 + 1e-6)
    ticks = page.evaluate("document.querySelector('#second .plot').layout.xaxis.ticktext")
    assert ticks == ["&lt;s&gt;", "Regen", "&lt;/script&gt;"]
    assert page.locator("#first .tokens").inner_text() == "<s>⋯雨。"
    page.select_option("#sentence", "0")
    assert len(drawn(page, "#first .plot")) == 5
    assert "sentence=4" in page.url
    page.select_option("#beside", label="Arabic · العربية")
    assert page.locator("#second .tokens").get_attribute("dir") == "rtl"


def test_pointing_at_a_cell_marks_the_linked_one(opened):
    page = opened("layer=0&head=1&language=de&beside=ja&sentence=4")  # 6 and 5 tokens
    box = page.locator("#first .nsewdrag").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 2.5 / 6, box["y"] + box["height"] * 5.5 / 6)
    shapes = "plot => [plot.layout.shapes.length, plot.layout.shapes.at(-1).x0, plot.layout.shapes.at(-1).y0]"
    page.wait_for_function("document.querySelector('#second .plot').layout.shapes.length === 6")
    assert page.locator("#first .plot").evaluate(shapes) == [6, 1.5, 4.5]
    assert page.locator("#second .plot").evaluate(shapes) == [6, 1.5, 3.5]  # the last of 5, and the third
    chosen = page.locator("#second [aria-selected=true]")
    assert chosen.inner_text() == "る"
    page.mouse.move(2, 2)
    page.wait_for_function("document.querySelector('#first .plot').layout.shapes.length === 2")


def test_the_keyboard_does_everything(opened):
    page = opened("layer=0&head=0&language=ar")
    page.locator("#grid-box").focus()
    for key in ("ArrowRight", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    assert page.locator("#status").inner_text().startswith("At Arabic, layer 2, head 1: ")
    assert page.locator("#head-title").inner_text() == "Layer 0 · head 0, in Arabic"
    page.keyboard.press("Enter")
    assert page.locator("#head-title").inner_text() == "Layer 2 · head 1, in Arabic"
    for _ in range(3):
        page.keyboard.press("ArrowRight")  # over the edge into the next language
    page.keyboard.press("Enter")
    assert page.locator("#status").inner_text().startswith("German, layer 2, head 0. ")
    page.keyboard.press("]")
    assert page.locator("#status").inner_text().startswith("Hindi, layer 2, head 0. ")
    page.keyboard.press("[")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("l")
    assert page.locator("#panel-layer").is_visible() and not page.locator("#panel-head").is_visible()
    assert (
        page.locator("#status").inner_text()
        == "Layer 1 has 20 neurons: 0 specific, 0 related, 1 unassigned; 19 are in no class."
    )
    page.locator("#tab-layer").focus()
    page.keyboard.press("ArrowLeft")
    page.locator("#first .tokens [tabindex='0']").focus()
    page.keyboard.press("ArrowLeft")
    assert "German, token 4 “tief” attends most to " in page.locator("#status").inner_text()


def test_a_click_on_a_layer_shows_its_neurons(opened):
    page = opened()
    box = page.locator("#grid .nsewdrag").first.bounding_box()
    page.mouse.click(box["x"] - 8, box["y"] + box["height"] * 2.5 / 3)
    assert page.locator("#layer-facts").inner_text().startswith("Layer 0 has 20 neurons: 2 specific, 1 related")
    assert drawn(page, "#classes") == [2, 1, 0]
    assert page.locator("#neurons dt").all_inner_texts() == ["German", "Japanese", "German, Japanese"]
    assert page.locator("#neurons dd").all_inner_texts() == ["3", "5", "7"]
    page.select_option("#layer", "1")
    assert page.locator("#neurons dd").all_inner_texts() == ["0"]


def test_a_link_shows_the_same_and_a_bad_one_something(opened):
    page = opened("layer=1&head=3&language=ja&beside=hi&sentence=7&colour=1&view=head", fresh=True)
    assert page.locator("#head-title").inner_text() == "Layer 1 · head 3, in Japanese"
    names = ("language", "beside", "sentence", "measure")
    assert [page.locator(f"#{name}").input_value() for name in names] == ["3", "2", "1", "1"]
    here, said = page.url.partition("#")[2], page.locator("#status").inner_text()
    assert opened("view=layer").locator("#status").inner_text() != said
    assert opened(here).locator("#status").inner_text() == said
    assert opened("layer=99&language=xx&view=none").locator("#head-title").inner_text().startswith("Layer ")


def test_sentences_have_a_tab_with_a_menu(opened, tmp_path):
    wb.figures.explorer(*cases.everything(), cases.sentences()).write_html(tmp_path / "lens.html")
    page = opened("view=lens&text=1&shade=3", path=tmp_path / "lens.html")
    assert page.locator("#panel-lens").is_visible() and not page.locator("#panel-head").is_visible()
    ticks = "[...document.querySelectorAll('#lens .xtick text')].map(tick => tick.textContent)"
    assert page.evaluate(ticks) == ["<s>", "\u2067القط\u2069"]
    assert page.evaluate("document.querySelector('#lens').data.map(trace => trace.name)") == [
        "Arabic · العربية",
        "Arabic script",
    ]
    page.select_option("#text", "0")
    assert page.evaluate(ticks) == ["<s>", "Der", "␣Hund"]
    page.select_option("#shade", "0")
    assert page.locator("#lens-title").inner_text() == "What would each layer say next, and how surely?"
    assert "text=0&shade=0&view=lens" in page.url
    assert page.locator("#status").inner_text().startswith("\u2068Der </script> Hund\u2069: after the last of 3 tokens")
    page.locator("#tab-lens").focus()
    for view in ("head", "layer", "lens", "head"):
        page.keyboard.press("ArrowRight")
        assert page.locator(f"#panel-{view}").is_visible()


def test_sentences_alone_fill_the_page(opened, tmp_path):
    wb.figures.explorer(cases.sentences()).write_html(tmp_path / "alone.html")
    page = opened(path=tmp_path / "alone.html", window="phone")
    shown = {
        name: page.locator(f"#{name}").is_visible() for name in ("heads", "panel-head", "panel-layer", "panel-lens")
    }
    assert shown == {"heads": False, "panel-head": False, "panel-layer": False, "panel-lens": True}
    assert page.locator("#lens .heatmaplayer image").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_it_is_labelled_for_screen_readers(opened):
    page = opened()
    roles = page.evaluate("[...document.querySelectorAll('[role]')].map(one => one.getAttribute('role'))")
    assert {"application", "tablist", "tab", "tabpanel", "listbox", "option", "status", "img"} <= set(roles)
    assert page.locator("#status").get_attribute("aria-live") == "polite"
    unnamed = page.evaluate(
        """[...document.querySelectorAll('[role=application], [role=img], [role=listbox], select, button')]
        .filter(one => one.checkVisibility() && !one.ariaLabel && !one.getAttribute('aria-labelledby')
            && !(one.labels && one.labels.length) && !one.textContent.trim()).map(one => one.id)"""
    )
    assert unnamed == []
    page.locator("summary").click()
    assert page.locator("#table tbody tr").count() == 4
    assert page.locator("#table [scope=row]").count() == 4


def test_unmeasured_is_grey_and_zero_is_the_middle(opened):
    page = opened("colour=1")
    layout = page.evaluate("({ground: grid.layout.plot_bgcolor, axis: grid.layout.coloraxis})")
    assert layout["ground"] == "#a9adb5"
    assert layout["axis"]["cmin"] == -layout["axis"]["cmax"]
    click_head(page, "ja", 1, 2)
    assert "rise of NLL: not measured" in page.locator("#status").inner_text()
    page.select_option("#measure", "0")
    assert page.evaluate("grid.layout.coloraxis.cmin") == 0


def test_a_link_to_another_measure_draws_it_in_the_open_page(opened):
    page = opened("colour=1", fresh=True)
    assert page.evaluate("grid.layout.coloraxis.cmin") < 0
    page.evaluate("location.hash = 'colour=0'")
    page.wait_for_function("grid.layout.coloraxis.cmin === 0")
    assert page.locator("#measure").input_value() == "0"


def test_the_theme_can_be_switched(opened):
    page = opened(scheme="dark")
    ink = "getComputedStyle(document.querySelector('#first .xtick text')).fill"
    dark = page.evaluate(ink)
    page.select_option("#theme", "light")
    page.wait_for_function(f"{ink} !== '{dark}'")
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "light"


@pytest.mark.parametrize("which", [3, 5], ids=["roles", "classes"])
def test_parts_that_are_missing_are_absent(opened, tmp_path, which):
    wb.figures.explorer(cases.everything()[which]).write_html(tmp_path / "part.html")
    page = opened(path=tmp_path / "part.html")
    shown = {name: page.locator(f"#{name}").is_visible() for name in ("heads", "attention", "numbers", "panel-layer")}
    assert shown == {"heads": which == 3, "attention": False, "numbers": False, "panel-layer": which == 5}
    assert page.locator("#notes p").count() == 5 and "wb.heads.patterns(" in page.locator("#notes").inner_text()
    if which == 3:
        click_head(page, "hi", 1, 2)
        assert "specific to Hindi" in page.locator("#facts").inner_text()
    else:
        assert page.locator("#neurons dt").all_inner_texts() == ["German", "Japanese", "German, Japanese"]


def test_the_grid_is_saved_as_svg_without_a_server(opened):
    page = opened()
    with page.expect_download() as waiting:
        page.locator("#grid .modebar-btn[data-title='Download as SVG']").dispatch_event("click")
    assert waiting.value.suggested_filename == "grid.svg"
    drawn = ElementTree.parse(waiting.value.path()).getroot()
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert "Japanese · 日本語" in "".join(drawn.itertext())


def test_the_layer_tab_has_every_head_by_language_and_leads_to_it(opened):
    page = opened("layer=1&colour=1&view=layer", fresh=True)
    delta = cases.everything()[1].sel(layer=1).transpose("head", "language").sortby("language")
    rows = [row.locator("td").all_inner_texts() for row in page.locator("#layer-table tbody tr").all()]
    assert page.locator("#layer-table thead th").all_inner_texts()[1:5] == ["Arabic", "German", "Hindi", "Japanese"]
    for head, row in enumerate(rows):
        for shown, value, low, high in zip(
            row, *(delta[name][head].values for name in ("delta", "low", "high")), strict=False
        ):
            if value != value:
                assert shown == "–"
                continue
            assert float(shown.removesuffix("*")) == pytest.approx(float(value), rel=0.005, abs=1e-12)
            assert shown.endswith("*") == (low > 0 or high < 0)
    page.locator("#layer-table button").nth(3).click()
    assert page.locator("#head-title").inner_text().startswith("Layer 1 · head 3, in ")


def test_the_layer_tab_needs_no_neurons(opened, tmp_path):
    wb.figures.explorer(cases.everything()[0]).write_html(tmp_path / "heads.html")
    page = opened("layer=2&view=layer", path=tmp_path / "heads.html")
    assert page.locator("#tab-layer").is_visible()
    assert page.locator("#status").inner_text() == "Layer 2 has 4 heads; its neurons are not in this page."
    assert page.locator("#layer-table tbody tr").count() == cases.HEADS
    assert not page.locator("#neurons-title").is_visible()


@pytest.mark.parametrize("window", WINDOWS)
def test_the_bottom_line_is_whole(opened, window):
    page = opened(window=window)
    click_head(page, "hi", 1, 2)
    seen = "(line => [line.scrollWidth <= line.clientWidth, getComputedStyle(line).textOverflow])(status_)"
    assert page.evaluate(seen.replace("status_", "document.getElementById('status')")) == [True, "clip"]
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    below = "(one => one.getBoundingClientRect().bottom)(document.querySelector('#notes p:last-child'))"
    top = "document.querySelector('footer').getBoundingClientRect().top"
    assert page.evaluate(f"{below} <= {top}")
