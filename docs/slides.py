"""Slides of notebooks for teaching, without a network: `make slides`, or `python docs/slides.py NAME ...`.

Runs each notebook and writes runs/slides/NAME.html after its cells' slide types, which JupyterLab's property inspector
edits. Code is left out, figures answer the mouse, S opens the notes. reveal.js is read from runs/slides/reveal, where
`make slides` puts it; --reveal takes another folder or address.
"""

import argparse
from pathlib import Path

import nbformat
from jinja2 import DictLoader
from nbclient import NotebookClient
from nbconvert import SlidesExporter
from nbformat import NotebookNode
from plotly.offline import get_plotlyjs
from publish import ROOT, figures

WIDTH, HEIGHT = 1100, 760  # pixels of a slide; the browser scales it
TALLEST = 420  # pixels of a cell's figures together, so that a question fits above and an answer below

PAGE = """
{% extends 'reveal/index.html.j2' %}
{% block html_head_js %}<script src="plotly.min.js"></script>{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_css %}<style>
:root { --jp-content-font-size1: 19px; --jp-ui-font-size1: 13px; --jp-cell-prompt-width: 0px; }
.reveal { font-size: 19px; } .reveal h1 { font-size: 42px; } .reveal h2 { font-size: 30px; }
.reveal h1, .reveal h2, .reveal h3 { text-transform: none !important; }
.jp-RenderedHTMLCommon { line-height: 1.45; }
.jp-RenderedHTMLCommon table { font-size: 13px; }
.jp-InputPrompt, .jp-OutputPrompt { display: none; }
</style>{% endblock %}
{% block footer_js %}
<script src="{{ resources.reveal.url_prefix }}/dist/reveal.js"></script>
<script src="{{ resources.reveal.url_prefix }}/plugin/notes/notes.js"></script>
<script>
Reveal.initialize({
  width: {{ resources.reveal.width }}, height: {{ resources.reveal.height }}, margin: 0.03,
  hash: true, slideNumber: true, transition: "none", plugins: [RevealNotes],
});
const draw = () => Reveal.getCurrentSlide().querySelectorAll(".js-plotly-plot").forEach(Plotly.redraw);
Reveal.on("ready", draw);  // a figure that was drawn on a hidden slide has measured its words as nothing
Reveal.on("slidechanged", draw);
</script>
{% endblock %}
"""


def slides(book: NotebookNode, reveal: str) -> str:
    """The slides of an executed notebook as a page; plotly.min.js lies beside it, reveal.js at `reveal`."""
    number = {cell: number for cell, number, *_ in figures(book)}  # the last one's: how many a cell has
    for cell, _, output, figure in figures(book):
        height = min(figure.layout.height or TALLEST, TALLEST // number[cell])
        figure.update_layout(width=min(figure.layout.width or WIDTH - 60, WIDTH - 60), height=height)
        drawn = figure.to_html(full_html=False, include_plotlyjs=False, auto_play=False)
        output.data = NotebookNode({"text/html": drawn})
    exporter = SlidesExporter(
        extra_loaders=[DictLoader({"page.html.j2": PAGE})],
        template_file="page.html.j2",
        reveal_url_prefix=reveal,
        reveal_theme="white",  # "simple", the default, asks the network for its fonts
        reveal_width=str(WIDTH),
        reveal_height=str(HEIGHT),
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    text, _ = exporter.from_notebook_node(book)
    return text


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="+", help="notebooks, such as 01_first_look")
    parser.add_argument(
        "--reveal", default="reveal", help="where reveal.js lies, as the page sees it: a folder or an address"
    )
    options = parser.parse_args()
    target = ROOT / "runs/slides"
    target.mkdir(parents=True, exist_ok=True)
    (target / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")
    for name in options.names:
        book = nbformat.read(ROOT / f"notebooks/{name}.ipynb", as_version=4)
        NotebookClient(book, resources={"metadata": {"path": ROOT / "notebooks"}}).execute()
        page: Path = target / f"{name}.html"
        page.write_text(slides(book, options.reveal), encoding="utf-8")
        print(page)
