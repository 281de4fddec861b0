"""Save a figure as SVG, PDF, PNG or a page, in its physical size."""

import re
import struct
import zlib
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument
from workbench.figures.printing.pictures import draw
from workbench.results.files import write_whole

KINDS = ("svg", "pdf", "png", "html")
PIXELS = 96 / 25.4  # of a page in a millimetre
_HEIGHT = 450  # pixels of a figure without a height, plotly's default
_HEADER = 33  # bytes of a PNG up to the end of its header


@checked
def save(figure: go.Figure, path: str | Path, *, dpi: int = 300) -> Path:
    """Write a figure into a file of its physical size, whole or not at all.

    The size is that of `figures.paper`, or the figure's own at 96 pixels an inch. An SVG is sized in millimetres, a PDF
    in points, a PNG has its resolution; a page (`.html`) is interactive, includes plotly.js and needs no network.

    Args:
        figure: Of `workbench.figures` or of plotly.
        path: Its name ends in `.svg`, `.pdf`, `.png` or `.html`.
        dpi: Pixels of a PNG in an inch.

    Returns:
        The path.

    Raises:
        BadArgument: Another kind of file; or pictures need kaleido and a Chromium, which are not installed.
        CannotWrite: The file cannot be written.

    Example:
        >>> wb.figures.save(wb.figures.paper(figure), "figure1.pdf")                             # doctest: +SKIP
    """
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in KINDS:
        raise BadArgument(f"path={str(path)[:200]!r} ends in none of .{', .'.join(KINDS)}")
    whole_number("dpi", dpi, at_least=36, at_most=2400)
    if kind == "html":
        return write_whole(path, figure.to_html())
    return write_whole(path, picture([figure], kind, dpi=dpi, instead="a name that ends in .html")[0])


def picture(figures: list[go.Figure], kind: str, *, dpi: int = 300, instead: str) -> list[bytes]:
    """Files of figures in their physical sizes, as `save` writes them; `instead` is for `draw`."""
    sized = [(figure, *_size(figure)) for figure in figures]
    drawn = draw(sized, kind, scale=dpi / (PIXELS * 25.4) if kind == "png" else 1, instead=instead)
    exact = {"svg": _svg, "pdf": _pdf, "png": lambda data, *_: _png(data, dpi)}[kind]
    return [exact(data, width / PIXELS, height / PIXELS) for data, (_, width, height) in zip(drawn, sized, strict=True)]


def _size(figure: go.Figure) -> tuple[float, float]:
    """Width and height in pixels of a page."""
    layout: Any = figure.layout
    meta = layout.meta if isinstance(layout.meta, dict) else {}
    return layout.width or meta.get("least_width", 700), layout.height or _HEIGHT


def _svg(data: bytes, width: float, height: float) -> bytes:
    """Millimetres in place of pixels; the view box stays."""
    size = f'width="{width:.6g}mm" height="{height:.6g}mm"'.encode()
    return re.sub(rb'width="[\d.]+" height="[\d.]+"', size, data, count=1)


def _pdf(data: bytes, width: float, height: float) -> bytes:
    """The exact page: Chromium rounds it to 1/300 inch. The box keeps its length, so that no offset changes."""
    box = re.search(rb"/MediaBox \[[\d. ]+\]", data)
    if box is None:
        return data
    for digits in (3, 2, 1):
        exact = f"/MediaBox [0 0 {width * 72 / 25.4:.{digits}f} {height * 72 / 25.4:.{digits}f}]".encode()
        if len(exact) <= len(box[0]):
            return data[: box.start()] + exact.ljust(len(box[0])) + data[box.end() :]
    return data


def _png(data: bytes, dpi: int) -> bytes:
    """The resolution, pixels per metre, after the header (PNG specification, chunk pHYs)."""
    metre = round(dpi / 0.0254)
    chunk = b"pHYs" + struct.pack(">IIB", metre, metre, 1)
    chunk = struct.pack(">I", 9) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return data[:_HEADER] + chunk + data[_HEADER:]
