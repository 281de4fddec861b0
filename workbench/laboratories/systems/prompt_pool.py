"""Prompt pool: prompts that texts retrieve by their embeddings, and whether the retrieval follows languages."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from workbench.arguments import checked, one_of, whole_number
from workbench.laboratories.parts.data import lines
from workbench.laboratories.parts.information import mutual_information
from workbench.laboratories.parts.objectives import text
from workbench.laboratories.parts.prompts import prompts
from workbench.laboratories.parts.retrieval import in_own_languages, prompted_bits, strongest_prompt
from workbench.laboratories.provenance import recorded
from workbench.laboratories.recipe import Control, Materials, Measure, Recipe
from workbench.laboratories.run import run
from workbench.laboratories.training.limits import require
from workbench.laboratories.verdict import WORDS, excess, number
from workbench.results.make import make_result

BITS, OTHER, STRONGEST = "bits per byte", "bits per byte, other query", "strongest prompt"
PLAIN, FIXED, LANGUAGE, LARGE = "plain", "fixed_keys", "by_language", "equal_weights"
CONTROLS = {
    PLAIN: "one prompt of equal length",
    FIXED: "random keys that are not trained",
    LANGUAGE: "a prompt for each language",
    LARGE: "one prompt of as many weights",
}
QUICK = {"seeds": 1, "steps": 3, "texts": 4}


# Long: the parts of the recipe are the method's own options.
@checked
def prompt_pool(
    base: Any = "polyglot",
    *,
    pool: int = 16,
    length: int = 4,
    steps: int = 60,
    batch: int = 3,
    rate: float = 0.1,
    texts: int = 30,
    controls: Sequence[str] = (PLAIN, FIXED, LANGUAGE),
    seeds: int = 3,
    quick: bool = False,
    progress: bool = True,
    seed: int = 0,
    **materials: Any,
) -> xr.Dataset:
    """Train a pool of prompts in front of a frozen model on text, and measure whether languages retrieve their own.

    The query of a text is the mean of all its token embeddings, those that are to be predicted among them, so that its
    bits per byte are no length of a code. They are measured with the query of another text of the language too.

    Args:
        base: as of `run`.
        pool: number of prompts.
        length: positions of a prompt.
        steps: updates.
        batch: rows of an update, of 128 tokens.
        rate: highest learning rate; about a third of the standard deviation of the model's embeddings is a start.
        texts: most texts of a language to measure on.
        controls: of `plain`, `fixed_keys`, `by_language`, and `equal_weights`, one prompt of `pool * (length + 1)`
            positions.
        seeds: trainings of each condition.
        quick: one seed, few steps and few texts, to see that it runs; no numbers to believe.
        **materials: `words`, `corpus`, `languages`, `tokenizer` of `run`.

    Returns:
        As of `run`, with the measures bits per byte with the text's own query and with that of another text of its
        language. `information[condition, seed]` of the strongest prompt and the language, in bits, beside what permuted
        languages reach in 95 % of cases, `permuted_information`, and the one-sided `information_p_value`; NaN without
        a pool. `retrieved[condition, seed, language, prompt]`: share of the texts whose strongest prompt it is.

    Raises:
        As `run`; BadArgument: fewer than two prompts, or an unknown control.

    Source:
        Zeng et al. 2023 (arXiv 2306.07610, XLM-P), for a frozen causal model; see the page.

    Example:
        >>> result = prompt_pool(pool=16)                                                        # doctest: +SKIP
        >>> result.attrs["finding"]                                                              # doctest: +SKIP
    """
    whole_number("pool", pool, at_least=2)
    require(length=length, steps=steps, batch=batch, rate=rate, texts=texts, seeds=seeds)
    if quick:
        seeds, steps, texts = QUICK["seeds"], QUICK["steps"], QUICK["texts"]
    objective = in_own_languages(text())
    recipe = Recipe("prompt_pool", lines(), objective, prompts(pool, length), steps, batch, rate=rate)
    result = run(
        recipe,
        base,
        measures=lambda made: _measures(made, texts),
        controls={one_of("controls", name, CONTROLS): _control(name, pool, length) for name in controls},
        seeds=seeds,
        progress=progress,
        seed=seed,
        **materials,
    )
    strongest = result.score.sel(measure=STRONGEST, drop=True)
    result = result.sel(measure=[BITS, OTHER]).assign(_information(strongest, pool, seed).data_vars)
    result = recorded(result, {"pool": pool, "length": length, "texts": texts})
    return result.assign_attrs(finding=sentence(result))


def _measures(made: Materials, texts: int) -> list[Measure]:
    corpus = made.test.limit(texts)
    return [
        prompted_bits(corpus, BITS),
        prompted_bits(corpus, OTHER, other_query=True),
        strongest_prompt(corpus, STRONGEST),
    ]


def _control(name: str, pool: int, length: int) -> Control:
    def control(recipe: Recipe, made: Materials) -> Recipe:
        trainable = {
            PLAIN: lambda: prompts(1, length),
            FIXED: lambda: prompts(pool, length, keys="fixed"),
            LANGUAGE: lambda: prompts(list(made.corpus.languages), length),
            LARGE: lambda: prompts(1, pool * (length + 1)),
        }[name]()
        return recipe.but(name=name, trainable=trainable)

    return control


def _information(strongest: xr.DataArray, pool: int, seed: int) -> xr.Dataset:
    """Information of the strongest prompt, [condition, seed, language, sample], and the language."""
    shape = strongest.sizes["condition"], strongest.sizes["seed"]
    prompts_of_all = max(pool, int(np.nan_to_num(strongest.values).max()) + 1)
    values = np.full((3, *shape), np.nan)
    shares = np.full((*shape, strongest.sizes["language"], prompts_of_all), np.nan)
    for place in np.ndindex(*shape):
        chosen = strongest.values[place]  # [language, sample]
        rows, columns = (~np.isnan(chosen)).nonzero()
        if not len(rows):
            continue
        numbers = chosen[rows, columns].astype(int)
        measured = mutual_information(numbers.tolist(), strongest.language.values[rows].tolist(), seed=seed)
        values[:, *place] = measured.information, measured.permuted_high, measured.p_value
        shares[place] = 0
        np.add.at(shares[place], (rows, numbers), 1)
        shares[place] /= shares[place].sum(-1, keepdims=True)
    axes = ("condition", "seed")
    return make_result(
        {
            "information": (axes, values[0], "mutual information of the strongest prompt and the language [bits]"),
            "permuted_information": (axes, values[1], "95 % quantile of it over permuted languages [bits]"),
            "information_p_value": (axes, values[2], "probability of as much under permuted languages, one-sided"),
            "retrieved": ((*axes, "language", "prompt"), shares, "share of the texts whose strongest prompt it is"),
        },
        {name: strongest[name].values.tolist() for name in (*axes, "language")},
        method="laboratories.prompt_pool",
        parameters={},
    )


def sentence(result: xr.Dataset) -> str:
    """What the pool did to the loss, and whether its retrieval follows languages, from the numbers."""
    own = result.sel(measure=BITS)
    parts = []
    for name in result.control.values:
        beyond = own.sel(control=name)
        parts.append(f"{''.join(excess(beyond))} against {CONTROLS[str(name)]}: it {WORDS[int(beyond.mean_helps)]}")
    changed = {name: result.mean_change.sel(condition="recipe", measure=name) for name in (BITS, OTHER)}
    loss = f"The pool changes bits per byte by {number(changed[BITS])}, by {number(changed[OTHER])} with the query of"
    return f"{loss} another text; {'; '.join(parts)}. {_clustering(result)}"


def _clustering(result: xr.Dataset) -> str:
    """Whether the strongest prompt follows languages: above permuted ones in every seed, or no claim."""
    information = result.information.sel(condition="recipe")
    above = bool((information > result.permuted_information.sel(condition="recipe")).all())
    permuted = float(result.permuted_information.sel(condition="recipe").max())
    shared = f"The strongest prompt shares {_range(information)} with the language (permuted: {permuted:.2f})"
    if not above:
        return f"{shared}: no clustering."
    seeds = f"in {information.size} of {information.size} seeds"
    if FIXED not in result.condition.values:
        return f"{shared}: it follows languages {seeds}."
    fixed = result.information.sel(condition=FIXED)
    more = bool((information > fixed).all())
    verdict = f"and training adds to it {seeds}" if more else "but not more in every seed than keys without training"
    return f"{shared}, with fixed random keys {_range(fixed)}: it follows languages, {verdict}."


def _range(values: xr.DataArray) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:.2f} bits" if round(low, 2) == round(high, 2) else f"{low:.2f} to {high:.2f} bits"
