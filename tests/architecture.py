"""What the architecture demands of a source tree: every function here lists the offences that it finds in one."""

import ast
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import median

# A module may import from its own subpackage and from floors below it (after it in this list).
FLOORS = [
    {"cli", "terminal"},
    {"atlas"},
    {"studies", "live"},
    {"figures"},
    {"laboratories"},
    {"merging"},
    {"steering"},
    {"circuits"},
    {"heads", "neurons", "patching", "lens", "attribution", "evaluation"},
    {"planted"},
    {"training"},
    {"model"},
    {"results"},
    {"text"},
    {"arguments"},
    {"options"},
    {
        "errors",
        "shipped",
        "packaged",
        "cache",
        "lazy",
        "",
    },  # "" is workbench/__init__.py; these may be imported from anywhere
]
MODULES_PER_FOLDER = 12
LINES_PER_FILE = 300
MEDIAN_LINES = 110
LINES_PER_FUNCTION = 60  # without its docstring
PARAMETERS = 10
DIALECT = {"told", "heard", "hears", "held", "kept", "said", "asked", "found", "one", "room", "house", "thought"}
FIELD_TERMS = re.compile(r"held_out|one_of|above_one|zero_one")


@dataclass(frozen=True)
class Source:
    """A module: where it lies, its dotted name without the package's, and its text."""

    path: Path
    name: str
    text: str = field(repr=False)

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def subpackage(self) -> str:
        """`heads` of workbench/heads/scores/lahis.py, `errors` of workbench/errors.py, and "" of the package itself."""
        return self.name.split(".")[0]

    def __str__(self) -> str:
        return self.name


def sources(package: Path) -> list[Source]:
    """All modules of a package."""
    modules = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        modules.append(Source(path, name, path.read_text(encoding="utf-8")))
    return modules


def imports(source: Source) -> list[str]:
    """Absolute names that a module imports, also inside functions and under TYPE_CHECKING."""
    names = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{'.' * node.level}{node.module}.{alias.name}" for alias in node.names]
    return names


def subpackage(name: str) -> str:
    """`workbench.heads.roles.roles` -> heads; what the package itself defines or loads -> ''."""
    part = name.split(".")[1] if "." in name else ""
    return part if any(part in floor for floor in FLOORS) else ""


def floor(part: str) -> int:
    return next(number for number, parts in enumerate(FLOORS) if part in parts)


def import_offences(source: Source) -> list[str]:
    """Imports that go up, sideways or past a border."""
    mine, offences = source.subpackage, []
    if mine == "":
        return []  # the package's own lazy names
    for name in imports(source):
        top = name.split(".")[0]
        if name.startswith("."):
            offences.append(f"{source}: relative import")
        if top == "transformer_lens" and mine != "model":
            offences.append(f"{source}: transformer_lens is imported in model/ only")
        if mine == "figures" and (top in ("torch", "transformers") or name.startswith("workbench.model")):
            offences.append(f"{source}: figures never see a model")
        if top == "workbench":
            other = subpackage(name)
            if other != mine and floor(other) <= floor(mine) and not {other, mine} <= FLOORS[0]:
                offences.append(f"{source} imports {name}: {mine} may import only what lies below it")
    return offences


def hook_offences(source: Source) -> list[str]:
    """Hooks that are registered outside model/hooks.py."""
    calls = [node.func for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
    names = [call.attr for call in calls if isinstance(call, ast.Attribute)]
    registers = any(name.startswith("register_") for name in names)
    return [f"{source}: hooks are registered in model/hooks.py"] if registers and source.name != "model.hooks" else []


def cycle(modules: list[Source], package: str = "workbench") -> list[str]:
    """A circle of imports, whether at import time, inside a function or for types only; empty where there is none."""
    names = {f"{package}.{source.name}".rstrip("."): source for source in modules}
    packages = {name for name, source in names.items() if source.path.name == "__init__.py"}
    edges: dict[str, set[str]] = {}
    for name, source in names.items():
        targets = set()
        for target in imports(source):
            while target and target not in names:
                target = target.rpartition(".")[0]
            # A package's __init__ only gathers names: who imports a module from it depends on that module alone.
            if target and target != name and target not in packages:
                targets.add(target)
        edges[name] = targets if name not in packages else set()
    finished: set[str] = set()

    def visit(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name not in finished:
            for target in sorted(edges[name]):
                if circle := visit(target, [*way, name]):
                    return circle
            finished.add(name)
        return []

    return next((circle for name in edges if (circle := visit(name, []))), [])


def size_offences(modules: list[Source]) -> list[str]:
    """Folders with too many modules, files with too many lines, and a median that grew."""
    lines = {source.name: source.text.count("\n") for source in modules}
    offences = [f"{name}: {count} lines" for name, count in lines.items() if count > LINES_PER_FILE]
    folders: dict[Path, int] = {}
    for source in modules:
        if source.path.name != "__init__.py":
            folders[source.path.parent] = folders.get(source.path.parent, 0) + 1
    offences += [f"{folder.name}/: {count} modules" for folder, count in folders.items() if count > MODULES_PER_FOLDER]
    if median(lines.values()) > MEDIAN_LINES:
        offences.append(f"the median file has {median(lines.values())} lines")
    return offences


def function_offences(source: Source) -> list[str]:
    """Functions that are too long or take too much, unless the comment above begins with `# Long:`."""
    offences, lines = [], source.text.splitlines()
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        start = min([node.lineno, *(one.lineno for one in node.decorator_list)])
        above = []
        while (line := lines[start - 2 - len(above)].strip()).startswith("#") and len(above) < start - 1:
            above.append(line)
        reasons = " ".join(above)
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if ast.get_docstring(node):
            length -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
        count = len(node.args.posonlyargs) + len(node.args.args) + len(node.args.kwonlyargs)
        if length > LINES_PER_FUNCTION and "# Long: " not in reasons:
            offences.append(f"{source}.{node.name}: {length} lines")
        if count > PARAMETERS and "# Long: " not in reasons:
            offences.append(f"{source}.{node.name}: {count} parameters")
    return offences


def name_offences(source: Source) -> list[str]:
    """Variables, parameters, functions and classes whose names are dialect."""
    names = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.id if isinstance(node, ast.Name) else node.attr)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
    parts = {name: FIELD_TERMS.sub("", name.lower()).split("_") for name in names}
    return [f"{source}: {name}" for name in sorted(names) if DIALECT & set(parts[name])]
