"""Laboratories: what training changes, by language, under one recipe."""

from workbench.laboratories.base import materials, read_base
from workbench.laboratories.inside.inside import Inside, inside
from workbench.laboratories.parts.controls import none, random_part, shuffled
from workbench.laboratories.parts.controls import text as text_control
from workbench.laboratories.parts.data import lines, questions
from workbench.laboratories.parts.measures import bits_per_byte, choice, exact_match, own_language
from workbench.laboratories.parts.objectives import answers, match, text
from workbench.laboratories.parts.trainables import embeddings, everything, head_mask, layers, lora
from workbench.laboratories.recipe import Example, ExampleBatch, Materials, Recipe
from workbench.laboratories.run import run
from workbench.laboratories.stored import stored, summary
from workbench.laboratories.systems.more_from_less import more_from_less

__all__ = [
    "Example",
    "ExampleBatch",
    "Inside",
    "Materials",
    "Recipe",
    "answers",
    "bits_per_byte",
    "choice",
    "embeddings",
    "everything",
    "exact_match",
    "head_mask",
    "inside",
    "layers",
    "lines",
    "lora",
    "match",
    "materials",
    "more_from_less",
    "none",
    "own_language",
    "questions",
    "random_part",
    "read_base",
    "run",
    "shuffled",
    "stored",
    "summary",
    "text",
    "text_control",
]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
