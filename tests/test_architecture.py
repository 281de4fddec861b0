"""The architecture: imports go down, hooks in one file, files and functions that fit a screen, the field's words."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests import architecture as rules

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "workbench"
SLOW = {"torch", "transformers", "transformer_lens", "xarray", "plotly", "pandas", "scipy", "rich", "tqdm", "numpy"}
LAZY = ("model", "results", "studies", "text")
SOURCES = rules.sources(PACKAGE)
each_source = pytest.mark.parametrize("source", SOURCES, ids=str)


def test_every_subpackage_has_a_floor():
    parts = {source.subpackage for source in SOURCES}
    assert parts <= set().union(*rules.FLOORS)


@each_source
def test_a_module_keeps_the_rules(source):
    assert not rules.import_offences(source)
    assert not rules.hook_offences(source)
    assert not rules.function_offences(source)
    assert not rules.name_offences(source)


def test_no_circle():
    assert not (circle := rules.cycle(SOURCES)), " > ".join(circle)


def test_folders_and_files_stay_small():
    assert not rules.size_offences(SOURCES)


def plant(folder, files):
    """A package of some files, as the rules see it."""
    for name, text in {"__init__.py": "", **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return rules.sources(folder)


def listed(rule, folder, name, text):
    """What a rule says of one planted file."""
    return [offence for source in plant(folder, {name: text}) for offence in rule(source)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("heads/a.py", "from workbench.patching.sweep import sweep\n"),
        ("heads/a.py", "def f():\n    from workbench.figures import heatmap\n"),
        ("model/a.py", "if TYPE_CHECKING:\n    from workbench.heads.roles import roles\n"),
        ("heads/a.py", "import transformer_lens\n"),
        ("figures/a.py", "import torch\n"),
        ("figures/a.py", "from workbench.model.model import Model\n"),
        ("heads/a.py", "from . import roles\n"),
    ],
)
def test_a_planted_import_is_an_offence(tmp_path, name, text):
    assert len(listed(rules.import_offences, tmp_path, name, text)) >= 1


def test_a_planted_hook_is_an_offence(tmp_path):
    text = "def f(module):\n    module.register_forward_hook(print)\n"
    assert listed(rules.hook_offences, tmp_path, "heads/a.py", text)
    assert not listed(rules.hook_offences, tmp_path / "other", "model/hooks.py", text)


@pytest.mark.parametrize(
    "back",
    [
        "from workbench.model.a import f\n",
        "def g():\n    from workbench.model.a import f\n",
        "if TYPE_CHECKING:\n    from workbench.model import a\n",
    ],
    ids=["plain", "inside a function", "for types"],
)
def test_a_planted_circle_is_an_offence(tmp_path, back):
    files = {"model/__init__.py": "", "model/a.py": "from workbench.model.b import g\n", "model/b.py": back}
    assert rules.cycle(plant(tmp_path, files)) == ["workbench.model.a", "workbench.model.b", "workbench.model.a"]


def test_planted_sizes_are_offences(tmp_path):
    many = {f"heads/m{number}.py": "\n" for number in range(13)}
    assert rules.size_offences(plant(tmp_path / "many", many)) == ["heads/: 13 modules"]
    long = {"a.py": "\n" * 301, "b.py": "\n" * 111, "c.py": "\n" * 111}
    assert rules.size_offences(plant(tmp_path / "long", long)) == ["a: 301 lines", "the median file has 111.0 lines"]


@pytest.mark.parametrize("reason", ["# Long: it is a table\n", "# Other\n"])
def test_a_planted_long_function_needs_a_reason(tmp_path, reason):
    documented = reason + 'def f():\n    """A line.\n' + "more\n" * 50 + '"""\n' + "    a = 1\n" * 60
    offences = listed(rules.function_offences, tmp_path, "a.py", documented)
    assert offences == ([] if "Long" in reason else ["a.f: 61 lines"])


@pytest.mark.parametrize("reason", ["# Long: the command's own options\n@f\n", "@f\n"])
def test_a_planted_wide_function_needs_a_reason(tmp_path, reason):
    text = f"\n{reason}def g(a, b, c, d, e, f, *, u=1, v=1, w=1, x=1, y=1):\n    pass\n"
    offences = listed(rules.function_offences, tmp_path, "a.py", text)
    assert offences == ([] if "Long" in reason else ["a.g: 11 parameters"])


def test_planted_dialect_is_an_offence(tmp_path):
    text = "class Kept:\n    def hears(self, asked):\n        self.was_told = found = held_out = done = 1\n"
    names = [offence.partition(": ")[2] for offence in listed(rules.name_offences, tmp_path, "a.py", text)]
    assert names == ["Kept", "asked", "found", "hears", "was_told"]


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


@pytest.mark.parametrize("package", ["workbench", *(f"workbench.{name}" for name in LAZY)])
def test_no_module_hides_a_public_name(package):
    """An import of a submodule sets it in its package, in place of a function of the same name."""
    names = importlib.import_module(package)._NAMES
    folder = PACKAGE.parent / package.replace(".", "/")
    hidden = [
        name
        for name, module in names.items()
        if module != f"{package}.{name}" and ((folder / f"{name}.py").exists() or (folder / name).is_dir())
    ]
    assert not hidden
