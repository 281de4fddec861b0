"""Planted models that several tests read; never edit them."""

from functools import cache

from workbench import planted


@cache
def made(kind, **options):
    """A planted model, built once."""
    return getattr(planted, kind)(**options)
