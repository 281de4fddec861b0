"""The page of graphs in a real browser: clicks, keys, links, two themes, three windows, no network."""

import pytest

import workbench as wb
from tests.browser.chromium import WINDOWS
from tests.figures import graph_cases as cases

pytestmark = pytest.mark.browser
CLICK = """number => {
  const plot = document.getElementById("plot"), at = nodes().number.indexOf(number);
  const {xaxis, yaxis} = plot._fullLayout, frame = document.getElementById("plot-box");
  frame.scrollLeft = xaxis._offset + xaxis.l2p(nodes().x[at]) - frame.clientWidth / 2; // a narrow window shows a part
  const box = plot.getBoundingClientRect();
  return [box.x + xaxis._offset + xaxis.l2p(nodes().x[at]), box.y + yaxis._offset + yaxis.l2p(nodes().y[at])];
}"""


IN_VIEW = """() => {
  const { xaxis } = document.getElementById("plot")._fullLayout, frame = document.getElementById("plot-box");
  const at = xaxis._offset + xaxis.l2p(nodes().x[state.node]) - frame.scrollLeft;
  return at >= 0 && at <= frame.clientWidth;
}"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    graphs = {"de": cases.graph(), "zh": cases.graph(scale=2.0)}
    path = tmp_path_factory.mktemp("graphs") / "graphs.html"
    return wb.figures.graph_page(graphs, path, contexts=cases.contexts(), effects={"de": {(1, 7): -1.25}})


@pytest.fixture
def opened(chromium, path):
    """Open the page; in the end it may not have complained, nor asked for anything but itself."""
    seen = []

    def open_page(address="", *, window="desktop", scheme="light", path=path):
        width, height = WINDOWS[window]
        context = chromium.new_context(offline=True, viewport={"width": width, "height": height}, color_scheme=scheme)
        page, complaints, requests = context.new_page(), [], []
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append("dialog"), dialog.dismiss()))
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


def click(page, number):
    page.locator("#plot-box").scroll_into_view_if_needed()
    page.mouse.click(*page.evaluate(CLICK, number))


def facts(page):
    names, values = page.locator("#facts dt").all_inner_texts(), page.locator("#facts dd").all_inner_texts()
    return dict(zip(names, values, strict=True))


def cells(page, table):
    rows = page.locator(f"{table} tbody tr").all()
    return [[cell.inner_text() for cell in row.locator("th, td").all()] for row in rows]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("window", WINDOWS)
def test_a_click_on_a_node_shows_everything_about_it(opened, window, scheme):
    page = opened(window=window, scheme=scheme)
    click(page, 4)
    assert page.locator("#node-title").inner_text() == "Feature 7 of layer 0 at \u2068“\u2067␣القط\u2069”\u2069"
    assert facts(page) == {
        "Kind": "feature",
        "Layer": "0",
        "Feature": "7",
        "Position": "1, \u2068“\u2067␣القط\u2069”\u2069",
        "Activation": "2",
        "Influence": "0.6",
    }
    # half of feature 7 of layer 1 comes from it: 2/4 of 3 - 0.5 * 0.5, and of 0.5 * 1
    assert [row[1:3] for row in cells(page, "#effects")] == [["0", "+1.38"], ["0", "+0.25"]]
    assert page.locator("#incoming .number").all_inner_texts() == ["+1"]
    assert page.locator("#outgoing .number").all_inner_texts() == ["+2"]
    titles = page.locator("#languages h4").all_inner_texts()
    assert titles == ["Arabic · العربية active at 30 % of tokens", "Chinese · 中文 active at 20 % of tokens"]
    assert page.locator(".context mark").all_inner_texts() == [" القط", "猫", "猫"]
    assert [text.get_attribute("dir") for text in page.locator(".context").all()] == ["rtl", "auto", "auto"]
    assert page.locator(".context").nth(1).inner_text() == "黑猫</script><img src=x onerror=alert(1)>"
    assert page.locator(".context img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert page.locator("#status").inner_text().startswith("Feature 7 of layer 0 at ")


def test_edges_lead_from_node_to_node(opened):
    page = opened()
    assert page.locator("#node-title").inner_text() == "Target \u2068“␣Katze”\u2069"
    assert not page.locator("#effects").is_visible() and not page.locator("#contexts").is_visible()
    assert page.locator("#incoming .number").all_inner_texts() == ["+3", "+0.75", "-0.5", "+0.2", "+0.05"]
    page.locator("#incoming button").first.click()
    assert page.locator("#node-title").inner_text() == "Feature 7 of layer 1 at \u2068“</script>”\u2069"
    assert page.locator("#incoming button").first.evaluate("button => button === document.activeElement")
    assert [row[1:] for row in cells(page, "#effects")] == [["+3", "+2.75", "-1.25"], ["0", "+0.5", "–"]]
    page.keyboard.press("Enter")
    assert "node=4" in page.evaluate("location.hash")
    page.locator("#plot-box").focus()
    page.keyboard.press("Backspace")
    assert "node=6" in page.evaluate("location.hash")


def test_the_keyboard_reaches_every_layer(opened):
    page = opened("node=4")
    page.locator("#plot-box").focus()
    page.set_viewport_size({"width": 390, "height": 844})
    ways = [("Right", 5), ("Up", 6), ("Up", 7), ("Down", 6), ("Down", 5)]
    for key, number in [(f"Arrow{way}", number) for way, number in ways] + [("Home", 11)]:
        page.keyboard.press(key)
        assert f"node={number}" in page.evaluate("location.hash"), key
        page.wait_for_function(IN_VIEW)


def test_the_menu_shows_another_graph(opened):
    page = opened()
    assert page.locator("#graph option").all_inner_texts() == ["German · Deutsch", "Chinese · 中文"]
    page.select_option("#graph", "1")
    assert page.locator("#incoming .number").all_inner_texts()[0] == "+6"
    assert "graph=1" in page.evaluate("location.hash")
    assert opened("graph=9&node=99").locator("#node-title").inner_text().startswith("Target ")


def test_the_table_has_every_node(opened):
    page = opened()
    page.locator("summary").click()
    rows = cells(page, "#table")
    assert len(rows) == len(cases.NODES)
    assert rows[1] == ["feature 7 of layer 1 at \u2068“</script>”\u2069", "4", "0.9", "+3", "+2.75"]
    page.locator("#table button").nth(1).click()
    assert "node=6" in page.evaluate("location.hash")


def test_it_is_labelled_and_drawn_as_written(opened):
    page = opened()
    ticks = "[...document.querySelectorAll('#plot .xtick text')].map(tick => tick.textContent)"
    assert page.evaluate(ticks) == ["no token", "<s>", "\u2067␣القط\u2069", "犬", "</script>"]
    unnamed = page.evaluate(
        """[...document.querySelectorAll('[role=application], [role=region], select, button, ol')]
        .filter(node => node.checkVisibility() && !node.ariaLabel && !node.getAttribute('aria-labelledby')
            && !(node.labels && node.labels.length) && !node.textContent.trim()).map(node => node.id)"""
    )
    assert unnamed == []
    ink = "getComputedStyle(document.querySelector('#plot .xtick text')).fill"
    light = page.evaluate(ink)
    page.select_option("#theme", "dark")
    page.wait_for_function(f"{ink} !== '{light}'")


def test_a_node_without_contexts_says_so(opened, tmp_path):
    page = opened("node=7")
    assert page.locator("#languages").inner_text() == "No contexts of this feature were given."
    alone = opened("node=6", path=wb.figures.graph_page(cases.graph(), tmp_path / "alone.html"))
    assert not alone.locator("#contexts").is_visible()
    assert "wb.circuits.contexts" in alone.locator("#notes").inner_text()
