"""Published notebooks: pictures for a code host, nothing from elsewhere, folded solutions, no stale page."""

import importlib.util
import json
import re
from pathlib import Path

import nbformat
import plotly.express as px
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).parents[2]
BOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
FETCHED = re.compile(r"""<(?:script|img|link)\b[^>]*(?:src|href)\s*=\s*["']?https?:|@import|url\(\s*["']?https?:""")
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("publish", ROOT / "docs/publish.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown(**data):
    return new_output("display_data", data={name.replace("__", "/"): value for name, value in data.items()})


def figure(title):
    return new_output(
        "display_data", data={"application/vnd.plotly.v1+json": json.loads(px.bar([1, 2], title=title).to_json())}
    )


@pytest.fixture(scope="module")
def book():
    """A notebook as it looks when it was executed: a table, two figures of one cell, a widget, a card, a solution."""
    table = '<style type="text/css">td {color: red}</style>\n<table id="T_1"><tr><td class="data" >7</td></tr></table>'
    return new_notebook(
        metadata={"language_info": {"name": "python"}},
        cells=[
            new_markdown_cell("# 1 · Title\n\nAfter [this](02_next.ipynb) comes more.", id="title"),
            new_code_cell("table", id="table", outputs=[shown(text__html=table)]),
            new_code_cell("plot()", id="plot", outputs=[figure("First?"), figure("Second?")]),
            new_code_cell(
                "widget",
                id="widget",
                outputs=[new_output("display_data", data={WIDGET: {}, "text/plain": "A widget."})],
            ),
            new_code_cell(
                "card", id="card", outputs=[shown(text__html="<style>b {color: red}</style><h2>A card</h2><b>1</b>")]
            ),
            new_code_cell(
                "# Solution 1: it is < 8.\n7",
                id="solution-1",
                metadata={"tags": ["solution"]},
                outputs=[shown(text__markdown="It is **7**.")],
            ),
        ],
    )


def test_the_markdown_holds_pictures_plain_tables_and_folded_solutions(script, book):
    text, pictures = script.markdown(book, "01_title")
    assert list(pictures) == ["01_title/plot.png", "01_title/plot-2.png", "01_title/card.png"]
    assert "![First?](01_title/plot.png)" in text and "![Second?](01_title/plot-2.png)" in text
    assert "<table><tr><td>7</td></tr></table>" in text and "<style" not in text
    assert "[this](02_next.md)" in text
    fold = re.search(r"<details markdown=\"1\"><summary>(.*?)</summary>\n\n(.*?)\n\n</details>", text, re.DOTALL)
    assert fold[1] == "Solution 1: it is &lt; 8."
    assert "```python\n# Solution 1: it is < 8.\n7\n```" in fold[2] and "It is **7**." in fold[2]
    assert "*A widget.*" in text and "![A card](01_title/card.png)" in text


def test_the_page_asks_the_network_for_nothing(script, book):
    page = script.html(book)
    assert not FETCHED.findall(page)
    assert '<script src="plotly.min.js"></script>' in page
    assert page.count("Plotly.newPlot(") == 2
    assert page.count("<details") == 1 and "<strong>7</strong>" in page
    assert 'href="02_next.html"' in page


@pytest.mark.browser
def test_pictures_are_written_small(script, book, tmp_path):
    (tmp_path / "from").mkdir()
    nbformat.write(book, tmp_path / "from/01_title.ipynb")
    (page,) = script.publish(tmp_path / "from", tmp_path / "to")
    assert page == tmp_path / "to/01_title.md"
    for name in ("plot", "plot-2", "card"):
        picture = (tmp_path / f"to/01_title/{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG") and len(picture) < 60_000
        assert int.from_bytes(picture[16:20], "big") == script.WIDTH
    assert (tmp_path / "to/interactive/01_title.html").exists()
    assert (tmp_path / "to/interactive/plotly.min.js").stat().st_size > 1_000_000


def test_a_notebook_that_was_not_executed_is_refused(script, tmp_path):
    nbformat.write(new_notebook(cells=[new_code_cell("1", id="one")]), tmp_path / "01_title.ipynb")
    with pytest.raises(SystemExit, match="execute the notebooks first"):
        script.publish(tmp_path, tmp_path / "to")


@pytest.mark.parametrize("path", BOOKS, ids=[path.stem for path in BOOKS])
def test_the_committed_page_is_of_the_current_notebook(path):
    """After a change: `make notebooks`, then `python docs/publish.py`, and commit docs/notebooks."""
    page = (ROOT / f"docs/notebooks/{path.stem}.md").read_text(encoding="utf-8")
    place = 0
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            found = page.find(re.sub(r"\n{3,}", "\n\n", cell.source), place)
            assert found >= 0, f"cell {cell.id} of {path.name} is not on its page, or not in its place"
            place = found
    for picture in re.findall(r"\]\((\w+/[\w-]+\.png)\)", page):
        assert (ROOT / "docs/notebooks" / picture).stat().st_size < 60_000, picture
