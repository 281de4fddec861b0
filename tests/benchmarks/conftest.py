"""The scripts of benchmarks/ import each other by name, as they do when one of them is run."""

import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def _scripts():
    folder = str(Path(__file__).parents[2] / "benchmarks")
    sys.path.insert(0, folder)
    yield
    sys.path.remove(folder)
