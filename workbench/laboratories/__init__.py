"""Laboratories: what training changes, by language, under one recipe."""

from workbench.laboratories.base import materials, read_base
from workbench.laboratories.inside.inside import Inside, inside
from workbench.laboratories.parts.controls import none, random_part, shuffled
from workbench.laboratories.parts.controls import text as text_control
from workbench.laboratories.parts.data import lines, questions
from workbench.laboratories.parts.distillation.examples import distilled
from workbench.laboratories.parts.information import mutual_information
from workbench.laboratories.parts.measures import bits_per_byte, choice, exact_match, own_language
from workbench.laboratories.parts.objectives import answers, match, text
from workbench.laboratories.parts.options.match import match_options
from workbench.laboratories.parts.options.vote import select_teachers
from workbench.laboratories.parts.prompts import prompts
from workbench.laboratories.parts.surprisal import answer_bits
from workbench.laboratories.parts.trainables import embeddings, everything, head_mask, layers, lora
from workbench.laboratories.pretraining.plan import Schedule, schedule
from workbench.laboratories.recipe import Example, ExampleBatch, Materials, Recipe
from workbench.laboratories.run import run
from workbench.laboratories.stored import stored, summary
from workbench.laboratories.systems.language_layers import language_layers
from workbench.laboratories.systems.more_from_less import more_from_less
from workbench.laboratories.systems.parallel_schedule import parallel_schedule
from workbench.laboratories.systems.prompt_pool import prompt_pool
from workbench.laboratories.systems.self_distillation import self_distillation
from workbench.laboratories.systems.teachers import teachers
from workbench.laboratories.systems.typological import typological
from workbench.laboratories.systems.vision_layers import vision_layers
from workbench.laboratories.systems.vocabulary_quadrants import vocabulary_quadrants
from workbench.laboratories.typology.choose import choose
from workbench.laboratories.typology.features import features
from workbench.laboratories.windows.choose import choose_layers
from workbench.laboratories.windows.score import layer_score

__all__ = [
    "Example",
    "ExampleBatch",
    "Inside",
    "Materials",
    "Recipe",
    "Schedule",
    "answer_bits",
    "answers",
    "bits_per_byte",
    "choice",
    "choose",
    "choose_layers",
    "distilled",
    "embeddings",
    "everything",
    "exact_match",
    "features",
    "head_mask",
    "inside",
    "language_layers",
    "layer_score",
    "layers",
    "lines",
    "lora",
    "match",
    "match_options",
    "materials",
    "more_from_less",
    "mutual_information",
    "none",
    "own_language",
    "parallel_schedule",
    "prompt_pool",
    "prompts",
    "questions",
    "random_part",
    "read_base",
    "run",
    "schedule",
    "select_teachers",
    "self_distillation",
    "shuffled",
    "stored",
    "summary",
    "teachers",
    "text",
    "text_control",
    "typological",
    "vision_layers",
    "vocabulary_quadrants",
]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
