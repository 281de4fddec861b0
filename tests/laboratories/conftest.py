"""What the tests of laboratories share."""

import pytest

from workbench.results.resuming import progress


@pytest.fixture(autouse=True)
def _every_training_is_stored(monkeypatch):
    """Trainings of a tenth of a second are stored like long ones, however slow the disk is."""
    monkeypatch.setattr(progress, "_LEAST", 0.0)
    monkeypatch.setattr(progress, "_SHARE", float("inf"))
