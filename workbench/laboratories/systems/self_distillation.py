"""Self-distillation: a model's own answers in a language that it knows teach it one that it does not."""

import math
from collections.abc import Sequence
from typing import Any

import xarray as xr

from workbench.arguments import checked, one_of
from workbench.laboratories.inside.inside import Inside
from workbench.laboratories.parts.controls import shuffled
from workbench.laboratories.parts.data import distinct_languages
from workbench.laboratories.parts.distillation.examples import answered, distilled
from workbench.laboratories.parts.measures import bits_per_byte, exact_match
from workbench.laboratories.parts.objectives import answers
from workbench.laboratories.parts.trainables import everything
from workbench.laboratories.provenance import recorded
from workbench.laboratories.recipe import Control, Materials, Measure, Recipe, Trainable
from workbench.laboratories.run import run
from workbench.laboratories.training.limits import require
from workbench.laboratories.training.planting import planted

CONTROLS = ("reference", "shuffled", "translation")
QUICK = {"seeds": 1, "steps": 2, "batch": 4, "planting": 20, "items": 12, "questions": 40}


# Long: the base's planting, the recipe and what is measured have options of their own.
@checked
def self_distillation(
    base: Any = "polyglot",
    *,
    source: str = "de",
    target: str = "fi",
    planting: int = 60,
    switched: float = 0.3,
    questions: int = 400,
    trainable: Trainable | None = None,
    steps: int = 40,
    batch: int = 16,
    rate: float = 3e-4,
    items: int = 120,
    controls: Sequence[str] = CONTROLS,
    seeds: int = 3,
    quick: bool = False,
    inside: Inside | None = None,
    progress: bool = True,
    seed: int = 0,
    **materials: Any,
) -> xr.Dataset:
    """Train a weak language with the model's own answers in a strong one, and measure what the strong one keeps.

    First, unless `planting` is 0, the base is trained on questions for translations (`(Hund) = Suomi? "`) between all
    languages but the target, which is weak from then on. Then the examples of `distilled` are made of the base's own
    answers in the source language, and trained.

    Args:
        base: as of `run`.
        source: language in which the base answers.
        target: language that should gain.
        planting: updates of the planting; 0 takes the base as it is.
        switched: share of questions whose word is given in the other of the two languages.
        questions: most questions that the base answers.
        trainable: what is trained; everything when None.
        steps: updates.
        batch: rows of an update, of 128 tokens.
        rate: highest learning rate.
        items: held-out words that are measured, about, in each measure.
        controls: `"reference"`, the list's words instead of own answers; `"shuffled"`, each answer in place of another;
            `"translation"`, the pairs alone.
        seeds: trainings of each condition.
        quick: one seed, few steps and items, to see that it runs; no numbers to believe.
        inside: as of `run`.
        **materials: `words`, `corpus`, `languages`, `tokenizer` of `run`.

    Returns:
        As of `run`, with the measures exact match into the target, into the source (its retention) and into the other
        languages, and bits per byte of the source's texts. The attributes `answered` and `answers_used` count the
        questions, and the answers that were complete and in the source language; `answers_right` is the share of
        these that are the list's.

    Raises:
        As `run`; BadArgument: source and target are the same language; BadCorpus: no answer can be used.

    Source:
        SDRRL (arXiv 2402.12204); without released code, so that shares and filters are ours, see the page.

    Example:
        >>> result = self_distillation(source="de", target="fi")                                 # doctest: +SKIP
        >>> result.attrs["finding"]                                                              # doctest: +SKIP
    """
    names = [one_of("controls", name, CONTROLS) for name in controls]
    source, target = distinct_languages([source, target], name="source and target", least=2)
    require(planting=planting, steps=steps, batch=batch, items=items, seeds=seeds, questions=questions, rate=rate)
    if quick:
        seeds, steps, batch, items = (QUICK[name] for name in ("seeds", "steps", "batch", "items"))
        planting, questions = min(planting, QUICK["planting"]), QUICK["questions"]
    made, info = planted(base, [target], steps=planting, seed=seed, **materials)
    own = answered(made, source, target, limit=questions)
    how = {"switched": switched, "limit": questions}
    recipe = Recipe(
        "self_distillation",
        distilled(source, target, **how),
        answers(),
        trainable or everything(),
        steps,
        batch,
        rate=rate,
    )
    every: dict[str, Control] = {
        "reference": lambda recipe, _: recipe.but(data=distilled(source, target, answers="reference", **how)),
        "shuffled": shuffled,
        "translation": lambda recipe, _: recipe.but(data=distilled(source, target, parts="pairs", **how)),
    }
    result = run(
        recipe,
        made.base,
        measures=lambda materials: measured(materials, source, target, items),
        controls={name: every[name] for name in names},
        seeds=seeds,
        inside=inside,
        progress=progress,
        seed=seed,
        **{**materials, "tokenizer": made.tokenizer, "words": made.words},
    )
    right = sum(each.meant == each.concept for each in own) / len(own)
    parameters = {"source": source, "target": target, "switched": switched, "questions": questions, "items": items}
    return recorded(result, parameters, model=info).assign_attrs(
        source=source,
        target=target,
        answers_used=len(own),
        answers_right=right,
        finding=f"{len(own)} of the base's own answers in {source} were used, {right:.0%} of them right. "
        f"{result.attrs['finding']}",
    )


def measured(materials: Materials, source: str, target: str, items: int) -> list[Measure]:
    """Exact match into the target, the source and the others, and bits per byte of the source."""
    columns = list(materials.words.columns)
    others = [code for code in columns if code not in (source, target)]
    groups = {f"into {target}": [target], f"into {source}": [source], "into the others": others}
    made = []
    for name, group in groups.items():
        ways = [(before, after) for after in group for before in columns if before != after]
        if ways:
            few = math.ceil(items / len(ways))
            made.append(exact_match(materials, directions=ways, limit=few, name=f"exact match, {name}"))
    return [*made, bits_per_byte(materials.test.select([source]), name=f"bits per byte, {source}")]
