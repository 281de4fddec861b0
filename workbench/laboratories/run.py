"""Run: train a recipe and its controls in several seeds, and measure what each changed, by language."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from workbench.arguments import checked, one_of, shown, whole_number
from workbench.errors import BadArgument, NotFinite
from workbench.laboratories.base import Base, materials, read_base
from workbench.laboratories.bench import Axes, Bench
from workbench.laboratories.changes import OWNERS, changes
from workbench.laboratories.inside.inside import Inside
from workbench.laboratories.inside.states import compared, unpacked
from workbench.laboratories.parts.controls import NAMED
from workbench.laboratories.recipe import Control, Materials, Measure, Recipe
from workbench.laboratories.training.batches import endless
from workbench.laboratories.verdict import verdict
from workbench.results.make import make_result
from workbench.results.resuming.stoppable import Stoppable

BEFORE, RECIPE = "before", "recipe"
_SCORES = ("condition", "seed", "measure", "language", "sample")


# Long: what is trained, measured and compared are independent choices.
@checked
def run(
    recipe: Recipe,
    base: Any = "polyglot",
    *,
    measures: Sequence[Measure] | Callable[[Materials], Sequence[Measure]],
    controls: Sequence[str] | Mapping[str, Control] = ("shuffled", "text"),
    seeds: int = 3,
    inside: Inside | None = None,
    words: Any = "words",
    corpus: Any = "parallel",
    languages: str | Sequence[str] | None = None,
    tokenizer: Any = None,
    level: float = 0.95,
    progress: bool = True,
    seed: int = 0,
) -> xr.Dataset:
    """Train a recipe and its controls, each in several seeds from the same base, and measure what each changed.

    Every training starts from a copy of the base, takes as many steps, and reads about as many tokens. A stop loses
    at most the training that was running.

    Args:
        recipe: what is trained.
        base: a shipped or packaged model, a folder, a hub name; or a module of transformers with `tokenizer`.
        measures: what is measured before and after; or a function that makes them of the Materials.
        controls: names (`shuffled`, `text`, `random_part`, `none`), or names with functions of Recipe and Materials.
        seeds: trainings of each condition, from `seed` on.
        inside: what `wb.laboratories.inside` gives, to look inside the models of the first seed.
        words: what `load_words` takes.
        corpus: what `load_corpus` takes; half of the texts is trained on, half measured.
        languages: of words and corpus; those that both have when None.
        tokenizer: of a module.

    Returns:
        `score[condition, seed, measure, language, sample]`, before training, with the recipe, and with each control;
        `change[condition, measure, language]`, after minus before, with `low`, `high` (paired bootstrap over samples,
        seeds averaged) and `change_by_seed`; `excess[control, measure, language]`, the recipe's change minus the
        control's, with `excess_low`, `excess_high`, `p_value` (sign flips, corrected over all cells) and
        `excess_by_seed`; `helps`: 1 where the interval of the excess lies on the better side of 0 and every seed has
        that sign, -1 on the worse side, else 0. Means over languages: `mean_change`, `mean_excess`, each with `_low`
        and `_high`, and `mean_helps`. `loss[condition, seed, step]`; with `inside`, its variables. Measures have
        their own units: `units[measure]`, `better[measure]`. The attribute `finding` says it in a sentence.

    Raises:
        BadArgument: an unknown control, or no measure.
        BadCorpus: the recipe's data are empty.
        UnknownLanguage: a language that is not there, or that the tokenizer cannot write.
        BrokenModel: a frozen tensor changed.
        Interrupted: Ctrl-C, or a loss that is not finite; `partial` holds what was finished.

    Example:
        >>> result = run(recipe, measures=lambda made: [exact_match(made)])                      # doctest: +SKIP
    """
    whole_number("seeds", seeds, at_least=1)
    read = read_base(base, tokenizer)
    made = materials(read, words=words, corpus=corpus, languages=languages)
    conditions = {RECIPE: recipe} | {name: control(recipe, made) for name, control in _controls(controls).items()}
    for each in conditions.values():
        next(endless(each.data, made, np.random.default_rng(seed)))  # empty data are refused before anything is trained
    numbers = range(seed, seed + seeds)
    bench = Bench(read, made, _measures(measures, made), inside)
    before, state_before = bench.measured(read.fresh(), look=True)
    axes = Axes(before)
    state = {
        "score": np.full((1 + len(conditions), seeds, *axes.shape), np.nan),
        "loss": np.full((len(conditions), seeds, max(each.steps for each in conditions.values())), np.nan),
        "inside": [""] * len(conditions),
    }
    state["score"][0] = axes.table(before)
    cells = [f"{name}/{number}" for name in conditions for number in range(seeds)]
    with Stoppable(
        recipe.name, len(cells), "training", lambda: f"{recipe.name} was stopped", progress=progress
    ) as loop:
        for cell in loop.steps(cells, state, size=lambda _: 1):
            name, number = cell.rsplit("/", 1)
            place = list(conditions).index(name)
            try:
                losses, after, inner = bench.trained(conditions[name], numbers[int(number)], look=number == "0")
            except NotFinite as error:
                loop.stopped = f"{name}, seed {numbers[int(number)]}: {error}"
                break
            state["score"][place + 1, int(number)] = axes.table(after)
            state["loss"][place, int(number), : len(losses)] = losses
            state["inside"][place] = inner or state["inside"][place]
    result = _result(read, made, conditions, state, axes, list(numbers), level)
    if inside is not None and all(state["inside"]):
        looked = dict(zip(conditions, map(unpacked, state["inside"]), strict=True))
        result = compared(result, inside, unpacked(state_before), looked)
    return loop.result(result)


def _result(
    base: Base,
    made: Materials,
    conditions: Mapping[str, Recipe],
    state: Mapping[str, Any],
    axes: Axes,
    numbers: list[int],
    level: float,
) -> xr.Dataset:
    score, recipe = state["score"], conditions[RECIPE]
    names, seed = list(conditions), numbers[0]
    variables = changes(score, axes.better, axes.aligned, level=level, seed=seed)
    shared = "score of each sample before and after training [unit of the measure]"
    result = make_result(
        {
            "score": (_SCORES, score, shared),
            **variables,
            "loss": (("condition", "seed", "step"), _with_before(state["loss"]), "loss of each step"),
            "units": (("measure",), np.array(axes.units), "unit of each measure"),
            "better": (("measure",), axes.better, "1: a higher score is better; -1: a lower one"),
            "aligned": (("measure",), axes.aligned.astype(int), "1: sample i is the same item in every language"),
        },
        {
            "condition": [BEFORE, *names],
            "control": names[1:],
            "seed": numbers,
            "measure": axes.names,
            "language": axes.languages,
        },
        method="laboratories.run",
        parameters={
            "recipe": recipe.name,
            **{name: getattr(recipe, name) for name in ("steps", "batch", "length", "rate", "warmup")},
            "controls": names[1:],
            "seeds": len(numbers),
        },
        model=base.info,
        corpus=made.corpus.info,
        seed=seed,
        attrs={"recipe": recipe.name, "level": level},
        owners=OWNERS,
    )
    return result.assign_attrs(finding=verdict(result))


def _measures(given: Any, made: Materials) -> list[Measure]:
    try:
        measures: list[Any] = [*(given(made) if callable(given) else given)]  # pyright: ignore[reportGeneralTypeIssues]
    except TypeError as error:
        raise BadArgument(f"measures={shown(given)} makes no measures of the materials: {error}") from error
    if not measures or not all(map(callable, measures)):
        raise BadArgument(f"measures={shown(measures)}; give functions, such as wb.laboratories.exact_match(...)")
    return measures


def _with_before(loss: np.ndarray) -> np.ndarray:
    """The losses [condition, seed, step], with NaN for what was not trained, put before them."""
    return np.concatenate([np.full_like(loss[:1], np.nan), loss])


def _controls(given: Sequence[str] | Mapping[str, Control]) -> dict[str, Control]:
    if isinstance(given, Mapping):
        return {name: NAMED[control] if isinstance(control, str) else control for name, control in given.items()}
    names = [given] if isinstance(given, str) else list(given)
    return {one_of("controls", name, NAMED): NAMED[name] for name in names}
