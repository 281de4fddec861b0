"""A notebook in JupyterLab itself, run from its menu, and the live explorer in it, in Debian's Chromium.

It is one test, since starting JupyterLab and running the notebook is most of its time.
"""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.browser.chromium import ARGUMENTS, CHROMIUM
from tests.browser.lab import jupyter_lab

BOOK = Path(__file__).parents[2] / "notebooks" / "12_live_explorer.ipynb"
PATIENCE = 90  # seconds that a step may take on a busy machine; on a quiet one all of them take less than 60
TYPED = ("मुझे किताब पसंद है", "الكتاب على الطاولة")
CODE = "[...jupyterapp.shell.currentWidget.content.widgets].filter((cell) => cell.model.type === 'code')"
LIVE = "[...document.querySelectorAll('.wb-live')]"  # the explorer, then the lens
FIGURES = f"[...{LIVE}[0].querySelectorAll('.js-plotly-plot')]"
GRID = f"{LIVE}[1].querySelector('.js-plotly-plot')"
SENTENCES = {
    "Latin": "Le chien dort au jardin.",
    "Arabic": "القط ينام تحت الشجرة.",
    "Devanagari": "बिल्ली पेड़ के नीचे सोती है।",
    "Japanese": "猫は木の下で寝ています。",
    "Cyrillic": "Кошка спит под деревом.",
}
MAP, PATTERNS = f"{FIGURES}[0]", f"{FIGURES}[1]"
pytestmark = pytest.mark.browser


@pytest.fixture
def lab(tmp_path):
    home, books = tmp_path / "home", tmp_path / "books"
    books.mkdir()
    shutil.copy(BOOK, books)
    with jupyter_lab(home, books, patience=PATIENCE) as running:
        yield running


@pytest.fixture
def page(lab):
    """The notebook in JupyterLab; in the end the page may have asked nobody but that JupyterLab."""
    requests, problems = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000}, color_scheme="light")
        page.set_default_timeout(PATIENCE * 1000)
        expect.set_options(timeout=PATIENCE * 1000)
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda one: problems.append(one.text) if one.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(lab.notebook(BOOK.name))
        yield page
        browser.close()
    assert [url for url in requests if not url.startswith((lab.url, "data:", "blob:"))] == []
    assert problems == []


def test_a_notebook_runs_in_jupyterlab_and_its_explorer_answers(page):
    run_all_cells(page)
    every_figure_is_drawn(page)
    typing_draws_patterns(page)
    a_click_on_the_map_chooses_a_head(page)
    arrow_keys_walk_and_leave_the_notebook_alone(page)
    a_text_that_will_not_do_is_answered_in_a_line(page)
    the_lens_follows_typing_in_five_scripts(page)
    no_cell_complained(page)


def explorer(page: Page) -> Locator:
    return page.locator(".wb-live").nth(0)


def run_all_cells(page: Page) -> None:
    expect(page.locator(".jp-StatusBar-Widget", has_text="| Idle")).to_be_visible()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(f"{CODE}.at(-1).model.executionCount === {CODE}.length")
    expect(page.locator(".jp-StatusBar-Widget", has_text="| Idle")).to_be_visible()
    no_cell_complained(page)


def no_cell_complained(page: Page) -> None:
    outputs = page.evaluate(f"{CODE}.flatMap((cell) => cell.model.outputs.toJSON())")
    assert [one for one in outputs if one["output_type"] == "error" or one.get("name") == "stderr"] == []


def every_figure_is_drawn(page: Page) -> None:
    """The map, the patterns, the numbers and the classes of the explorer, and the figure below it."""
    traces = f"{FIGURES}.map((figure) => (figure.data || []).length)"
    for _ in range(PATIENCE):
        found = page.evaluate(traces)
        if len(found) == 4 and all(found):
            break
        page.wait_for_timeout(1000)
    assert len(found) == 4 and all(found), f"traces of the explorer's four figures: {found}"
    expect(page.locator(".jp-RenderedPlotly .heatmaplayer image")).to_have_count(2)


def typing_draws_patterns(page: Page) -> None:
    """Hindi and Arabic; the tokens on the axis are the text, and what each gives away sums to one."""
    before = page.evaluate(f"{PATTERNS}.data[0].z")
    for box, text in zip(explorer(page).locator('input[type="text"]').all(), TYPED, strict=True):
        box.fill(text)
        box.press("Enter")
    for trace, text in enumerate(TYPED):
        axis = ("ytick", "y2tick")[trace]
        page.wait_for_function(
            f"""text => [...{PATTERNS}.querySelectorAll('.{axis} text')].map(tick => tick.textContent).join('')
                .replaceAll('␣', ' ').replace(/[\\u2067\\u2069]/g, '') === text""",
            arg=f"<s>{text}",
        )
        rows = page.evaluate(f"{PATTERNS}.data[{trace}].z")
        assert [sum(filter(None, row)) for row in rows] == pytest.approx([1] * len(rows), abs=1e-3)
        assert rows != before


def a_click_on_the_map_chooses_a_head(page: Page) -> None:
    layers, heads = page.evaluate(f"[{MAP}.data[3].z.length, {MAP}.data[3].z[0].length]")
    panel = explorer(page).locator(".js-plotly-plot").first.locator(".nsewdrag").nth(3)
    panel.scroll_into_view_if_needed()
    box = panel.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 3.5 / heads, box["y"] + box["height"] * (layers - 2.5) / layers)
    expect(explorer(page).locator(".wb-chooser")).to_have_text("Layer 2 · head 3")
    expect(explorer(page).get_by_label("Left", exact=True).locator("option:checked")).to_have_text("Spanish · Español")
    expect(explorer(page).locator('input[type="text"]').first).to_have_value(TYPED[0])  # what was typed stays


def arrow_keys_walk_and_leave_the_notebook_alone(page: Page) -> None:
    active = "jupyterapp.shell.currentWidget.content.activeCellIndex"
    explorer(page).locator(".wb-chooser").focus()
    before = page.evaluate(active)
    for key in ("ArrowUp", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    expect(explorer(page).locator(".wb-chooser")).to_have_text("Layer 3 · head 5")
    menu = explorer(page).get_by_label("Layer", exact=True)
    expect(menu.locator("option:checked")).to_have_text("3")  # the kernel has followed
    menu.focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("status").filter(has_text="Layer 4, head 5.")).to_be_visible()
    assert page.evaluate(active) == before


def a_text_that_will_not_do_is_answered_in_a_line(page: Page) -> None:
    before = page.evaluate(f"{PATTERNS}.data[1].z")
    box = explorer(page).locator('input[type="text"]').nth(1)
    for text, words in (("", "type a sentence"), ("word " * 300, "make it shorter")):
        box.fill(text)
        box.press("Enter")
        expect(explorer(page).get_by_role("alert")).to_contain_text(re.compile(words, re.IGNORECASE))
    assert page.evaluate(f"{PATTERNS}.data[1].z") == before


def the_lens_follows_typing_in_five_scripts(page: Page) -> None:
    """Key by key without Enter; tokens on the axis are the text; the box that chooses heads is not there."""
    lens = page.locator(".wb-live").nth(1)
    lens.scroll_into_view_if_needed()
    expect(lens.locator(".wb-chooser")).to_be_hidden()
    box = lens.locator('input[type="text"]').first
    ticks = f"""text => [...{GRID}.querySelectorAll('.xtick text')].map(tick => tick.textContent).join('')
        .replaceAll('␣', ' ').replace(/[\\u2067\\u2069]/g, '') === text"""
    for text in SENTENCES.values():
        box.fill("")
        box.press_sequentially(text, delay=20)
        page.wait_for_function(ticks, arg=f"<s>{text}")
        expect(lens.locator(".wb-under")).to_contain_text(text)
    lens.get_by_label("Colour", exact=True).select_option("language or script of the token")
    page.wait_for_function(f"{GRID}.data.length > 1 && {GRID}.data.every((trace) => trace.name)")
    box.fill("")
    expect(lens.get_by_role("alert")).to_contain_text("Type a text")
