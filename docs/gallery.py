"""Run the Python of the pages and photograph its figures: what a page shows is what its lines give.

Blocks of one page share their names, so that a later one may go on where an earlier one ended. A block whose last line
is a figure makes a picture: the first of them the first `![text](...pictures/name.png)` of the page, and so on.
`python docs/gallery.py [PAGE ...]` makes the pictures of all pages, or of those that are named, and docs/gallery.md.
"""

import ast
import json
import os
import re
import shutil
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs
from publish import compress

from workbench.figures.explorer import Explorer

DOCS = Path(__file__).resolve().parent
INDEX = DOCS / "methods/index.md"
METHODS = dict.fromkeys(re.findall(r"\]\(([\w-]+\.md)\)", INDEX.read_text(encoding="utf-8")))  # in its order
PAGES = [DOCS / "index.md", *(DOCS / "methods" / name for name in METHODS), DOCS / "figures.md"]
WIDTH = 1000  # pixels
REAL = "pictures/gemma-"  # how the pictures of a real model begin
PIECE = re.compile(
    r"```python\n(?P<code>.*?)```|!\[(?P<says>[^\]]*)\]\([./]*pictures/(?P<name>[\w-]+)\.png\)", re.DOTALL
)
DRAW = f"figure => Plotly.newPlot('figure', figure.data, {{...figure.layout, width: {WIDTH}}}, {{staticPlot: true}})"


def pieces(page: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """The Python blocks of a page, and the (name, description) of its pictures."""
    found = list(PIECE.finditer(page.read_text(encoding="utf-8")))
    return [one["code"] for one in found if one["code"]], [(one["name"], one["says"]) for one in found if one["name"]]


def run(code: str, names: dict[str, Any]) -> Any:
    """Execute lines and return the value of the last one, as a notebook does; None where it is no expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<page>", "exec"), names)
    return eval(ast.unparse(last), names) if last else None


def is_picture(value: Any) -> bool:
    """A figure, or a card that is a page of HTML."""
    return isinstance(value, Figure) or hasattr(value, "page")


def photograph(screen: Page, shown: Any, path: Path) -> None:
    """Write a figure as PNG, or what has a page of its own: a card, an explorer."""
    wide = isinstance(shown, Explorer)  # drawn on a window in which its parts stand side by side, then made smaller
    screen.set_viewport_size({"width": 1400 if wide else WIDTH, "height": 860})
    if wide or not isinstance(shown, Figure):
        Path("page.html").write_text(shown.to_html() if wide else shown.page, encoding="utf-8")
        screen.goto(Path("page.html").resolve().as_uri())
        screen.wait_for_timeout(500)
        screen.screenshot(path=path, full_page=not wide)
        image = Image.open(path)
        image.resize((WIDTH, image.height * WIDTH // image.width)).save(path)
    else:
        screen.set_content('<!DOCTYPE html><div id="figure"></div>')
        screen.add_script_tag(content=get_plotlyjs())
        screen.evaluate(DRAW, json.loads(str(shown.to_json())))
        screen.locator(".svg-container").screenshot(path=path)
    compress(path)


def gallery() -> str:
    """The page of all pictures; each leads to the page that makes it."""
    cards: list[str] = []
    for page in PAGES[1:]:
        title = page.read_text(encoding="utf-8").split("# ", 1)[1].splitlines()[0]
        target = page.relative_to(DOCS).as_posix()
        cards += [f"[![{says}](pictures/{name}.png)\n{title}]({target})\n" for name, says in pieces(page)[1]]
    cards.sort(key=lambda card: REAL not in card)  # a model that nobody trained for this comes first
    return (
        "---\nhide: [navigation, toc]\n---\n# Gallery\n\n<!-- Written by docs/gallery.py. -->\n"
        "Every picture is made by the lines of the page it leads to, the first three on Gemma 3 270M, all others on\n"
        'the shipped model; `make gallery` makes all of them again.\n\n<div class="gallery" markdown>\n\n'
        + "\n".join(cards)
        + "\n</div>\n"
    )


def main(only: list[str]) -> None:
    """Make the pictures and the gallery."""
    warnings.simplefilter("ignore")
    (DOCS / "pictures").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        os.chdir(folder)  # what examples write is thrown away
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--headless", "--no-sandbox"]
        )
        screen = browser.new_page()
        for page in PAGES:
            if only and page.stem not in only:
                continue
            start, names = time.process_time(), {}
            blocks, pictures = pieces(page)
            figures = [value for value in (run(code, names) for code in blocks) if is_picture(value)]
            for figure, (name, _) in zip(figures, pictures, strict=True):
                photograph(screen, figure, DOCS / f"pictures/{name}.png")
            print(f"{page.stem}: {time.process_time() - start:.1f} s of CPU", flush=True)
        browser.close()
    (DOCS / "gallery.md").write_text(gallery(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
