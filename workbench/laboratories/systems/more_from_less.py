"""More from less: questions for translations between two languages, and what all the others gain."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import xarray as xr

from workbench.arguments import checked
from workbench.laboratories.inside.inside import Inside
from workbench.laboratories.parts.data import Direction, distinct_languages, held_out_concepts, questions
from workbench.laboratories.parts.measures import bits_per_byte, exact_match
from workbench.laboratories.parts.objectives import answers
from workbench.laboratories.parts.trainables import everything
from workbench.laboratories.provenance import recorded
from workbench.laboratories.recipe import Materials, Measure, Recipe, Trainable
from workbench.laboratories.run import run
from workbench.laboratories.training.limits import require

_BOTH, _INTO, _FROM, _NONE = "both trained", "into a trained one", "out of a trained one", "none trained"
QUICK = {"seeds": 1, "steps": 4, "items": 1}


# Long: the parts of the recipe are the method's own options.
@checked
def more_from_less(
    base: Any = "polyglot",
    *,
    trained: str | Sequence[str] = ("de", "ja"),
    trainable: Trainable | None = None,
    steps: int = 80,
    batch: int = 16,
    rate: float = 3e-4,
    items: int = 4,
    controls: Sequence[str] = ("shuffled", "text"),
    seeds: int = 3,
    quick: bool = False,
    inside: Inside | None = None,
    progress: bool = True,
    seed: int = 0,
    **materials: Any,
) -> xr.Dataset:
    """Train on questions for translations between two languages, and measure directions with both, one or none of them.

    Every language is trained on questions alone, in a form that the base has not seen (`(Hund) = Suomi? "`), without
    answers to any task; the loss covers the translation. The claim is that languages gain which were not trained.

    Args:
        base: as of `run`.
        trained: two or more languages; directions between them are trained, except held-out words.
        trainable: what is trained; everything when None. For a large model `lora()`.
        steps: updates.
        batch: rows of an update, of 128 tokens.
        rate: highest learning rate.
        items: held-out words of each direction.
        controls: as of `run`.
        seeds: trainings of each condition.
        quick: one seed, few steps and few words, to see that it runs; no numbers to believe.
        inside: as of `run`.
        **materials: `words`, `corpus`, `languages`, `tokenizer` of `run`.

    Returns:
        As of `run`, with the measures exact match by which languages of a direction were trained (both, the answer's,
        the question's, none), in the trained form (`question`) and in that of pretraining (`line`, with five solved
        ones), and bits per byte.

    Raises:
        As `run`; BadArgument: fewer than two trained languages.

    Source:
        Zhang et al. 2024 (arXiv 2405.13816); their LoRA, data and task are replaced by words, see the page.

    Example:
        >>> result = more_from_less(trained=["de", "ja"])                                        # doctest: +SKIP
        >>> result.attrs["finding"]                                                              # doctest: +SKIP
    """
    trained = distinct_languages(trained, name="trained", least=2)
    require(steps=steps, batch=batch, rate=rate, items=items, seeds=seeds)
    if quick:
        seeds, steps, items = QUICK["seeds"], QUICK["steps"], QUICK["items"]
    trainable = trainable or everything()
    recipe = Recipe("more_from_less", questions(trained), answers(), trainable, steps, batch)
    result = run(
        recipe.but(rate=rate),
        base,
        measures=lambda made: by_trained(made, trained, items=items),
        controls=controls,
        seeds=seeds,
        inside=inside,
        progress=progress,
        seed=seed,
        **materials,
    )
    return recorded(result, {"trained": trained, "items": items, "trainable": trainable})


def by_trained(
    made: Materials, trained: Sequence[str], *, items: int = 4, forms: Sequence[str] = ("question", "line")
) -> list[Measure]:
    """Exact match in each form by which languages of a direction are trained, and bits per byte."""
    groups: dict[str, list[Direction]] = {_BOTH: [], _INTO: [], _FROM: [], _NONE: []}
    for way in permutations(made.words.columns, 2):
        if held_out_concepts(made.words, made.held_out, *way):
            groups[_group(way, trained)].append(way)
    measures = []
    for form in forms:
        shots, share = (0, 1) if form == "question" else (5, 2)  # solved questions make prompts long: half as many
        for group, ways in groups.items():
            if ways:
                limit = max(1, (_TIMES if group == _BOTH else 1) * items // share)
                name = f"{form}, {group}"
                measures.append(exact_match(made, directions=ways, name=name, form=form, shots=shots, limit=limit))
    return [*measures, bits_per_byte(made.test)]


def _group(way: Direction, trained: Sequence[str]) -> str:
    source, target = (code in trained for code in way)
    return _BOTH if source and target else _INTO if target else _FROM if source else _NONE


_TIMES = 8  # between two trained languages there are two directions only, so more words of each are measured
