"""Every parameter is documented exactly once: in its function's docstring, or for all functions in `options.py`."""

import ast
import importlib.util
import inspect
from pathlib import Path

import griffe
import pytest

import workbench as wb
from tests import architecture, public
from workbench.arguments import checked
from workbench.options import SHARED, Options, documented, with_shared
from workbench.studies.analysis import SHARED as OF_STUDIES

ROOT = Path(__file__).parent.parent
FUNCTIONS = public.functions() | {
    f"{package}.{name}": getattr(getattr(wb, package), name)
    for package in ("model", "text", "results")
    for name in getattr(wb, package).__all__
    if inspect.isfunction(getattr(getattr(wb, package), name))
}
MODULES = architecture.sources(ROOT / "workbench")


def parameters(function):
    return [part for part in inspect.signature(function).parameters.values() if part.name != "self"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_parameter_of_a_public_function_is_documented_once(name):
    function, doc = FUNCTIONS[name], FUNCTIONS[name].__doc__ or ""
    taken = parameters(function)
    if "Args:" not in doc:  # the sentence is enough for a file, or for a model and a file
        assert len(taken) <= 2 and all(part.default is part.empty for part in taken)
        return
    assert sorted(documented(doc)) == sorted(part.name for part in taken)
    own = inspect.unwrap(function).__doc__ or ""
    for option in set(documented(own)) & set(SHARED):
        assert f"{option}: {SHARED[option]}".lower() not in own.lower(), f"{option} is documented in options.py already"


@pytest.mark.parametrize("source", MODULES, ids=str)
def test_args_are_complete(source):
    """What ruff's D417 tests, with the documentation that decorators add."""
    for node in ast.walk(source.tree):
        doc = ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else None
        if doc and documented(doc):
            shared = [
                getattr(one, "func", one).id for one in node.decorator_list if hasattr(getattr(one, "func", one), "id")
            ]
            given = node.args
            names = [part.arg for part in [*given.posonlyargs, *given.args, *given.kwonlyargs]]
            doc = with_shared(doc, names) if "checked" in shared else doc
            names += [part.arg for part in (given.vararg, given.kwarg) if part]
            names = {name for name in names if not name.startswith("_")} - {"self", "cls"}
            if "analysis" in shared:
                names -= {name for name in names if f"        {name}: " in OF_STUDIES}
            assert names <= set(documented(doc)), f"{node.name}: {names - set(documented(doc))}"
            assert len(set(documented(doc))) == len(documented(doc)), node.name


def test_a_shared_option_is_documented_in_its_place():
    @checked
    def score(model: str, *, level: float = 0.95, progress: bool = True, seed: int = 0) -> str:
        """One line.

        Args:
            model: a model,
                over two lines.
            seed: of the donors: a line of its own.

        Returns:
            Nothing of note.
        """
        return model

    own = """One line.

Args:
    model: a model,
        over two lines.
    seed: of the donors: a line of its own.{}

Returns:
    Nothing of note."""
    added = "\n    level: confidence level of every interval.\n    progress: show progress bars while computing."
    taken, expected = list(inspect.signature(score).parameters), own.format(added)
    assert inspect.cleandoc(score.__doc__) == expected
    assert with_shared(own.format(""), taken) == expected
    assert with_shared(expected, taken) == expected
    assert with_shared("One line.", ["seed"]) == "One line."
    assert with_shared("One.\n\nArgs:\n    x: y.", ["seed"]).endswith("    x: y.\n    seed: seed of every random draw.")


def test_the_options_are_those_of_the_dataclass():
    assert set(SHARED) == {"level", "progress", "batch_size", "seed", "truncate"}
    for name in set(SHARED) - {"level"}:
        assert SHARED[name] == Options.__annotations__[name].__metadata__[0]


def test_the_reference_reads_what_help_shows():
    spec = importlib.util.spec_from_file_location("docstrings", ROOT / "docs/docstrings.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    extensions = griffe.load_extensions(module.Docstrings)
    package = griffe.load("workbench", search_paths=[ROOT], extensions=extensions)
    for function in (wb.heads.ablate, wb.attribution.direct, wb.generate):
        page = package[function.__module__.removeprefix("workbench.")][function.__name__].docstring.value
        assert page.replace("\nExamples:\n", "\nExample:\n") == inspect.getdoc(function)
