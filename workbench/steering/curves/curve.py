"""Curve: success and relevance of steering over layers and strengths, beside what is no direction of the language."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument
from workbench.evaluation.responses.passes import named
from workbench.model.model import Model
from workbench.results.make import make_result
from workbench.steering.curves.cells import Axes, plan, texts_of
from workbench.steering.curves.chosen import Table, chosen_variables, curve_variables, halves
from workbench.steering.responses.judge import judge
from workbench.steering.steer import Prompts, prompt_table, target_of
from workbench.steering.vectors.scaled import Unit
from workbench.text.corpus import digest
from workbench.text.languages import check


# Long: the options of the edit, of the writing and of the scoring.
@checked
def curve(
    model: Model,
    prompts: Prompts,
    direction: xr.Dataset,
    *,
    identify: Callable,
    language: str | None = None,
    strengths: Sequence[float] = (0.25, 0.5, 1.0, 2.0),
    layers: Sequence[int] | None = None,
    baselines: Mapping[str, Callable] | None = None,
    instruction: str | None = None,
    positions: Literal["all", "generated"] = "all",
    unit: Unit = "residual",
    tokens: int = 24,
    relevance: Callable | None = None,
    others: int = 9,
    bar: float = 0.3,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Steer with a direction at each layer alone and in each strength, and score what is written.

    Settings: `"none"`, the model as it is; `"direction"`; `"random"`, the direction turned at random; the caller's
    own, such as neurons set to their means; and `"instruction"` in the prompt. What has no layer, or no strength, has
    the same value at each. Writing is greedy.

    The best layer and strength of a setting would be too good on the prompts that chose them. So they are chosen, by
    the harmonic mean, on one random half of the distinct prompts, and scored on the other. Of equal cells the weakest
    and then the lowest layer is taken.

    Args:
        model: the model.
        prompts: as of `steer`; at least four different ones.
        direction: of one language, as of `steer`.
        identify: as of `score`, as are `relevance`, `others` and `bar`.
        language: the target; the direction's own when None.
        strengths: different numbers above 0, in `unit`.
        layers: each is steered alone; those where the direction is not 0 when None.
        baselines: name to a function from a strength to a context manager, inside which the model is steered, such as
            `lambda strength: wb.model.edited(model, heads=1 + strength * mask)`.
        instruction: a prompt with `{prompt}` in it, such as `"Answer in German: {prompt}"`.
        positions: as of `steer`, as is `unit`; baselines do as they do.
        unit: of the strengths.
        tokens: most tokens to write.
        relevance: a judge in place of the model.
        others: prompts to compare with.
        bar: of the identifier's score.
        seed: of the random directions, the halves, the other prompts and the bootstrap.

    Returns:
        `success`, `relevance`, `both`, `harmonic[setting, layer, strength]` with `_low` and `_high` (as of `score`),
        and `copied`; `chosen_layer[setting]` and `chosen_strength[setting]`; on the other half `held_out_success`,
        `held_out_relevance`, `held_out_both` and `held_out_harmonic[setting]` with their intervals, and
        `advantage[setting]`, the direction's harmonic mean less the setting's on the same prompts, with its own; by
        prompt `succeeded`, `relevant` and `text[setting, layer, strength, prompt]`; `chooses[prompt]`.

    Raises:
        BadArgument: strengths or layers that do not exist, a baseline of a name of ours, an instruction without a
            prompt, no target, or fewer than four different prompts.
        BadResult: a direction of another model.
        BadCorpus: no prompt, or a single one of a language.
        TooLarge: a prompt leaves no room for `tokens`.

    Source:
        Gurgurov et al. 2026, CLaS-Bench (arXiv 2601.08331); the choice on a half is ours.

    Example:
        >>> result = wb.steering.curve(model, prompts, german, identify=wb.text.by_fasttext())   # doctest: +SKIP
        >>> wb.figures.heatmap(result, "harmonic", setting="direction")                           # doctest: +SKIP
    """
    table = prompt_table(prompts)
    whole_number("others", others, at_least=1)
    target = _target(language, direction)
    languages = table["language"].tolist() if "language" in table else [""] * len(table)
    texts = table["prompt"].tolist()
    clusters = pd.Series(list(zip(languages, texts, strict=True))).factorize()[0]
    half = halves(clusters, seed)
    axes = Axes.checked(direction, strengths, layers, baselines or {}, instruction)
    cells = plan(axes, direction, texts, baselines or {}, instruction, unit=unit, seed=seed)
    writing = {"tokens": tokens, "positions": positions, "batch_size": batch_size}
    written = texts_of(model, cells, writing, progress)
    judged = judge(
        model,
        texts * len(cells),
        [text for rows in written for text in rows],
        languages=languages * len(cells),
        targets=[target] * len(cells) * len(texts),
        identify=identify,
        bar=bar,
        relevance=relevance,
        others=others,
        batch_size=batch_size,
        progress=progress,
        seed=seed,
    )
    scores = np.stack([judged.success, judged.relevant, judged.copied]).astype(float).reshape(3, len(cells), -1)
    scored = Table.of(axes, cells, scores, written, clusters)
    parameters = {"unit": unit, "positions": positions, "tokens": tokens, "instruction": instruction, "bar": bar}
    parameters |= {"others": others, "level": level, "target": target, "identify": named(identify)}
    return make_result(
        {**curve_variables(scored, level, seed), **chosen_variables(scored, axes, half, level, seed)},
        {"setting": axes.settings, "layer": axes.layers, "strength": axes.strengths, "prompt": texts},
        method="steering.curve",
        parameters={**parameters, "relevance": None if relevance is None else named(relevance)},
        model=model.info,
        corpus={"source": "prompts", "hash": digest(texts)},
        seed=seed,
        attrs={"level": level, "target": target, "chance": float(np.mean(judged.chance))},
    )


def _target(language: str | None, direction: xr.Dataset) -> str:
    """The language that responses should be in."""
    target = language or target_of(direction)
    if not target:
        raise BadArgument("language=None, and the direction names none; give it, or use directions(...).sel(language=)")
    return check(target)
