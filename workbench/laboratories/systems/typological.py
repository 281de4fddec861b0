"""Typological: which languages to train on, chosen by their features, against random choices of as many."""

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from workbench.arguments import checked, one_of, whole_number
from workbench.errors import BadArgument, Interrupted
from workbench.laboratories.inside.inside import Inside
from workbench.laboratories.parts.controls import shuffled
from workbench.laboratories.parts.data import questions
from workbench.laboratories.parts.measures import exact_match
from workbench.laboratories.parts.objectives import answers
from workbench.laboratories.parts.surprisal import answer_bits
from workbench.laboratories.parts.trainables import everything
from workbench.laboratories.provenance import recorded
from workbench.laboratories.recipe import Control, Materials, Measure, Recipe
from workbench.laboratories.run import run
from workbench.laboratories.trainable_languages import languages as present
from workbench.laboratories.training.limits import require
from workbench.laboratories.typology.choose import METHODS, choose
from workbench.laboratories.typology.features import features
from workbench.laboratories.typology.null import random_subsets
from workbench.laboratories.typology.ranked import ranked
from workbench.text.corpus import chosen

QUICK = {"seeds": 1, "steps": 2, "draws": 2, "items": 1}


# Long: what is chosen, trained and compared are independent choices.
@checked
def typological(
    base: Any = "polyglot",
    *,
    k: int = 3,
    choices: Sequence[str] | Mapping[str, Sequence[str]] = METHODS,
    source: Any = None,
    draws: int = 20,
    steps: int = 20,
    rate: float = 3e-4,
    items: int = 2,
    seeds: int = 3,
    quick: bool = False,
    inside: Inside | None = None,
    progress: bool = True,
    seed: int = 0,
    **materials: Any,
) -> xr.Dataset:
    """Train on questions among languages chosen by typology, and rank the gain of all directions among random choices.

    Args:
        base: as of `run`.
        k: number of languages to train.
        choices: methods of `choose`; or names with languages of your own.
        source: of the features, as `features` takes it.
        draws: random choices of k languages, each trained once, without repetition.
        steps: updates of each training.
        rate: highest learning rate.
        items: held-out words of each direction.
        seeds: trainings of each choice and of the control.
        quick: one seed, two random choices, few steps and words, to see that it runs; no numbers to believe.
        inside: as of `run`.
        **materials: `words`, `corpus`, `languages`, `tokenizer` of `run`.

    Returns:
        As of `run`: the recipe is the first choice, its controls are the others and the first one with shuffled
        answers. Also `trained[choice]`, `choice_change[choice, measure]` (mean over languages and seeds),
        `percentile[choice, measure]`, the share of random choices that a choice is better than, with `low` and `high`;
        `random_change[draw, measure]` and `random_trained[draw]`.

    Raises:
        As `run`, `choose` and `features`; BadArgument: no choice, languages that are not k different ones, or
            more random choices than there are.

    Source:
        arXiv 2410.07809: k-means on features of 52 languages, 14 of them tuned by LoRA; here 3 of 12, and everything is
        tuned. The null of random choices is ours.

    Example:
        >>> result = typological(choices=["diverse"])                                            # doctest: +SKIP
    """
    whole_number("k", k, at_least=2)
    require(draws=draws, steps=steps, rate=rate, items=items, seeds=seeds)
    if quick:
        seeds, steps, draws, items = (QUICK[name] for name in ("seeds", "steps", "draws", "items"))
    names = sorted(present(materials))  # ties and draws do not depend on the order of a word list's columns
    groups, named = _chosen(choices, k, source, names, seed)
    drawn = random_subsets(names, k, draws, seed=seed)
    randomly = {f"random {number}": subset for number, subset in enumerate(drawn)}

    def recipe(name: str, languages: Sequence[str]) -> Recipe:
        return Recipe(name, questions(list(languages)), answers(), everything(), steps, rate=rate)

    def trained(all_of: Mapping[str, Sequence[str]], extra: Mapping[str, Control], **how: Any) -> xr.Dataset:
        (first, own), *others = all_of.items()
        controls = {name: _instead(recipe(name, other)) for name, other in others}
        return run(
            recipe(first, own),
            base,
            measures=lambda made: _measures(made, items),
            controls=controls | dict(extra),
            progress=progress,
            seed=seed,
            **how,
            **materials,
        )

    result = trained(groups, {"shuffled": shuffled}, seeds=seeds, inside=inside)
    stopped, null = "", None
    try:
        null = trained(randomly, {}, seeds=1)
    except Interrupted as stop:
        stopped, null = str(stop), stop.partial
    made = ranked(result.assign_attrs(k=k, features=named), null, groups, drawn)
    made = recorded(made, {"k": k, "choices": groups, "features": named, "draws": draws, "items": items})
    if stopped:
        raise Interrupted(stopped, partial=made)
    return made


def _chosen(
    choices: Sequence[str] | Mapping[str, Sequence[str]], k: int, source: Any, present: list[str], seed: int
) -> tuple[dict[str, list[str]], str]:
    """Languages of each choice, and the name of the features that they were chosen by."""
    if not choices:
        raise BadArgument(f"choices is empty; give {', '.join(METHODS)}, or names with languages")
    if not isinstance(choices, Mapping):
        frame = features(source, languages=present)
        methods = [one_of("choices", name, METHODS) for name in dict.fromkeys(choices)]
        return {name: choose(frame, k, by=name, seed=seed) for name in methods}, frame.attrs["source"]  # pyright: ignore[reportArgumentType]
    for name, languages in choices.items():
        if isinstance(languages, str) or len(set(languages)) != k or len(languages) != k:
            raise BadArgument(f"choices: {name!r} is {languages!r}; give a list of k={k} different languages")
    return {name: chosen(list(own), present, where="these materials") for name, own in choices.items()}, "none"


def _instead(other: Recipe) -> Control:
    """A control that is another recipe."""
    return lambda recipe, made: other


def _measures(made: Materials, items: int) -> list[Measure]:
    """Exact match in the trained form and in that of pretraining; bits of the right answer in the trained one."""
    return [
        exact_match(made, form="question", limit=items),
        exact_match(made, form="line", limit=items),
        answer_bits(made, form="question", limit=items),
    ]
