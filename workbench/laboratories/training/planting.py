"""A base that is strong in some languages and weak in the others, because it was trained so."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from workbench.errors import BadArgument
from workbench.laboratories.base import materials, read_base
from workbench.laboratories.parts.data import questions, require_languages
from workbench.laboratories.parts.objectives import answers
from workbench.laboratories.parts.trainables import everything
from workbench.laboratories.recipe import Materials, Recipe
from workbench.laboratories.training.loop import train


def planted(
    base: Any, weak: Sequence[str], *, steps: int = 60, rate: float = 1e-3, seed: int = 0, **given: Any
) -> tuple[Materials, dict[str, Any]]:
    """Train a base on questions for translations between all languages but some; those are the weak ones.

    Args:
        base: as of `run`; it is copied.
        weak: languages left out.
        steps: updates; 0 leaves the base as it is.
        rate: highest learning rate.
        seed: of the training.
        given: `tokenizer`, `words`, `corpus` and `languages` of `run`.

    Returns:
        The materials, whose `base` is the trained module; and what a Result's provenance says of it.

    Raises:
        UnknownLanguage: a weak language is not among the words.
        BadArgument: fewer than two languages are left.
    """
    read = read_base(base, given.pop("tokenizer", None))
    made = materials(read, **given)
    left_out = list(weak)
    require_languages(left_out, made.words)
    strong = [code for code in made.words.columns if code not in left_out]
    if len(strong) < 2:
        raise BadArgument(f"weak={list(weak)} leaves {len(strong)} language; questions need two to translate between")
    module = read.fresh()
    train(module, Recipe("planted", questions(strong), answers(), everything(), steps, rate=rate), made, seed=seed)
    info = {**read.info, "planting": steps, "planted_weak": left_out, "planting_rate": rate, "planting_seed": seed}
    return replace(made, base=module), info
