"""Controls: recipes of equal length whose training should not teach what the recipe is meant to teach."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np

from workbench.arguments import checked
from workbench.errors import BadArgument
from workbench.laboratories.parts.data import lines
from workbench.laboratories.parts.objectives import text as text_objective
from workbench.laboratories.recipe import Data, Example, Materials, Module, Recipe, Trainable

_TRIES = 50
_SAMPLE = 2000  # examples among which answers are shuffled


@checked
def shuffled(recipe: Recipe, materials: Materials) -> Recipe:
    """The recipe with wrong answers: each answer stands for another one of its language, always the same.

    Raises:
        BadArgument: the data have no answers, or one answer in each language.

    Example:
        >>> control = shuffled(recipe, materials)                                                # doctest: +SKIP
    """
    inner = recipe.data
    swap = _swaps(inner, materials)

    def data(materials: Materials, rng: np.random.Generator) -> Iterator[Example]:
        for example in inner(materials, rng):
            begin, end = example.answer or (0, 0)
            right = example.text[begin:end]
            wrong = swap.get((example.language, right), right)
            text = example.text[:begin] + wrong + example.text[end:]
            yield Example(text, (begin, begin + len(wrong)), example.language, example.group, example.weight)

    return recipe.but(name="shuffled", data=data)


@checked
def text(recipe: Recipe, materials: Materials) -> Recipe:
    """Plain text of the languages of the recipe's answers instead of its data, with as many steps and tokens.

    Example:
        >>> control = text(recipe, materials)                                                    # doctest: +SKIP
    """
    drawn = list(islice(recipe.data(materials, np.random.default_rng(0)), _SAMPLE))
    named = sorted({example.language for example in drawn} & set(materials.corpus.languages))
    return recipe.but(name="text", data=lines(named or None), objective=text_objective())


@checked
def random_part(recipe: Recipe, materials: Materials) -> Recipe:
    """The recipe on about as many parameters elsewhere: random tensors of those that it does not train.

    Raises:
        BadArgument: when it is used: the recipe trains new parameters, or leaves none.

    Example:
        >>> control = random_part(recipe, materials)                                             # doctest: +SKIP
    """
    return recipe.but(name="random_part", trainable=elsewhere(recipe.trainable))


@checked
def none(recipe: Recipe, materials: Materials) -> Recipe:
    """No training at all: every change is exactly 0.

    Example:
        >>> control = none(recipe, materials)                                                    # doctest: +SKIP
    """
    return recipe.but(name="none", steps=0)


NAMED: dict[str, Callable[[Recipe, Materials], Recipe]] = {
    "shuffled": shuffled,
    "text": text,
    "random_part": random_part,
    "none": none,
}


def elsewhere(trainable: Trainable, *, seed: int = 0) -> Trainable:
    """Random other tensors with about as many numbers as those of a trainable part."""

    @contextmanager
    def other(module: Module) -> Iterator[Module]:
        with trainable(module) as inner:
            if inner is not module:
                raise BadArgument("random_part cannot replace new parameters such as adapters")
            sizes = {name: (part.numel(), part.requires_grad) for name, part in module.named_parameters()}
        wanted = sum(count for count, chosen in sizes.values() if chosen)
        free = {name: count for name, (count, chosen) in sizes.items() if not chosen}
        picked = _picked(free, wanted, np.random.default_rng(seed))
        if not picked:
            raise BadArgument("random_part needs parameters that the recipe does not train, and there are none")
        for name, parameter in module.named_parameters():
            parameter.requires_grad_(name in picked)
        yield module

    return other


def _picked(free: dict[str, int], wanted: int, rng: np.random.Generator) -> set[str]:
    """Names of random tensors with about as many numbers as wanted: the nearest of several random choices."""
    choices = []
    for _ in range(_TRIES):
        picked, size = set(), 0
        for name in rng.permutation(list(free)):
            if abs(size + free[name] - wanted) < abs(size - wanted):
                picked.add(str(name))
                size += free[name]
        choices.append((abs(size - wanted), picked))
    return min(choices, key=lambda choice: choice[0])[1]


def _swaps(data: Data, materials: Materials) -> dict[tuple[str, str], str]:
    """(language, answer) -> another answer of the language, drawn once for all."""
    answers: dict[str, list[str]] = {}
    for example in islice(data(materials, np.random.default_rng(0)), _SAMPLE):
        if example.answer:
            answers.setdefault(example.language, []).append(example.text[slice(*example.answer)])
    distinct: dict[str, list[Any]] = {language: sorted(set(own)) for language, own in answers.items()}
    if not any(len(own) > 1 for own in distinct.values()):
        raise BadArgument("shuffled needs answers that differ, and these data have none; choose another control")
    swaps = {}
    for language, own in distinct.items():
        drawn = np.random.default_rng(1).permutation(len(own))
        for here, there in zip(drawn, np.roll(drawn, 1), strict=True):
            swaps[language, own[here]] = own[there]
    return swaps
