"""What mkdocs lacks here: formulas without a script, search without a server, and lists that keep themselves."""

import ast
import re
from html import unescape
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert

ROOT = Path(__file__).resolve().parent.parent
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
ROOM = re.compile(r"^::: all of (workbench\.\w+)$", re.MULTILINE)
SHIM = re.compile(r'<script src="https://unpkg\.com/iframe-worker/shim"></script>')


def on_config(config: Any) -> Any:
    """Add the published notebooks, where there are any, in front of the API."""
    names = sorted(path.name for path in Path(config.docs_dir, "notebooks").glob("*.md"))
    if names:
        config.nav.insert(-1, {"Notebooks": [f"notebooks/{name}" for name in names]})
    return config


def public(room: str) -> list[str]:
    """Where each public name of a room is defined: `workbench.heads` to `workbench.heads.roles.roles` ..."""
    tree = ast.parse(ROOT.joinpath(*room.split("."), "__init__.py").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return sorted(
        (f"{node.module}.{one.name}" for node in imports for one in node.names), key=lambda x: x.split(".")[-1]
    )


def on_page_markdown(text: str, page: Any, **_: Any) -> str:
    """Expand `::: all of workbench.heads` to all its public names, which griffe takes for the modules of their name.

    A notebook's page leads to its twin whose figures answer the mouse, where that was made.
    """
    source = Path(page.file.abs_src_path)
    if (source.parent / "interactive" / source.with_suffix(".html").name).exists():
        link = f"[With figures that answer the mouse](interactive/{source.stem}.html)"
        text = re.sub(r"^(# .*)$", rf"\1\n\n{link}", text, count=1, flags=re.MULTILINE)
    return ROOM.sub(lambda found: "\n\n".join(f"::: {name}" for name in public(found[1])), text)


def on_page_content(html: str, **_: Any) -> str:
    """Turn what arithmatex marked as TeX into MathML, which browsers draw by themselves."""
    return FORMULA.sub(_mathml, html)


def _mathml(found: re.Match[str]) -> str:
    kind, tex = found.groups()
    formula = convert(unescape(tex), display="block" if kind == "div" else "inline")
    return f'<div class="formula">{formula}</div>' if kind == "div" else formula


def on_post_page(output: str, **_: Any) -> str:
    """Put our own worker.js in place of the script that the theme would fetch for pages without a server."""
    script = Path(__file__).with_name("worker.js").read_text(encoding="utf-8")
    return SHIM.sub(lambda _: f"<script>{script}</script>", output)


on_post_template = on_post_page
