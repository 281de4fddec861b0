"""The pages are complete and true: every public name has its place, and every example names what exists."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

import workbench as wb
from workbench.cli import app

DOCS = Path(__file__).parents[2] / "docs"
METHODS = sorted(path for path in DOCS.glob("methods/*.md") if path.stem != "index")
PAGES = sorted(path for path in DOCS.rglob("*.md") if "notebooks" not in path.parts)
ROOMS = (
    "heads",
    "neurons",
    "patching",
    "lens",
    "attribution",
    "planted",
    "steering",
    "circuits",
    "merging",
    "laboratories",
    "figures",
    "live",
)
HEADINGS = ["Definition", "Call", "Picture", "Paper", "Pitfalls"]
named = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(DOCS).as_posix())


def blocks(path):
    return re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_is_on_a_page(room):
    pages = [DOCS / "figures.md"] if room in ("figures", "live") else METHODS
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    for name in importlib.import_module(f"workbench.{room}").__all__:
        if inspect.isroutine(getattr(getattr(wb, room), name)):
            assert re.search(rf"\bwb\.{room}\.{name}\b", text), f"no page shows wb.{room}.{name}"


@pytest.mark.parametrize("package", ["model", "text", "results"])
def test_every_name_below_is_in_the_reference(package):
    text = "\n".join(page.read_text(encoding="utf-8") for page in DOCS.glob("api/*.md"))
    for name in getattr(wb, package).__all__:
        assert hasattr(getattr(wb, package), name)
        assert re.search(rf"^::: workbench\.{package}\.(\w+\.)*{name}$", text, re.MULTILINE), f"wb.{package}.{name}"


def test_every_name_of_the_top_is_explained():
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    for name in wb.__all__:
        assert name.startswith("__") or f"wb.{name}" in text, name


@pytest.mark.parametrize("path", METHODS, ids=lambda path: path.stem)
def test_a_method_page_has_its_five_parts(path):
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE) == HEADINGS
    parts = re.split(r"^## .*$", text, flags=re.MULTILINE)
    assert "$$" in parts[1] or "|---" in parts[1], "a definition is a formula or a table"
    assert "```python" in parts[2]
    assert "![" in parts[3]
    assert "arxiv.org/abs/" in parts[4] or "ours" in parts[4].lower()
    assert len(re.findall(r"^- ", parts[5], flags=re.MULTILINE)) >= 3
    assert f"({path.name})" in (DOCS / "methods/index.md").read_text(encoding="utf-8")


def test_every_error_has_a_cure():
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    for name, error in vars(wb.errors).items():
        if inspect.isclass(error) and issubclass(error, wb.errors.WorkbenchError):
            assert f"`{name}`" in text, name


def resolved(name):
    """What `wb.heads.ablate` stands for."""
    found = wb
    for part in name.split(".")[1:]:
        found = getattr(found, part)
    return found


@named
def test_examples_call_what_exists(path):
    for code in blocks(path):
        for call in [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]:
            name = ast.unparse(call.func)
            if re.fullmatch(r"wb(\.\w+)+", name):
                arguments = {one.arg: None for one in call.keywords if one.arg}
                inspect.signature(resolved(name)).bind(*call.args, **arguments)
        for name in re.findall(r"\bwb(?:\.\w+)+", code):
            resolved(name)


@named
def test_names_in_the_text_exist(path):
    for name in re.findall(r"`(wb(?:\.\w+)+)", path.read_text(encoding="utf-8")):
        resolved(name)


@named
def test_commands_in_the_text_exist(path):
    groups = {
        group.name: {one.name or one.callback.__name__ for one in group.typer_instance.registered_commands}
        for group in app.registered_groups
    }
    single = {one.name or one.callback.__name__ for one in app.registered_commands}
    for first, second in re.findall(
        r"(?:^|`)workbench ([a-z]+) ?([\w/:.-]*)", path.read_text(encoding="utf-8"), re.MULTILINE
    ):
        assert first in {*groups, *single}
        assert first in single or second in {*groups[first], "polyglot"}


@pytest.mark.parametrize("path", METHODS, ids=lambda path: path.stem)
def test_a_notebook_that_is_linked_shows_the_method(path):
    areas = "heads|neurons|patching|lens|attribution|evaluation|steering|circuits|merging|planted"
    calls = set(re.findall(rf"wb\.(?:{areas})\.\w+", "".join(blocks(path))))
    for name in re.findall(r"\.\./notebooks/(\w+)\.md", path.read_text(encoding="utf-8")):
        notebook = (DOCS.parent / f"notebooks/{name}.ipynb").read_text(encoding="utf-8")
        assert any(call in notebook for call in calls), name


def test_every_picture_is_small_and_shown():
    shown = {name for page in PAGES for name in re.findall(r"pictures/([\w-]+\.png)", page.read_text(encoding="utf-8"))}
    stored = {path.name: path.stat().st_size for path in DOCS.glob("pictures/*")}
    assert set(stored) == shown
    assert max(stored.values()) <= 60_000


def test_figures_of_speed_are_those_of_the_run():
    run = (DOCS.parent / "benchmarks/results/engine.md").read_text(encoding="utf-8")
    told = re.findall(r"\d+\.\d+x", (DOCS / "performance.md").read_text(encoding="utf-8"))
    assert told
    assert all(figure in run for figure in told)
