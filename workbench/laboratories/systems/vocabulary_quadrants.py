"""Vocabulary quadrants: train the embeddings alone on English and another language, and see who gains."""

from collections.abc import Sequence
from typing import Any

import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadArgument, Interrupted
from workbench.laboratories.parts.controls import shuffled
from workbench.laboratories.parts.data import Direction, questions
from workbench.laboratories.parts.objectives import answers
from workbench.laboratories.parts.surprisal import answer_bits
from workbench.laboratories.parts.trainables import embeddings
from workbench.laboratories.provenance import recorded
from workbench.laboratories.quadrants.gains import FORMS, SHUFFLED, Gains, measure_name
from workbench.laboratories.recipe import Materials, Measure, Recipe
from workbench.laboratories.run import run
from workbench.laboratories.trainable_languages import languages
from workbench.laboratories.training.limits import require
from workbench.text.corpus import chosen

QUICK = {"seeds": 1, "steps": 2, "items": 1, "languages": 2}
TIED, UNTIED = "tied", "untied"
_BILINGUAL = 12  # as many words of the two trained directions as of twelve others


# Long: what is trained and measured are independent choices.
@checked
def vocabulary_quadrants(
    base: Any = "polyglot",
    *,
    trained: str | Sequence[str] | None = None,
    pivot: str = "en",
    steps: int = 20,
    batch: int = 8,
    rate: float = 1e-2,
    items: int = 2,
    seeds: int = 3,
    quick: bool = False,
    level: float = 0.95,
    progress: bool = True,
    seed: int = 0,
    **materials: Any,
) -> xr.Dataset:
    """Train the embeddings alone on translations with English, for one language after another, and see who gains.

    The gain is in bits of right answers to held-out questions: bilingual, of the trained pair, and multilingual, of
    English with all other languages; both ways. The shipped model's unembedding is tied to the embeddings and would
    move too: so it is trained tied and untied. With each, the same training on shuffled answers is the control.

    Args:
        base: as of `run`.
        trained: languages that are trained with the pivot, each in a training of its own; all others when None.
        pivot: the language of every pair.
        steps: updates of each training.
        batch: rows of an update, of 128 tokens.
        rate: highest learning rate.
        items: held-out words of each direction between the pivot and another language; of the trained pair's, 12 times
            as many where there are.
        seeds: trainings of each condition.
        quick: one seed, two languages, few steps and words, to see that it runs; no numbers to believe.
        **materials: `words`, `corpus`, `languages`, `tokenizer` of `run`.

    Returns:
        `gain[embedding, form, scope, language]`, bits before minus after, of the trained language; with `gain_low`,
        `gain_high` (paired bootstrap over answers, seeds averaged) and `gain_by_seed`; `excess`, the gain beyond that
        of the shuffled control, alike; `quadrant[embedding, form, language]` and `excess_quadrant`: reciprocal,
        altruistic, selfish, stagnant, or undecided where an interval covers 0 or seeds have several signs.
        `loss[language, condition, seed, step]`. The form `question` is trained, `line` is that of pretraining.

    Raises:
        As `run`; BadArgument: fewer than two languages beside the pivot; UnknownLanguage: a language is not there.

    Source:
        Yuan et al. 2023 (arXiv 2311.09071), who train LLaMA's input embeddings on 10,000 sentence pairs and score BLEU;
        here words are translated, and what is scored are bits.

    Example:
        >>> result = vocabulary_quadrants(trained=["de", "ja"])                                  # doctest: +SKIP
    """
    require(steps=steps, rate=rate, items=items, seeds=seeds)
    if quick:
        seeds, steps, items = QUICK["seeds"], QUICK["steps"], QUICK["items"]
    present = languages(materials)
    (pivot,) = chosen([pivot], present, where="these materials")
    others = [code for code in present if code != pivot]
    if len(others) < 2:
        raise BadArgument(f"languages={', '.join(present)}; give the pivot {pivot} and two or more others")
    codes = others if trained is None else chosen(trained, others, where="the languages beside the pivot")
    codes = codes[: QUICK["languages"]] if quick else codes
    gains, stopped = Gains((TIED, UNTIED), codes, range(seed, seed + seeds), level=level, seed=seed), ""
    for code in codes:
        recipe = Recipe(TIED, questions(directions=_both_ways(pivot, code)), answers(), embeddings(), steps, batch)
        try:
            result = run(
                recipe.but(rate=rate),
                base,
                measures=lambda made, code=code: _measures(made, code, pivot, items),
                controls=CONTROLS,
                seeds=seeds,
                level=level,
                progress=progress,
                seed=seed,
                **materials,
            )
        except Interrupted as stop:
            stopped = f"vocabulary_quadrants was stopped at {code}: {stop}"
            break
        gains.add(code, result)
    made = recorded(gains.result(pivot=pivot), {"items": items})
    if stopped:
        raise Interrupted(stopped, partial=made)
    return made


def untied(recipe: Recipe, materials: Materials) -> Recipe:
    """The recipe on the input embeddings alone, with an unembedding of its own that stays as it is."""
    return recipe.but(name=UNTIED, trainable=embeddings(untie=True))


CONTROLS = {
    UNTIED: untied,
    f"{TIED}, {SHUFFLED}": shuffled,
    f"{UNTIED}, {SHUFFLED}": lambda recipe, materials: shuffled(untied(recipe, materials), materials),
}


def _both_ways(first: str, second: str) -> list[Direction]:
    return [(first, second), (second, first)]


def _measures(made: Materials, code: str, pivot: str, items: int) -> list[Measure]:
    """Bits of right answers between the pivot and the trained language, and between the pivot and all others."""
    others = [way for other in made.words.columns if other not in (code, pivot) for way in _both_ways(pivot, other)]
    ways = {"bilingual": (_both_ways(pivot, code), items * _BILINGUAL), "multilingual": (others, items)}
    return [
        answer_bits(made, directions=directions, form=form, limit=limit, name=measure_name(scope, form))
        for scope, (directions, limit) in ways.items()
        for form in FORMS
    ]
