"""Executed notebooks to pages: `python docs/publish.py`, after `make notebooks`.

From runs/notebooks, each notebook becomes docs/notebooks/NAME.md with its figures in NAME/*.png, which a code host
shows, and docs/notebooks/interactive/NAME.html, whose figures answer the mouse. Solutions are folded, and no page
asks the network for anything.
"""

import argparse
import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from shutil import rmtree

import nbformat
import plotly.io
from jinja2 import DictLoader
from nbconvert import HTMLExporter, MarkdownExporter
from nbformat import NotebookNode
from PIL import Image
from playwright.sync_api import sync_playwright
from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs
from pygments.formatters import HtmlFormatter

ROOT = Path(__file__).resolve().parent.parent
FIGURE = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
WIDTH, HEIGHT = 900, 450  # pixels of a picture whose figure names none

FOLD = """
{% extends BASE %}
{% block any_cell %}
{% if "solution" in cell.metadata.tags %}
<details markdown="1"><summary>{{ cell.source.split("\\n")[0][2:] | e }}</summary>

{{ super() }}

</details>
{% else %}{{ super() }}{% endif %}
{% endblock %}
"""
PAGE = (
    FOLD.replace("BASE", "'basic/index.html.j2'")
    + """
{% block header %}<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ resources.title }}</title>
<style>{{ resources.style }}</style>
<script src="plotly.min.js"></script>
</head><body><main>{% endblock %}
{% block footer %}</main></body></html>{% endblock %}
"""
)
STYLE = """
body { margin: 0; color: #1f2328; background: #fff; font: 16px/1.6 system-ui, "Noto Sans", sans-serif; }
main { max-width: 960px; margin: 0 auto; padding: 1rem 1.5rem 4rem; }
h1, h2, h3 { line-height: 1.25; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #d1d9e0; }
.anchor-link, .prompt { display: none; }
a { color: #0969da; }
pre, code { font: 13px/1.45 ui-monospace, "Noto Sans Mono", monospace; }
.highlight pre, .output_text pre { overflow-x: auto; padding: .7rem .9rem; border-radius: 6px; background: #f6f8fa; }
.output_html, .rendered_html { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; }
th, td { padding: .25rem .7rem; border: 1px solid #d1d9e0; }
details { margin: .8rem 0; padding: .4rem .9rem; border: 1px solid #d1d9e0; border-radius: 6px; }
summary { cursor: pointer; font-weight: 600; }
"""


def figures(book: NotebookNode) -> Iterator[tuple[str, int, NotebookNode, Figure]]:
    """(cell, number in the cell, output, figure) of the plotly figures in order."""
    for cell in book.cells:
        shown = [output for output in cell.get("outputs", []) if FIGURE in output.get("data", {})]
        for number, output in enumerate(shown, 1):
            yield cell.id, number, output, Figure(output.data[FIGURE], skip_invalid=True)


def page_of(book: NotebookNode, suffix: str) -> NotebookNode:
    """A copy whose links to other notebooks lead to their pages, and whose widgets are their words alone."""
    book = nbformat.from_dict(book)
    for cell in book.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\((\d\d_\w+)\.ipynb\)", rf"(\1{suffix})", cell.source)
        for output in cell.get("outputs", []):
            if WIDGET in output.get("data", {}):
                output.data = NotebookNode({"text/markdown": f"*{output.data['text/plain']}*"})
    return book


def title(figure: Figure) -> str:
    """A figure's title as plain words."""
    return unescape(re.sub(r"<[^>]+>", "", figure.layout.title.text or "Figure"))


def plain(table: str) -> str:
    """A table without what a code host drops or shows as text: its style, and the names that the style refers to."""
    table = re.sub(r"<style.*?</style>\s*", "", table, flags=re.DOTALL)
    return re.sub(r' (?:id|class|style|border)="[^"]*"', "", table).replace(" >", ">")


def compress(path: Path) -> None:
    """Store a picture in 256 colours, a third of its size."""
    Image.open(path).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def photograph(cards: dict[Path, str]) -> None:
    """Pictures of pieces of HTML in a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--headless", "--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        for path, card in cards.items():
            page.set_content(card)
            page.screenshot(path=path, full_page=True)
        browser.close()


def markdown(book: NotebookNode, name: str) -> tuple[str, dict[str, Figure | str]]:
    """The page as markdown, and by their path its pictures: a figure, or HTML with a heading, such as a card."""
    book = page_of(book, ".md")
    pictures: dict[str, Figure | str] = {}
    for cell, number, output, figure in figures(book):
        path = f"{name}/{cell}{f'-{number}' if number > 1 else ''}.png"
        pictures[path] = figure
        output.data = NotebookNode({"text/markdown": f"![{title(figure)}]({path})"})
    for cell in book.cells:
        for output in cell.get("outputs", []):
            drawn = output.get("data", {}).get("text/html", "")
            if heading := re.search(r"<h2>(.*?)</h2>", drawn):  # its colours say something, which a code host drops
                path = f"{name}/{cell.id}.png"
                pictures[path] = drawn
                output.data = NotebookNode({"text/markdown": f"![{heading[1]}]({path})"})
            elif drawn:
                output.data["text/html"] = plain(drawn)
    templates = DictLoader({"page.md.j2": FOLD.replace("BASE", "'markdown/index.md.j2'")})
    exporter = MarkdownExporter(extra_loaders=[templates], template_file="page.md.j2")
    text, _ = exporter.from_notebook_node(book)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n", pictures


def html(book: NotebookNode) -> str:
    """The page with interactive figures; plotly.min.js lies beside it."""
    book = page_of(book, ".html")
    for *_, output, figure in figures(book):
        drawn = figure.to_html(full_html=False, include_plotlyjs=False, auto_play=False, config={"responsive": True})
        output.data = NotebookNode({"text/html": drawn})
    style = STYLE + str(HtmlFormatter(style="default").get_style_defs(".highlight"))
    heading = book.cells[0].source.splitlines()[0].lstrip("# ")
    exporter = HTMLExporter(
        template_name="basic", extra_loaders=[DictLoader({"page.html.j2": PAGE})], template_file="page.html.j2"
    )
    text, _ = exporter.from_notebook_node(book, resources={"title": heading, "style": style})
    return text


def publish(source: Path, target: Path) -> list[Path]:
    """Write the pages of all executed notebooks of a folder; one browser draws all pictures."""
    interactive = target / "interactive"
    interactive.mkdir(parents=True, exist_ok=True)
    (interactive / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")
    pages: list[Path] = []
    pictures: dict[Path, Figure | str] = {}
    for path in sorted(source.glob("*.ipynb")):
        book = nbformat.read(path, as_version=4)
        if not any(cell.get("outputs") for cell in book.cells):
            raise SystemExit(f"{path} holds no outputs: execute the notebooks first (make notebooks)")
        text, drawn = markdown(book, path.stem)
        rmtree(target / path.stem, ignore_errors=True)  # pictures of figures that are no more
        pictures |= {target / where: picture for where, picture in drawn.items()}
        (target / f"{path.stem}.md").write_text(text, encoding="utf-8")
        (interactive / f"{path.stem}.html").write_text(html(book), encoding="utf-8")
        pages.append(target / f"{path.stem}.md")
    for path in pictures:
        path.parent.mkdir(exist_ok=True)
    drawings = {path: figure for path, figure in pictures.items() if isinstance(figure, Figure)}
    plotly.io.write_images(
        list(drawings.values()),
        list(drawings),
        width=[figure.layout.width or WIDTH for figure in drawings.values()],
        height=[figure.layout.height or HEIGHT for figure in drawings.values()],
    )
    if cards := {path: card for path, card in pictures.items() if isinstance(card, str)}:
        photograph(cards)
    for path in pictures:
        compress(path)
    return pages


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", nargs="?", type=Path, default=ROOT / "runs/notebooks", help="executed notebooks")
    parser.add_argument("target", nargs="?", type=Path, default=ROOT / "docs/notebooks", help="where the pages go")
    options = parser.parse_args()
    for page in publish(options.source, options.target):
        print(page)
