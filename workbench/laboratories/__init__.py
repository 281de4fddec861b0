"""Laboratories: what training changes, by language, under one recipe."""

from workbench.laboratories.recipe import Example, ExampleBatch, Materials, Recipe

__all__ = ["Example", "ExampleBatch", "Materials", "Recipe"]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
