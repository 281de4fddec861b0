"""Slides of notebooks: all on one's own disk, figures that fit, code and solutions left out."""

import json
import re
import sys
from pathlib import Path

import nbformat
import plotly.express as px
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).parents[2]
FETCHED = re.compile(r"""<(?:script|img|link)\b[^>]*(?:src|href)\s*=\s*["']?https?:|@import|url\(\s*["']?https?:""")
SHOWN = re.search(r"SLIDES \?= (.+)", (ROOT / "Makefile").read_text(encoding="utf-8"))[1].split()


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    import slides

    yield slides
    sys.modules.pop("slides")


def test_a_page_of_slides(script):
    drawn = json.loads(px.bar([1, 2], height=2000, width=3000).to_json())
    output = new_output("display_data", data={"application/vnd.plotly.v1+json": drawn})
    cells = [
        new_markdown_cell("# Title", id="title", metadata={"slideshow": {"slide_type": "slide"}}),
        new_code_cell("secret()", id="plot", outputs=[output], metadata={"slideshow": {"slide_type": "subslide"}}),
        new_code_cell("answer", id="solution-1", metadata={"slideshow": {"slide_type": "skip"}}),
    ]
    page = script.slides(new_notebook(cells=cells), "reveal")
    assert not FETCHED.findall(page)
    assert all(f'src="{name}"' in page for name in ("plotly.min.js", "reveal/dist/reveal.js"))
    assert page.count("<section") == 3  # a slide, and in it two, one under the other
    assert f'"width":{script.WIDTH - 60}' in page and f'"height":{script.TALLEST}' in page
    assert "secret()" not in page and "answer" not in page


@pytest.mark.parametrize("name", SHOWN)
def test_the_notebooks_for_teaching_have_slide_types(name):
    cells = nbformat.read(ROOT / f"notebooks/{name}.ipynb", as_version=4).cells
    kinds = {cell.id: cell.metadata.get("slideshow", {}).get("slide_type", "-") for cell in cells}
    assert all(kinds[cell] == "skip" for cell in kinds if cell in ("switch", "setup") or cell.startswith("solution-"))
    for cell in cells:
        if cell.cell_type == "markdown" and re.match("##? ", cell.source):
            assert kinds[cell.id] == "slide", cell.id
