"""Language layers: train only the layers in which neurons of languages fire most, and compare every other window."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import xarray as xr

from workbench.arguments import checked
from workbench.laboratories.base import materials, read_base
from workbench.laboratories.inside.inside import Inside
from workbench.laboratories.parts.controls import shuffled
from workbench.laboratories.parts.data import distinct_languages, questions
from workbench.laboratories.parts.objectives import answers
from workbench.laboratories.parts.trainables import everything, layers
from workbench.laboratories.provenance import recorded
from workbench.laboratories.recipe import Control, Recipe
from workbench.laboratories.run import run
from workbench.laboratories.systems.more_from_less import by_trained
from workbench.laboratories.training.limits import require
from workbench.laboratories.windows.plan import named, other_windows, planned, trained_instead, window_controls
from workbench.laboratories.windows.ranks import ranked, sentence

QUICK = {"seeds": 1, "steps": 4, "batch": 4, "items": 1, "windows": 2}
_TEXTS = 8  # of each language, for bits per byte in a quick run


# Long: how layers are chosen, what is trained and what is compared are the method's own options.
@checked
def language_layers(
    base: Any = "polyglot",
    *,
    parameters: float = 0.14,
    score: xr.Dataset | None = None,
    chosen: Sequence[int] | None = None,
    trained: str | Sequence[str] = ("de", "ja"),
    steps: int = 40,
    batch: int = 16,
    rate: float = 3e-4,
    items: int = 2,
    windows: int | None = None,
    seeds: int = 3,
    quick: bool = False,
    inside: Inside | None = None,
    progress: bool = True,
    seed: int = 0,
    words: Any = "words",
    corpus: Any = "parallel",
    languages: str | Sequence[str] | None = None,
    tokenizer: Any = None,
) -> xr.Dataset:
    """Train only the layers in which the neurons of languages fire most, and compare every other window of that size.

    The layers are chosen on the base, before any training, from the half of the texts that is trained on; what is
    trained are questions for translations between the trained languages, as in `more_from_less`.

    Args:
        base: as of `run`.
        parameters: largest share of the model's parameters that is trained.
        score: of the layers, as `layer_score` gives it; made of the neurons that `ternary` calls specific when None.
        chosen: neighbouring layers to train instead of those that the score chooses.
        trained: two or more languages; directions between them are trained, except held-out words.
        steps: updates.
        batch: rows of an update, of 128 tokens.
        rate: highest learning rate.
        items: held-out words of each direction.
        windows: other windows of that size to compare, drawn at random; all when None.
        seeds: trainings of each condition.
        quick: one seed, few steps, two other windows and few words, to see that it runs; no numbers to believe.
        inside: as of `run`.
        words: as of `run`.
        corpus: as of `run`.
        languages: as of `run`.
        tokenizer: as of `run`.

    Returns:
        As of `run`, where the recipe trains the chosen window, and a control each other one, `everything`, and
        `shuffled` answers; with `layer_score[layer]`, `chosen[layer]`, and the chosen window's place among all
        windows, `window_rank[measure]`, 1 the best, and `window_percentile[measure]`, the share of the others that
        change less for the better, in percent; and both of each seed, `window_rank_by_seed`,
        `window_percentile_by_seed`. Attributes `first`, `last`, `tied` of the choice,
        `windows`, how many were compared, and `finding`.

    Raises:
        As `run`; BadArgument: fewer than two trained languages, no layer fits, or `chosen` are no neighbours;
        BadResult: no neuron is a language's own.

    Source:
        After PLAST (arXiv 2508.18381), which tunes about 14 % of the parameters of vision-language models, in shallow
        layers, on question translations. No code is public and its statistic was not seen: score, rule and controls are
        ours, see the page.

    Example:
        >>> result = language_layers()                                                           # doctest: +SKIP
        >>> result.attrs["finding"], result.window_percentile                                           # doctest: +SKIP
    """
    trained = distinct_languages(trained, name="trained", least=2)
    require(steps=steps, batch=batch, rate=rate, items=items, windows=windows, seeds=seeds)
    if quick:
        seeds, steps, batch, items, windows = (QUICK[name] for name in ("seeds", "steps", "batch", "items", "windows"))
    read = read_base(base, tokenizer)
    made = materials(read, words=words, corpus=corpus, languages=languages)
    plan = planned(read, made.corpus, parameters, score=score, chosen=chosen)
    test = made.test.limit(_TEXTS) if quick else made.test
    others = other_windows(plan.layers, len(plan.scores), limit=windows, seed=seed)
    controls: dict[str, Control] = {**window_controls(others), "everything": trained_instead(everything())}
    result = run(
        Recipe("language_layers", questions(trained), answers(), layers(plan.layers), steps, batch).but(rate=rate),
        base,
        measures=lambda each: by_trained(replace(each, test=test), trained, items=items, forms=("question",)),
        controls={**controls, "shuffled": shuffled},
        seeds=seeds,
        inside=inside,
        words=words,
        corpus=corpus,
        languages=languages,
        tokenizer=tokenizer,
        progress=progress,
        seed=seed,
    )
    result = recorded(result, {"trained": trained, "layers": plan.layers, "parameters": parameters, "items": items})
    result = ranked(result, [named(window) for window in others])
    result = plan.add_to(result).assign_attrs(windows=len(others) + 1)
    return result.assign_attrs(finding=sentence(result, named(plan.layers)))
