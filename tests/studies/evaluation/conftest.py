"""A tiny model in a folder, for studies that are run as commands."""

import pytest

from tests.models import save


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Folder of a tiny Llama."""
    return str(save("llama", tmp_path_factory.mktemp("models") / "tiny"))
