"""Checks of a model when it is loaded, and what it can do."""
