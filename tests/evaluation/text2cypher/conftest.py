"""Queries run in ladybug, which the extra `cypher` brings; without it tests are left out, unless CYPHER=required."""

import os
from importlib.util import find_spec

import pytest

MISSING = find_spec("ladybug") is None and os.environ.get("CYPHER") != "required"


def pytest_collection_modifyitems(items):
    for item in items:
        if MISSING and item.get_closest_marker("cypher"):
            item.add_marker(pytest.mark.skip(reason="ladybug is not installed: pip install -e '.[cypher]'"))
