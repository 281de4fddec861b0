"""Figures of an executed notebook are in its page: with their numbers, drawn, and without a network."""

import base64
import re
from pathlib import Path

import numpy as np
import plotly.io
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import sync_playwright

import workbench as wb
from workbench.errors import BadArgument

ROOT = Path(__file__).parents[2]
START = "import numpy as np, xarray as xr, workbench as wb\nwb.figures.embed({form!r})"
DRAW = (
    "values = np.array({values})\n"
    'wb.figures.matrix(xr.Dataset({{"effect": (("source_layer", "target_layer"), values)}}), "effect")'
)
VALUES = ([[1.5, 2.25], [3.125, -4.0]], [[5.0, 6.5], [-7.75, 8.0]])
SCRIPT = re.compile(r"<script[^>]*\bsrc=[^>]*>")


@pytest.fixture
def executed(monkeypatch):
    """A notebook of two figures, as it is saved."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def execute(form):
        cells = [START.format(form=form), *(DRAW.format(values=values) for values in VALUES)]
        book = new_notebook(cells=[new_code_cell(cell) for cell in cells])
        return NotebookClient(book, kernel_name="python3").execute()

    return execute


def exported(book):
    return HTMLExporter().from_notebook_node(book)[0]


@pytest.mark.browser
def test_a_page_of_nbconvert_draws_both_figures_offline(executed, tmp_path):
    page = exported(executed("html"))
    assert page.count("Plotly.newPlot(") == 2
    for values in VALUES:
        assert page.count(base64.b64encode(np.array(values)).decode().replace("/", r"\u002f")) == 1
    assert SCRIPT.findall(page) == SCRIPT.findall(exported(new_notebook()))  # nothing is fetched for figures
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--headless", "--no-sandbox"])
        opened = browser.new_context(offline=True).new_page()
        opened.goto((tmp_path / "page.html").as_uri())
        opened.wait_for_function("document.querySelectorAll('.plotly-graph-div .heatmaplayer image').length == 2")
        browser.close()


@pytest.mark.browser
def test_png_is_for_pages_without_scripts(executed):
    book = executed("png")
    for cell in book.cells[1:]:
        (output,) = [each for each in cell.outputs if each.output_type != "stream"]  # a slow renderer warns there
        assert set(output.data) == {"application/vnd.plotly.v1+json", "image/png"}
        assert base64.b64decode(output.data["image/png"]).startswith(b"\x89PNG")
    assert len(re.findall(r'<img[^>]*src="data:image/png;base64,', exported(book))) == 2


def test_another_form_is_refused(monkeypatch):
    monkeypatch.setattr(plotly.io.renderers, "default", plotly.io.renderers.default)
    with pytest.raises(BadArgument, match="form='pdf'"):
        wb.figures.embed("pdf")
