"""The explorer of several models in a real browser: menu, links, keys, 400 pixels, two themes, no network."""

import pytest

import workbench as wb
from tests.figures import explorer_cases as cases

pytestmark = pytest.mark.browser
SMALL, LARGE = "tiny & small", "larger, with a name that is far too long for the width of any telephone"
NARROW, WIDE = (400, 800), (1440, 900)
Z = "document.getElementById('grid').data.map(trace => [trace.z.length, trace.z[0].length])"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A page of three layers of four heads in four languages, and of five layers of two heads in three."""
    path = tmp_path_factory.mktemp("models") / "models.html"
    wb.figures.model_explorer({SMALL: cases.everything(), LARGE: cases.of_another_model()}).write_html(path)
    return path


@pytest.fixture
def opened(chromium, path):
    """Open the page; in the end it may not have complained, nor requested anything but itself."""
    seen = []

    def open_page(address="", *, window=WIDE, scheme="light", path=path):
        size = {"width": window[0], "height": window[1]}
        context = chromium.new_context(offline=True, viewport=size, color_scheme=scheme)
        page, complaints, requests = context.new_page(), [], []
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        seen.append((context, complaints, requests, path))
        page.goto(path.as_uri() + (f"#{address}" if address else ""))
        page.wait_for_selector("html[data-drawn]")
        return page

    yield open_page
    for context, complaints, requests, where in seen:
        context.close()
        assert complaints == []
        own = {url.partition("#")[0] for url in requests if not url.startswith(("data:", "blob:"))}
        assert own == {where.as_uri()}


def shows(page, name):
    """Wait until a model is shown and announced."""
    page.wait_for_function("name => document.getElementById('status').textContent.startsWith(`${name}. `)", arg=name)


def choose(page, name):
    page.get_by_role("combobox", name="Model").select_option(label=name)
    shows(page, name)


def address(page):
    """What the address names."""
    return page.evaluate("Object.fromEntries(new URLSearchParams(location.hash.slice(1)))")


def test_choosing_a_model_shows_its_grid_heads_and_lines(opened):
    page = opened("layer=1&head=1&language=de&beside=hi&sentence=7&colour=1")
    assert page.locator("#model option").all_inner_texts() == [SMALL, LARGE]
    assert page.evaluate(Z) == [[3, 4]] * 4 and address(page)["model"] == SMALL
    assert page.locator(".about").inner_text().split() == ["model", "tiny", "corpus", "by", "hand"]
    assert "Missing" not in page.locator("#notes").inner_text()
    choose(page, LARGE)
    assert page.evaluate(Z) == [[5, 2]] * 3
    page.locator("#grid .annotation-text", has_text="French").wait_for()
    titles = page.locator("#grid .annotation-text").all_text_contents()
    assert titles[:3] == ["German · Deutsch", "French · Français", "Hindi · हिन्दी"]
    assert page.locator("#head-title").inner_text() == "Layer 1 · head 1, in German"
    value = cases.of_another_model()[0].importance.sel(language="de", layer=1, head=1)
    assert f"LAHIS: {float(value):.3g} nats." in page.locator("#status").inner_text()
    assert page.locator("#layer option").count() == 5 and page.locator("#beside option").count() == 3
    assert address(page) == {
        **{"model": LARGE, "layer": "1", "head": "1", "language": "de", "beside": "hi", "colour": "0", "view": "head"}
    }
    assert "model larger" in page.locator(".about").inner_text()
    assert page.locator("#notes p", has_text="Missing").count() == 5
    assert not page.locator("#attention").is_visible()
    choose(page, SMALL)
    assert page.evaluate(Z) == [[3, 4]] * 4 and page.locator("#attention").is_visible()
    assert page.locator("#head-title").inner_text() == "Layer 1 · head 1, in German"
    assert page.locator(".square .main-svg:first-child").count() == 2


def test_a_head_that_the_other_model_lacks_becomes_the_nearest(opened):
    page = opened("layer=2&head=3&language=de&beside=ja")
    choose(page, LARGE)
    assert page.locator("#head-title").inner_text() == "Layer 2 · head 1, in German"
    assert address(page)["beside"] != "de"
    page.evaluate("location.hash = 'layer=4&head=1&language=fr'")
    page.wait_for_function("document.getElementById('head-title').textContent === 'Layer 4 · head 1, in French'")
    choose(page, SMALL)
    assert page.locator("#head-title").inner_text().startswith("Layer 2 · head 1, in ")
    assert address(page)["language"] in cases.LANGUAGES  # the first selection's


def test_the_layer_tab_follows_the_choice(opened):
    page = opened("view=layer&layer=0")
    assert page.locator("#layer-facts").inner_text().startswith("Layer 0 has 20 neurons")
    choose(page, LARGE)
    assert page.locator("#status").inner_text().endswith("Layer 0 has 2 heads; its neurons are not in this page.")
    assert page.locator("#layer-table tbody tr").count() == 2
    page.locator("#layer-table button").nth(1).click()
    assert page.locator("#head-title").inner_text().startswith("Layer 0 · head 1, in ")


def test_a_link_opens_its_model_and_a_bad_one_the_first(opened):
    page = opened("layer=1&head=1&language=hi")
    choose(page, LARGE)
    page.evaluate("select({ layer: 4, head: 0 })")
    link, title = page.url.partition("#")[2], page.locator("#head-title").inner_text()
    assert title == "Layer 4 · head 0, in Hindi"
    other = opened(link)
    assert other.locator("#head-title").inner_text() == title
    assert other.locator("#model").input_value() == "1" and other.evaluate(Z) == [[5, 2]] * 3
    assert address(opened("model=none&layer=1"))["model"] == SMALL


def test_a_link_to_another_model_is_followed_in_the_open_page(opened):
    page = opened("layer=0&head=0&language=ja")
    page.evaluate("name => { location.hash = new URLSearchParams({ model: name, layer: 3, language: 'fr' }); }", LARGE)
    shows(page, LARGE)
    assert page.locator("#head-title").inner_text() == "Layer 3 · head 0, in French"
    assert page.locator("#model").input_value() == "1"


def test_the_last_of_two_quick_choices_is_shown(opened):
    page = opened("layer=1&head=1&language=de")
    page.evaluate("Promise.all([chooseModel(1), chooseModel(0)])")
    assert address(page)["model"] == SMALL and page.evaluate(Z) == [[3, 4]] * 4
    page.evaluate("Promise.all([chooseModel(1), chooseModel(0), chooseModel(1)])")
    assert address(page)["model"] == LARGE and page.evaluate(Z) == [[5, 2]] * 3


def test_a_model_without_heads_hides_the_grid_and_another_brings_it_back(opened, tmp_path):
    path = tmp_path / "sentences.html"
    wb.figures.model_explorer({"words": [cases.sentences()], "heads": cases.of_another_model()}).write_html(path)
    page = opened(path=path)
    assert page.locator("#panel-lens").is_visible() and not page.locator("#heads").is_visible()
    choose(page, "heads")
    assert page.evaluate(Z) == [[5, 2]] * 3 and page.locator("#panel-head").is_visible()
    assert not page.locator("#tab-lens").is_visible()
    box = page.locator("#grid .nsewdrag").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.1)
    assert page.locator("#head-title").inner_text() == "Layer 4 · head 1, in German"
    choose(page, "words")
    assert page.locator("#lens .heatmaplayer image").count() == 1 and not page.locator("#heads").is_visible()


def test_one_model_has_no_menu(opened, tmp_path):
    wb.figures.model_explorer({"only": cases.everything()}).write_html(tmp_path / "one.html")
    page = opened("model=only&layer=1&head=3&language=ja", path=tmp_path / "one.html")
    assert page.locator("#model").count() == 0 and "model" not in address(page)
    assert page.locator("#head-title").inner_text() == "Layer 1 · head 3, in Japanese"


def test_the_keyboard_reaches_and_changes_the_menu(opened):
    page = opened("layer=1&head=1&language=de")
    for _ in range(3):  # the link to the heads, the theme, the model
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.labels[0].textContent.startsWith('Model')")
    page.keyboard.press("ArrowDown")
    shows(page, LARGE)
    assert page.evaluate("document.activeElement.id") == "model"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "grid-box"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert page.locator("#head-title").inner_text() == "Layer 2 · head 1, in German"
    page.keyboard.press("]")
    assert page.locator("#head-title").inner_text() == "Layer 2 · head 1, in French"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_four_hundred_pixels_in_both_themes(opened, scheme):
    page = opened(window=NARROW, scheme=scheme)
    for name in (LARGE, SMALL):
        choose(page, name)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        box = page.locator("#model").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= NARROW[0] and box["height"] >= 32
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        page.locator("#grid .ytick text").first.wait_for()
        ink = page.evaluate("getComputedStyle(document.querySelector('#grid .ytick text')).fill")
        assert ink == {"light": "rgb(29, 37, 48)", "dark": "rgb(228, 231, 236)"}[scheme]


def test_the_theme_that_was_chosen_stays(opened):
    page = opened(scheme="light")
    page.select_option("#theme", "dark")
    ground = "document.getElementById('grid').layout.template.layout.font.color"
    dark = page.evaluate(ground)
    choose(page, LARGE)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate(ground) == dark
    page.select_option("#theme", "light")
    assert page.evaluate(ground) != dark and page.evaluate(Z) == [[5, 2]] * 3
