"""The house: rooms import downwards only, TransformerLens stays in model/, and looking costs nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HOUSE = ROOT / "workbench"
# A module may import from its own floor's room and from floors below it (after it in this list).
FLOORS = [
    {"cli", "terminal"},
    {"studies", "live"},
    {"figures"},
    {"heads", "neurons", "patching", "lens"},
    {"planted"},
    {"training"},
    {"model"},
    {"results"},
    {"text"},
    {"arguments", "options"},
    {"errors", "shipped", "packaged", "cache", ""},  # "" is workbench/__init__.py; these may be imported from anywhere
]
SLOW = {"torch", "transformers", "transformer_lens", "xarray", "plotly", "pandas", "scipy", "rich", "tqdm", "numpy"}
FILES = sorted(HOUSE.rglob("*.py"))


def imports(path, *, everywhere=True):
    """Absolute names of the modules that a file imports; with everywhere=False, only those at import time."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    waiting = set()
    for node in ast.walk(tree):
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        later = later or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        if later and not everywhere:
            waiting.update(id(inner) for part in node.body for inner in ast.walk(part))
    found = []
    for node in ast.walk(tree):
        if id(node) in waiting:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def room(name):
    """`workbench.heads.scores.lahis.importance` -> heads; `workbench.__version__` and names the package loads -> ''."""
    part = name.split(".")[1] if "." in name else ""
    return part if any(part in floor for floor in FLOORS) else ""


def floor(part):
    return next(number for number, rooms in enumerate(FLOORS) if part in rooms)


def test_every_room_has_a_floor():
    found = {path.stem for path in HOUSE.glob("*.py")} | {path.parent.name for path in HOUSE.glob("*/__init__.py")}
    assert found - {"__init__"} <= set().union(*FLOORS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_hooks_are_registered_in_one_file(path):
    if path != HOUSE / "model" / "hooks.py":
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and hasattr(node.func, "attr")]
        assert not [name for name in calls if name.startswith("register_")], f"{path}: hooks come from model/hooks.py"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_imports_go_down(path):
    parts = path.relative_to(HOUSE).with_suffix("").parts
    mine = "" if parts == ("__init__",) else parts[0]
    for name in imports(path, everywhere=mine != ""):
        if name.split(".")[0] == "transformer_lens":
            assert mine == "model", f"{path}: transformer_lens is imported in model/ only"
        if mine == "figures":
            assert name.split(".")[0] not in ("torch", "transformers"), f"{path}: figures never see a model"
            assert room(name) != "model", f"{path}: figures never see a model"
        if name.split(".")[0] == "workbench" and mine != "":
            other = room(name)
            assert other == mine or floor(other) > floor(mine) or {other, mine} <= FLOORS[0], (
                f"{path} imports {name}: {mine} may import only what lies below it"
            )


def test_no_cycle():
    names = {".".join(("workbench", *path.relative_to(HOUSE).with_suffix("").parts)): path for path in FILES}
    names = {name.removesuffix(".__init__"): path for name, path in names.items()}
    edges = {}
    for name, path in names.items():
        targets = set()
        for target in imports(path, everywhere=False):
            while target and target not in names:
                target = target.rpartition(".")[0]
            if target and target not in (name, "workbench"):
                targets.add(target)
        edges[name] = targets
    done, path = set(), []

    def visit(name):
        assert name not in path, f"import cycle: {' > '.join([*path[path.index(name) :], name])}"
        if name not in done:
            path.append(name)
            for target in sorted(edges[name]):
                visit(target)
            path.pop()
            done.add(name)

    for name in edges:
        visit(name)


def loaded(code):
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sorted({{m.split('.')[0] for m in sys.modules}}))"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_looking_loads_nothing_slow():
    assert not loaded("import workbench") & {*SLOW, "typer"}
    run_help = "import workbench.cli\ntry: workbench.cli.app(['--help'])\nexcept SystemExit: pass"
    assert not loaded(run_help) & SLOW
    assert not loaded(run_help.replace("--help", "heads', '--help")) & SLOW


def test_public_names_load():
    code = "import workbench as wb\nassert all(hasattr(wb, name) for name in wb.__all__)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
