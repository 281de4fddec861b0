"""Controls: recipes of equal length whose training should not teach what the recipe is meant to teach."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice

import numpy as np

from workbench.arguments import checked
from workbench.errors import BadArgument
from workbench.laboratories.parts.data import lines
from workbench.laboratories.parts.objectives import text as text_objective
from workbench.laboratories.recipe import Data, Example, Materials, Module, Recipe, Trainable

_TRIES = 50
_SAMPLE = 2000  # examples in which the languages of the answers are looked for
_PART = 500  # examples that are drawn at a time, until as many bring no new answer
_MOST = 100_000  # examples that are drawn in all, to collect the answers
Swap = Callable[[str, str], str]
"""(language, answer) to another answer of the language."""


@checked
def shuffled(recipe: Recipe, materials: Materials) -> Recipe:
    """The recipe with wrong answers: each answer stands for another one of its language, always the same.

    Raises:
        BadArgument: the data have no answers, or a language has one answer alone.

    Example:
        >>> control = shuffled(recipe, materials)                                                # doctest: +SKIP
    """
    inner = recipe.data
    swap = _swaps(inner, materials)

    def data(materials: Materials, rng: np.random.Generator) -> Iterator[Example]:
        for example in inner(materials, rng):
            if example.answer is None:
                yield example
                continue
            begin, end = example.answer
            wrong = swap(example.language, example.text[begin:end])
            text = example.text[:begin] + wrong + example.text[end:]
            yield replace(example, text=text, answer=(begin, begin + len(wrong)))

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
            chosen = {name: part.numel() for name, part in module.named_parameters() if part.requires_grad}
        wanted = sum(chosen.values())
        free = {name: part.numel() for name, part in module.named_parameters() if name not in chosen}
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


def _swaps(data: Data, materials: Materials) -> Swap:
    """Gives each answer another one of its language, always the same; each stands for one other, as far as is known.

    An answer that the draws did not bring gets one that they brought, so that no right answer is trained.
    """
    swaps: dict[str, dict[str, str]] = {}
    for language, answers in _answers(data, materials).items():
        own = sorted(answers)
        drawn = np.random.default_rng(1).permutation(len(own))
        swaps[language] = {own[here]: own[there] for here, there in zip(drawn, np.roll(drawn, 1), strict=True)}
    if not any(len(own) > 1 for own in swaps.values()):
        raise BadArgument("shuffled needs answers that differ, and these data have none; choose another control")

    def swap(language: str, right: str) -> str:
        own = swaps.get(language, {})
        number = int.from_bytes(hashlib.sha256(right.encode()).digest()[:8], "big")
        wrong = own[right] if right in own else [*own.values()][number % len(own)] if own else right
        if wrong == right:
            raise BadArgument(
                f"shuffled needs several answers in {language!r}, and these data have {right[:40]!r} alone; choose "
                "another control"
            )
        return wrong

    return swap


def _answers(data: Data, materials: Materials) -> dict[str, set[str]]:
    """The answers of each language, from draws that go on until they bring no new one."""
    answers: dict[str, set[str]] = {}
    examples, known = islice(data(materials, np.random.default_rng(0)), _MOST), -1
    while (count := sum(map(len, answers.values()))) > known:
        known = count
        for example in islice(examples, _PART):
            if example.answer:
                answers.setdefault(example.language, set()).add(example.text[slice(*example.answer)])
    return answers
