"""What every test stands on: no network, tiny models that are built once."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny tensors: more threads only wait for each other

import functools
import gc
import signal

import pytest
import typer.testing

from tests import models

# Modules whose tests are many, slow and share little: they are dealt out one by one.
DEALT_OUT = ("test_wrong_arguments", "test_readme", "test_notebooks", "test_pages", "test_options")


def pytest_collection_modifyitems(items):
    """A module's tests run in one worker, so that what they share is made once."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None and item.path.stem not in DEALT_OUT:
            item.add_marker(pytest.mark.xdist_group(str(item.path)))


@pytest.fixture(scope="module", autouse=True)
def _light_heap():
    """What lives on between modules, models and thousands of collected tests, is not searched for garbage again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _forgetful(tmp_path_factory):
    """Outcomes of checks are remembered in a folder of the tests': a planted fault must not be remembered elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setattr("workbench.model.checks.remembered.cache_folder", lambda: folder)
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_command_line():
    """Typer makes the whole command line anew for every call of its runner; its commands keep no state."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", functools.cache(typer.main.get_command))
        yield


@functools.cache
def _wrapped(kind: str):
    from workbench.model.load import load_model

    return load_model(models.tiny(kind), tokenizer=models.byte_tokenizer())


@pytest.fixture(scope="session")
def wrapped():
    """A function from the name of a shape to its tiny random model, wrapped once; tests must not change its weights."""
    return _wrapped


@pytest.fixture(autouse=True)
def _default_signals():
    """Signals as a terminal leaves them: under nohup, in a service, or behind an ampersand they are ignored."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
