"""A lesson: the teachers' probabilities of the options, the languages that are taught them, and the controls."""

import copy
import math
from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr

from workbench.errors import BadArgument
from workbench.evaluation import accuracy
from workbench.laboratories.parts.measures import choice, exact_match
from workbench.laboratories.parts.options.items import held_out_items, paired, taught
from workbench.laboratories.parts.options.match import match_options
from workbench.laboratories.parts.options.vote import leading, votes
from workbench.laboratories.recipe import Data, Example, Materials, Measure, Recipe
from workbench.model.load import load_model
from workbench.text.tasks.task import Task


class Lesson:
    """Who teaches whom, and the controls of that.

    Args:
        words: four words of each concept, in every language; of `words_task`.
        task: the unlabelled items, of `option_items`.
        answers: the base's probabilities [language, item, option].
        selection: of `select_teachers`.

    Raises:
        BadArgument: there is no teacher.
    """

    def __init__(self, words: Task, task: Task, answers: xr.DataArray, selection: xr.Dataset) -> None:
        chosen = selection.teacher.values
        self.words, self.task = words, task
        self.table, self.languages = answers.values, [str(code) for code in answers.language.values]
        self.teachers = [code for code, own in zip(self.languages, chosen, strict=True) if own]
        self.students = [code for code, own in zip(self.languages, chosen, strict=True) if not own]
        if not self.teachers:
            raise BadArgument(
                f"all {len(self.languages)} languages agree equally with the others' vote, so none is a teacher; "
                "give a base that is weaker in some of them"
            )

    def measures(self, materials: Materials, items: int) -> list[Measure]:
        """Choice and exact match on held-out words, into the taught languages and into the teachers."""
        made, columns = [], list(materials.words.columns)
        for name, group in (("taught", self.students), ("teachers", self.teachers)):
            task = held_out_items(materials, self.words, group, limit=items)
            made.append(choice(task, name=f"choice, {name}"))
            ways = [(source, target) for target in group for source in columns if source != target]
            few = math.ceil(items / (len(columns) - 1))
            made.append(exact_match(materials, directions=ways, limit=few, name=f"exact match, {name}"))
        return made

    def data(self, target: np.ndarray | None = None) -> Data:
        """The items of the taught languages with the mean of the teachers' probabilities, or another target."""
        return taught(self.task, self._mean(self.teachers) if target is None else target, self.students)

    def shuffled(self, recipe: Recipe, _: Materials) -> Recipe:
        """Each item with the teachers' probabilities of the next in a random order."""
        order = np.random.default_rng(0).permutation(len(self.task))
        target = np.empty_like(self.table[0])
        target[order] = self._mean(self.teachers)[np.roll(order, 1)]
        return recipe.but(name="shuffled", data=self.data(target), objective=match_options())

    def vote(self, recipe: Recipe, _: Materials) -> Recipe:
        """One label an item: the option with most votes of all languages, split where several lead."""
        target = leading(votes(self.table).sum(axis=0))
        return recipe.but(name="vote", data=self.data(target), objective=match_options())

    def random_teachers(self, recipe: Recipe, _: Materials) -> Recipe:
        """As many teachers, drawn at random in each seed, and the others taught."""

        def data(materials: Materials, rng: np.random.Generator) -> Iterator[Example]:
            order = [self.languages[int(number)] for number in rng.permutation(len(self.languages))]
            drawn, rest = order[: len(self.teachers)], order[len(self.teachers) :]
            yield from taught(self.task, self._mean(drawn), rest)(materials, rng)

        return recipe.but(name="random_teachers", data=data, objective=match_options())

    def released(self, recipe: Recipe, _: Materials) -> Recipe:
        """Pairs of languages with the loss of the paper's code."""
        data = paired(self.task, self.teachers, self.students)
        return recipe.but(name="released", data=data, objective=match_options(variant="released"))

    def _mean(self, languages: Sequence[str]) -> np.ndarray:
        """Mean probabilities; KL to the mean has the same gradient as the mean KL to each."""
        return self.table[[self.languages.index(code) for code in languages]].mean(axis=0)


def probabilities(materials: Materials, task: Task, *, progress: bool = True) -> xr.DataArray:
    """The base's probabilities of the options of each item, [language, item, option]."""
    module = copy.deepcopy(materials.base)  # wrapping changes a module in place
    model = load_model(module, tokenizer=materials.tokenizer)
    score = accuracy(model, task, answer_only=False, progress=progress).score
    values = np.exp(score - score.max("option"))
    return (values / values.sum("option")).transpose("language", "item", "option")
