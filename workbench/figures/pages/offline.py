"""A page as one file that needs no network: plotly, its style, its scripts and its data stand inside."""

import base64
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

_BASE = Path(__file__).parent / "assets"


def offline_page(
    assets: Path,
    scripts: Sequence[str],
    data: Any,
    *,
    title: str,
    about: Iterable[tuple[str, str]],
    skip_to: tuple[str, str],
    blocks: Mapping[str, Any] | None = None,
    **parts: str,
) -> str:
    """The page as text.

    Args:
        assets: folder of `main.html`, `page.css` and the scripts.
        scripts: names of the scripts, in order; `base.js`, which they may use, comes before them.
        data: what the scripts find in `page`: plain lists, numbers and texts.
        title: of the page.
        about: lines under the title: a name, and its value.
        skip_to: for readers with a keyboard: the id of the first part that they want, and what it is.
        blocks: further data by id; a script unpacks a block by `readData(id)` when it is needed.
        **parts: HTML for the other places of `main.html`.
    """
    code = [_BASE / "base.js", *(assets / name for name in scripts)]
    return Template(_read(_BASE / "base.html")).substitute(
        title=escape(title),
        about="".join(f"<span><b>{escape(key)}</b> {escape(name)}</span>" for key, name in about),
        style=_read(_BASE / "base.css") + _read(assets / "page.css"),
        start=skip_to[0],
        what=skip_to[1],
        main=Template(_read(assets / "main.html")).substitute(parts),
        plotly=get_plotlyjs(),
        data="\n".join(_block(name, each) for name, each in {"data": data, **(blocks or {})}.items()),
        scripts="\n".join(f"<script>{_read(path)}</script>" for path in code),
    )


def _block(name: str, data: Any) -> str:
    """Data as compressed JSON, in an element that a script reads by its id."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    packed = base64.b64encode(gzip.compress(text.encode(), compresslevel=6, mtime=0)).decode()
    return f'<script type="application/gzip+base64" id="{escape(name)}">{packed}</script>'


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
